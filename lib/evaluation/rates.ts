/** What a curve says: the best threshold, VAL at a FAR, the equal error rate, the points of a ROC. */
import type { Curve } from './curve.js'

/** VAL is the share of same pairs that are accepted, FAR the share of different pairs that are. */
export interface RocPoint {
  /** Squared L2. */
  threshold: number
  /** 0..1 */
  far: number
  /** 0..1 */
  val: number
}

const point = (curve: Curve, at: number): RocPoint => ({
  threshold: curve.thresholds[at]!,
  far: curve.acceptedDifferent[at]! / curve.different,
  val: curve.acceptedSame[at]! / curve.same,
})

/** The threshold that judges most pairs rightly; of several that judge equally many, the lowest. */
export function bestThreshold(curve: Curve): number {
  let best = { right: -1, threshold: 0 }
  for (const [i, threshold] of curve.thresholds.entries()) {
    const right = curve.acceptedSame[i]! + curve.different - curve.acceptedDifferent[i]!
    if (right > best.right) best = { right, threshold }
  }
  return best.threshold
}

/** The FARs that reports list. */
export const farTargets = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6] as const

/**
 * Whether `different` pairs can show a FAR: with fewer than 1 / FAR of them, the smallest rate above zero is already
 * higher. Undefined where they can, else why they cannot.
 */
export function unsupported(far: number, different: number, where = ''): string | undefined {
  const needed = Math.ceil(1 / far - 1e-6)
  if (different >= needed) return undefined
  return `FAR ${far} needs at least ${needed} different pairs${where}, and there are ${different}`
}

/** The largest threshold that accepts at most `far` of the different pairs. */
export function atFar(curve: Curve, far: number): RocPoint {
  return atAccepted(curve, far * curve.different)
}

/** The largest threshold that accepts at most `allowed` different pairs. */
function atAccepted(curve: Curve, allowed: number): RocPoint {
  // A product such as 0.07 * 100 may come out just below the whole number that is meant.
  const most = allowed + 1e-9 * Math.max(1, allowed)
  let [low, high] = [0, curve.thresholds.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (curve.acceptedDifferent[middle]! <= most) low = middle
    else high = middle
  }
  return point(curve, low)
}

/** What any threshold accepts. In a curve of bins, one within a bin accepts nothing of it. */
export function atThreshold(curve: Curve, threshold: number): RocPoint {
  let [low, high] = [0, curve.reach.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (curve.reach[middle]! < threshold) low = middle
    else high = middle
  }
  return { ...point(curve, low), threshold }
}

/**
 * Where the threshold for `far` may lie in other pairs of the same kind: the thresholds whose numbers of false accepts are
 * 1.96 standard deviations of a binomial count below and above. It takes pairs for independent; those of one image
 * are not, so with few people it is too narrow.
 */
export function thresholdInterval(curve: Curve, far: number): { level: 0.95; low: number; high: number } {
  const expected = far * curve.different
  const deviation = 1.96 * Math.sqrt(expected * (1 - far))
  const [low, high] = [expected - deviation, expected + deviation].map((count) => {
    return atAccepted(curve, Math.min(Math.max(0, count), curve.different)).threshold
  }) as [number, number]
  return { level: 0.95, low, high }
}

/** Where FAR and 1 - VAL are nearest to each other, the lowest such threshold: `rate` is the mean of both there. */
export function equalErrorRate(curve: Curve): { rate: number; threshold: number } {
  let best = { gap: Infinity, rate: 1, threshold: 0 }
  for (let i = 0; i < curve.thresholds.length; i++) {
    const { threshold, far, val } = point(curve, i)
    const gap = Math.abs(far - (1 - val))
    if (gap < best.gap) best = { gap, rate: (far + 1 - val) / 2, threshold }
  }
  return { rate: best.rate, threshold: best.threshold }
}

/** The ROC from (0, 0) to (1, 1): only its corners, which draw the same line as all of its points. */
export function rocCorners(curve: Curve): RocPoint[] {
  const { acceptedSame: val, acceptedDifferent: far } = curve
  const last = val.length - 1
  const corners: RocPoint[] = []
  for (let i = 0; i <= last; i++) {
    const straight =
      i > 0 &&
      i < last &&
      ((val[i - 1] === val[i] && val[i] === val[i + 1]) || (far[i - 1] === far[i] && far[i] === far[i + 1]))
    if (!straight) corners.push(point(curve, i))
  }
  return corners
}

/** A point of the detection error trade-off: how many same pairs are missed at a false accept rate. */
export interface DetPoint {
  /** Squared L2. */
  threshold: number
  /** False accepts, 0..1. */
  far: number
  /** False rejects, 1 - VAL, 0..1. */
  frr: number
}

export function detPoints(roc: readonly RocPoint[]): DetPoint[] {
  return roc.map(({ threshold, far, val }) => ({ threshold, far, frr: 1 - val }))
}
