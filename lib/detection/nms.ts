/** Non-maximum suppression: of faces that overlap, the best stays. */
import { invalidArgument } from '../errors.js'
import { checkOneOf } from '../options.js'
import type { FaceBox } from './types.js'

const overlapKinds = ['union', 'min'] as const
/** What the shared area of two boxes is divided by: `union`, the area both cover together (IoU), or `min`, the smaller box. */
export type OverlapKind = (typeof overlapKinds)[number]

/** 0: apart; 1: the same box, or with `min` one inside the other. Boxes without area overlap with nothing. */
export function overlap(a: FaceBox, b: FaceBox, kind: OverlapKind = 'union'): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  if (!(width > 0 && height > 0)) return 0
  const shared = width * height
  const [areaA, areaB] = [a.width * a.height, b.width * b.height]
  return shared / (kind === 'min' ? Math.min(areaA, areaB) : areaA + areaB - shared)
}

/**
 * Indices of the boxes that stay, best first. A box goes where it overlaps a better one that stays by more than `threshold`
 * (0..1). Of equal scores the earlier box is the better one, so the answer does not depend on how a sort treats ties.
 */
export function nonMaximumSuppression(
  boxes: readonly FaceBox[],
  scores: ArrayLike<number>,
  threshold: number,
  kind: OverlapKind = 'union',
): number[] {
  if (scores.length !== boxes.length) {
    throw invalidArgument('scores', `${boxes.length} scores, one a box`, `${scores.length}`)
  }
  if (!(threshold >= 0 && threshold <= 1)) throw invalidArgument('threshold', 'a number in 0..1', threshold)
  checkOneOf(kind, 'kind', overlapKinds)
  const order = Array.from(boxes.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b)
  const kept: number[] = []
  for (const i of order) {
    if (kept.every((better) => overlap(boxes[i]!, boxes[better]!, kind) <= threshold)) kept.push(i)
  }
  return kept
}
