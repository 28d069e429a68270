/** The smallest face that is looked for: in pixels, or as a share of the image's longer side. */
import { invalidArgument } from '../errors.js'

/** Pixels of the image, or as `2%` a share of its longer side. */
export type MinSize = number | `${number}%`

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT */
export function checkMinSize(value: unknown): MinSize | undefined {
  if (value === undefined) return undefined
  const number = typeof value === 'string' ? Number(/^(\d+(?:\.\d+)?)%$/.exec(value)?.[1] ?? Number.NaN) : value
  const most = typeof value === 'string' ? 100 : Infinity
  if (typeof number !== 'number' || !(number > 0 && number <= most && Number.isFinite(number))) {
    throw invalidArgument('options.minSize', "pixels above 0, or a share of the longer side as '2%'", value)
  }
  return value as MinSize
}

/** In pixels of an image of this size. */
export function minPixels(minSize: MinSize | undefined, image: { width: number; height: number }): number | undefined {
  if (typeof minSize !== 'string') return minSize
  return (Number(minSize.slice(0, -1)) / 100) * Math.max(image.width, image.height)
}
