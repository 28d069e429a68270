/** JPEG files to pixels by the addon, where it was built with libjpeg-turbo: several times as fast as by sharp, and the same. */
import { native } from '../native/addon.js'
import { enqueueCall } from '../native/queue.js'
import type { Affine, Region, Size } from './geometry.js'
import { type PlainJpeg, plainJpeg } from './jpeg_header.js'
import type { RawImage } from './warp.js'

/** Asked once and not for each image: the answer lists the build and all devices. */
let hasLibrary: boolean | undefined

/** A JPEG that the addon decodes, of at most so many pixels. Undefined: it is for sharp, to decode or to refuse. */
export function jpegForAddon(bytes: Uint8Array, limitInputPixels: number): PlainJpeg | undefined {
  hasLibrary ??= native().info().jpeg !== null
  if (!hasLibrary) return undefined
  const header = plainJpeg(bytes)
  return header && header.width * header.height <= limitInputPixels ? header : undefined
}

/** As it is displayed. */
export function displayedSize({ width, height, orientation }: PlainJpeg): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height }
}

/**
 * The pixels of a region of the image as displayed. Undefined where the addon leaves it undone: what it says of damage is what
 * sharp says of it.
 */
export async function decodeJpeg(
  bytes: Uint8Array,
  header: PlainJpeg,
  region: Region,
  signal?: AbortSignal,
): Promise<RawImage | undefined> {
  const { width, height } = region
  const out = Buffer.allocUnsafeSlow(width * height * 3)
  const decoded = new Uint8Array(1)
  const image = { data: bytes, ...header, shrink: 1 as const, region, out }
  await enqueueCall(signal, (cancel) => native().decodeJpegs([image], decoded, cancel))
  return decoded[0] ? { data: out, width, height } : undefined
}

/** A crop of a JPEG: `map` leads from pixels of the output to pixels of the region. */
export interface JpegCrop {
  bytes: Uint8Array
  header: PlainJpeg
  region: Region
  map: Affine
}

/**
 * Decodes JPEGs and fills `out`, crops x height x width x 3 bytes of `output`, in one call. Resolves to 1 for each that was
 * decoded, 0 for each that is left to sharp.
 */
export async function cropJpegs(
  crops: readonly JpegCrop[],
  output: Size,
  out: Uint8Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const decoded = new Uint8Array(crops.length)
  const images = crops.map(({ bytes, header, region, map }) => {
    return { data: bytes, ...header, shrink: 1 as const, region, map }
  })
  const options = { width: output.width, height: output.height, device: 'cpu' as const }
  await enqueueCall(signal, (cancel) => native().cropJpegs(images, options, out, decoded, cancel))
  return decoded
}
