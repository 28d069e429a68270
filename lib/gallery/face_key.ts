/** What a face in a photograph is called, and whether two places in it are one face. */
import type { DetectedFace, FaceBox } from '../detection/types.js'

/**
 * `photos/a.jpg#xywh=120,80,64,64`: the photograph and the place in whole pixels, as the W3C's media fragments write it. It does not
 * change when another face is found beside it. A photograph that was taken whole is called by its path.
 */
export function faceKey(image: string, face: Pick<DetectedFace, 'box'> | undefined): string {
  if (!face) return image
  const { x, y, width, height } = face.box
  return `${image}#xywh=${[x, y, width, height].map(Math.round).join()}`
}

/** Of what two boxes cover, the share that both cover, 0..1. */
export function overlap(a: FaceBox, b: FaceBox): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  if (width <= 0 || height <= 0) return 0
  const both = width * height
  return both / (a.width * a.height + b.width * b.height - both)
}

/** Boxes that overlap by it are one face: two looks at one photograph, by other settings or another detector. */
const leastOverlap = 0.5

/**
 * For each of `found` which of `known` it is, by its place in that list, those that overlap most first; -1 for a new one. Without
 * boxes there is one face for a whole photograph.
 */
export function sameFaces(found: readonly (FaceBox | undefined)[], known: readonly (FaceBox | undefined)[]): number[] {
  const pairs = found.flatMap((a, i) =>
    known.map((b, j) => ({ i, j, share: a && b ? overlap(a, b) : a === b ? 1 : 0 })),
  )
  const of = found.map(() => -1)
  for (const { i, j, share } of pairs.sort((a, b) => b.share - a.share)) {
    if (share >= leastOverlap && of[i] === -1 && !of.includes(j)) of[i] = j
  }
  return of
}
