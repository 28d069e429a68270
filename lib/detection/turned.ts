/**
 * Photographs that lie on their side or stand on their head, without a tag that says so: where no face is found, or none that is
 * sure, the photograph is looked at again, turned by a quarter, a half and three quarters of a circle.
 */
import { sharp } from '../images/sharp.js'
import { facesOf, facesOfAll } from './own_pixels.js'
import type { DetectedFace, DetectOptions, FaceFinder, RgbImage } from './types.js'

/** Degrees, clockwise, by which a photograph is turned before it is looked at. */
export type Turn = 0 | 90 | 180 | 270

/** Of a face that leaves no doubt which way is up. */
const sureScore = 0.7

/** The faces of the way round that shows them best. */
export interface TurnedFaces {
  turn: Turn
  /** As it was looked at. */
  image: RgbImage
  /** In pixels of that. */
  faces: DetectedFace[]
}

/**
 * Of each of several images. One look, at all of them together, where a face is sure or nothing else is asked for, else four. At
 * equal scores the smaller turn stays.
 */
export async function findTurned(
  detector: FaceFinder,
  images: readonly RgbImage[],
  options: DetectOptions,
  tryRotated: boolean | undefined,
): Promise<TurnedFaces[]> {
  const upright = await facesOfAll(detector, images, options)
  const found: TurnedFaces[] = []
  for (const [i, image] of images.entries()) {
    const first: TurnedFaces = { turn: 0, image, faces: upright[i]! }
    found.push(tryRotated ? await bestTurn(detector, first, options) : first)
  }
  return found
}

async function bestTurn(detector: FaceFinder, upright: TurnedFaces, options: DetectOptions): Promise<TurnedFaces> {
  let best = upright
  if (topScore(best) >= sureScore) return best
  for (const turn of [90, 180, 270] as const) {
    const image = await turnedImage(upright.image, turn)
    const other = { turn, image, faces: await facesOf(detector, image, options) }
    if (topScore(other) > topScore(best)) best = other
  }
  return best
}

const topScore = ({ faces }: TurnedFaces) => Math.max(0, ...faces.map(({ score }) => score))

async function turnedImage(image: RgbImage, turn: 90 | 180 | 270): Promise<RgbImage> {
  const { data, width, height } = image
  const turned = await sharp(data, { raw: { width, height, channels: 3 } })
    .rotate(turn)
    .raw()
    .toBuffer()
  return turn === 180 ? { data: turned, width, height } : { data: turned, width: height, height: width }
}

/** A face of the turned image in pixels of the photograph, which is `width` x `height`. */
export function turnedBack(
  face: DetectedFace,
  turn: Turn,
  { width, height }: { width: number; height: number },
): DetectedFace {
  if (turn === 0) return face
  const { box } = face
  const [right, bottom] = [box.x + box.width, box.y + box.height]
  const quarter = { width: box.height, height: box.width }
  const back = {
    90: { x: box.y, y: height - right, ...quarter },
    180: { x: width - right, y: height - bottom, width: box.width, height: box.height },
    270: { x: width - bottom, y: box.x, ...quarter },
  }[turn]
  // Whole numbers are the corners of pixels in boxes, and their centres in points.
  const points: number[] = []
  for (let i = 0; i < face.points.length; i += 2) {
    const [x, y] = [face.points[i]!, face.points[i + 1]!]
    if (turn === 90) points.push(y, height - 1 - x)
    else if (turn === 180) points.push(width - 1 - x, height - 1 - y)
    else points.push(width - 1 - y, x)
  }
  return { ...face, box: back, points, turn }
}
