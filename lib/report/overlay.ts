/** Boxes and points of faces drawn over a photograph. */
import type { Sharp } from 'sharp'
import type { DetectedFace } from '../detection/types.js'
import { sharp } from '../images/sharp.js'

/**
 * The photograph as displayed, its EXIF orientation applied, with a frame around each face and a dot on each point.
 *
 * @param file a path, or the bytes of an image file.
 * @param faces to draw, in pixels of the photograph as displayed.
 * @returns a sharp pipeline, to be written or encoded.
 *
 * @example
 * ```ts
 * const [found] = await detectFaces(['party.jpg'], { model: detector })
 * const picture = await drawFaces('party.jpg', found!)
 * await picture.toFile('found.jpg')
 * ```
 */
export async function drawFaces(file: string | Uint8Array, faces: readonly DetectedFace[]): Promise<Sharp> {
  const image = sharp(file).autoOrient()
  const { autoOrient } = await image.metadata()
  const svg = facesSvg(faces, autoOrient.width, autoOrient.height)
  return image.toColourspace('srgb').composite([{ input: Buffer.from(svg), left: 0, top: 0 }])
}

/** A transparent picture of the photograph's size; line widths follow it. Whole coordinates are the centres of pixels. */
export function facesSvg(faces: readonly DetectedFace[], width: number, height: number): string {
  const line = Math.max(1, Math.max(width, height) / 320)
  const shapes = faces.map(({ box, points }) => {
    const frame = `<rect x="${px(box.x)}" y="${px(box.y)}" width="${px(box.width)}" height="${px(box.height)}"/>`
    const dots = points.flatMap((_, i) => {
      if (i % 2 === 1) return []
      const [x, y] = [px(points[i]! + 0.5), px(points[i + 1]! + 0.5)]
      return [`<circle cx="${x}" cy="${y}" r="${px(line * 1.2)}"/>`]
    })
    // Dark under light, so that it shows on any skin and any wall.
    const drawn = `${frame}${dots.join('')}`
    return (
      `<g stroke="#111" stroke-width="${px(line * 2)}">${drawn}</g>` +
      `<g stroke="#fff" stroke-width="${px(line)}">${drawn}</g>`
    )
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" fill="none">${shapes.join('')}</svg>`
}

const px = (value: number) => value.toFixed(2)
