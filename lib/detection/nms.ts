/** Non-maximum suppression: of faces that overlap, the best stays. */
import { invalidArgument } from '../errors.js'
import { checkOneOf } from '../native/check_arguments.js'
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
  const near = new Neighbours()
  return order.filter((i) => {
    const box = boxes[i]!
    const stays = !near.some(box, (better) => overlap(box, better, kind) > threshold)
    if (stays) near.add(box)
    return stays
  })
}

/**
 * Boxes by their size and place, so that a box is held against those near it only: in a photograph of a thousand faces most
 * pairs are far apart. Boxes of one power of two share a grid whose cells are as large as the largest of them, so a box of it
 * that touches another starts in one of the cells that the other reaches, or in the one before.
 */
class Neighbours {
  private readonly grids = new Map<number, Map<string, FaceBox[]>>()

  add(box: FaceBox): void {
    const side = cellSide(box)
    const grid = this.grids.get(side) ?? new Map<string, FaceBox[]>()
    this.grids.set(side, grid)
    const key = `${Math.floor(box.x / side)} ${Math.floor(box.y / side)}`
    const there = grid.get(key)
    if (there) there.push(box)
    else grid.set(key, [box])
  }

  /** Whether `holds` is true of any box that may share area with this one. */
  some({ x, y, width, height }: FaceBox, holds: (box: FaceBox) => boolean): boolean {
    for (const [side, grid] of this.grids) {
      const [left, top] = [Math.floor(x / side) - 1, Math.floor(y / side) - 1]
      const [right, bottom] = [Math.floor((x + width) / side), Math.floor((y + height) / side)]
      if (!((right - left + 1) * (bottom - top + 1) < grid.size)) {
        for (const boxes of grid.values()) if (boxes.some(holds)) return true
        continue
      }
      for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) {
          if (grid.get(`${column} ${row}`)?.some(holds)) return true
        }
      }
    }
    return false
  }
}

/** The power of two that is no smaller than the box. */
function cellSide({ width, height }: FaceBox): number {
  return 2 ** Math.ceil(Math.log2(Math.max(width, height, 1e-3)))
}
