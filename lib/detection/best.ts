/** What is left of the faces of one image. */
import { nonMaximumSuppression, type OverlapKind } from './nms.js'
import type { DetectedFace } from './types.js'

/** Faces whose shorter side is at least `minSize`, best first; of those that overlap by more than `limit` the best. */
export function bestFaces<Face extends Pick<DetectedFace, 'box' | 'score'>>(
  faces: readonly Face[],
  limit: number,
  minSize = 0,
  kind: OverlapKind = 'union',
): Face[] {
  const large = faces.filter(({ box }) => Math.min(box.width, box.height) >= minSize)
  const kept = nonMaximumSuppression(
    large.map(({ box }) => box),
    large.map(({ score }) => score),
    limit,
    kind,
  )
  return kept.map((i) => large[i]!)
}
