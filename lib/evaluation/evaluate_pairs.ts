/** Accuracy and VAL at FAR of pairs whose distances are known, by the protocol of Labeled Faces in the Wild. */
import { types } from 'node:util'
import { describe, invalidArgument } from '../errors.js'
import { checkInteger, checkOptions } from '../native/check_arguments.js'
import { type Curve, curveOf } from './curve.js'
import { atFar, bestThreshold, farTargets, type RocPoint, rocCorners, unsupported } from './rates.js'
import { mean, standardError } from './statistics.js'

/** One fold of `evaluatePairs`. */
export interface FoldResult {
  /** Share of the fold's pairs that the threshold judges rightly, 0..1. */
  accuracy: number
  /** Squared L2; chosen on all other folds. */
  threshold: number
  /** Pairs in the fold. */
  pairs: number
}

/** VAL where FAR is at most `far`. `val`, `standardError` and `threshold` are null where the pairs cannot show that FAR. */
export interface ValAtFar {
  /** The false accept rate. */
  far: number
  /** Mean over the folds, 0..1. */
  val: number | null
  /** Of that mean; null also where there is one fold only. */
  standardError: number | null
  /** Mean over the folds, squared L2. */
  threshold: number | null
  /** Why there is no figure. */
  reason?: string
}

/** What `evaluatePairs` finds. */
export interface PairsResult {
  /** Mean of the folds' accuracies, 0..1. */
  accuracy: number
  /** Standard error of that mean. */
  standardError: number
  /** Mean of the folds' thresholds, squared L2. */
  threshold: number
  /** What each fold gave. */
  folds: FoldResult[]
  /** Of all pairs together, from the strictest threshold to the loosest; the corners only. */
  roc: RocPoint[]
  /** At FAR 1e-1, 1e-2 ... 1e-6, each fold's threshold chosen on the fold itself, as in the paper. */
  val: ValAtFar[]
}

/** Options of `evaluatePairs`. */
export interface PairsOptions {
  /**
   * Take folds of different sizes, each with the same weight.
   * @default false: they are refused
   */
  unequalFolds?: boolean
}

/**
 * K-fold accuracy: each fold is judged by the threshold that judges most pairs of all other folds rightly. A pair counts as
 * one person where its distance is below the threshold. Thresholds lie midway between neighbouring distances, all of
 * them are tried, and of equally good ones the lowest is taken.
 *
 * @param distances n squared L2 distances, finite.
 * @param same n truths: true or 1 for two images of one person, false or 0 for two people.
 * @param folds how many folds of equal size and neighbouring pairs, at least 2; or the fold of each pair, 0 or greater.
 * @param options whether folds may be of different sizes.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT
 *
 * @example
 * ```ts
 * const { accuracy, standardError, val } = await evaluatePairs(distances, same, 10)
 * ```
 */
export async function evaluatePairs(
  distances: ArrayLike<number>,
  same: ArrayLike<boolean | number>,
  folds: number | Int32Array,
  options: PairsOptions = {},
): Promise<PairsResult> {
  checkOptions(options, 'options', ['unequalFolds'])
  const pairs = checkPairs(distances, same)
  const members = foldMembers(folds, pairs.distances.length, options.unequalFolds === true)
  const results = members.map((fold, k) => {
    const threshold = bestThreshold(othersCurve(pairs, members, k))
    return { accuracy: accuracy(pairs, fold, threshold), threshold, pairs: fold.length }
  })
  const accuracies = results.map((fold) => fold.accuracy)
  return {
    accuracy: mean(accuracies),
    standardError: standardError(accuracies)!,
    threshold: mean(results.map((fold) => fold.threshold)),
    folds: results,
    roc: rocCorners(curveOfPairs(pairs)),
    val: valOfCurves(
      members.map((fold) => curveOfPairs(pairs, fold)),
      ' a fold',
    ),
  }
}

/** Threshold chosen on `train`, accuracy on `test`: View 1. The standard error is that of a share of independent pairs. */
export function evaluateSplit(train: CheckedPairs, test: CheckedPairs): PairsResult {
  const threshold = bestThreshold(bothKinds(curveOfPairs(train), 'the development pairs'))
  const share = accuracy(test, everyPair(test), threshold)
  const curve = bothKinds(curveOfPairs(test), 'the test pairs')
  return {
    accuracy: share,
    standardError: Math.sqrt((share * (1 - share)) / test.distances.length),
    threshold,
    folds: [{ accuracy: share, threshold, pairs: test.distances.length }],
    roc: rocCorners(curve),
    val: valOfCurves([curve], ''),
  }
}

/** VAL at every FAR of the list, over folds or splits. */
export function valOfCurves(curves: readonly Curve[], where: string): ValAtFar[] {
  const fewest = Math.min(...curves.map((curve) => curve.different))
  const without = curves.some((curve) => curve.same === 0)
  return farTargets.map((far) => {
    const reason = without ? `a part without same pairs has no VAL` : unsupported(far, fewest, where)
    if (reason) return { far, val: null, standardError: null, threshold: null, reason }
    const points = curves.map((curve) => atFar(curve, far))
    const vals = points.map(({ val }) => val)
    const threshold = mean(points.map((point) => point.threshold))
    return { far, val: mean(vals), standardError: standardError(vals), threshold }
  })
}

/** Pairs of images that were checked. */
export interface CheckedPairs {
  /** Squared L2, finite. */
  distances: Float64Array
  /** 1: same, 0: different. */
  same: Uint8Array
}

/** Both kinds of pairs must be there, as many distances as truths, and nothing that is not finite. */
export function checkPairs(distances: ArrayLike<number>, same: ArrayLike<boolean | number>): CheckedPairs {
  if (!isList(distances)) throw invalidArgument('distances', 'an array of numbers', distances)
  if (!isList(same)) throw invalidArgument('same', 'an array of booleans', same)
  if (same.length !== distances.length) {
    throw invalidArgument('same', `${distances.length} values, one a distance`, describe(same))
  }
  const checked = { distances: Float64Array.from(distances), same: new Uint8Array(same.length) }
  for (let i = 0; i < same.length; i++) {
    if (typeof distances[i] !== 'number' || !Number.isFinite(distances[i])) {
      throw invalidArgument(`distances[${i}]`, 'a finite number', distances[i])
    }
    const truth = same[i]
    if (truth !== true && truth !== false && truth !== 0 && truth !== 1) {
      throw invalidArgument(`same[${i}]`, 'true or false, 1 or 0', truth)
    }
    checked.same[i] = Number(truth)
  }
  const count = checked.same.reduce((sum, value) => sum + value, 0)
  if (count === 0 || count === same.length) {
    throw invalidArgument(
      'same',
      'pairs of both kinds',
      `${same.length} ${count === 0 ? 'different' : 'same'} pairs only`,
    )
  }
  return checked
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value)

/** The pairs of each fold, as indices. */
function foldMembers(folds: number | Int32Array, pairs: number, unequal: boolean): number[][] {
  const members = types.isInt32Array(folds)
    ? byIndex(folds, pairs)
    : inBlocks(checkInteger(folds, 'folds', 2, pairs), pairs, unequal)
  const sizes = members.map((fold) => fold.length)
  if (members.length < 2) throw invalidArgument('folds', 'at least 2 folds', `${members.length}`)
  if (!unequal && new Set(sizes).size > 1) {
    const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
    throw invalidArgument('folds', 'folds of equal size', `folds of ${least} to ${most} of ${pairs} pairs`)
  }
  return members
}

function inBlocks(count: number, pairs: number, unequal: boolean): number[][] {
  if (pairs % count !== 0 && !unequal) {
    throw invalidArgument('folds', `folds of equal size: a number that divides ${pairs} pairs`, count)
  }
  const start = (fold: number) => Math.floor((fold * pairs) / count)
  return Array.from({ length: count }, (_, k) =>
    Array.from({ length: start(k + 1) - start(k) }, (_, i) => start(k) + i),
  )
}

function byIndex(folds: Int32Array, pairs: number): number[][] {
  if (folds.length !== pairs) throw invalidArgument('folds', `${pairs} fold numbers, one a pair`, describe(folds))
  const members = new Map<number, number[]>()
  for (const [i, fold] of folds.entries()) {
    if (fold < 0) throw invalidArgument(`folds[${i}]`, 'a fold number of at least 0', fold)
    if (!members.has(fold)) members.set(fold, [])
    members.get(fold)!.push(i)
  }
  return [...members].sort(([a], [b]) => a - b).map(([, fold]) => fold)
}

const everyPair = ({ distances }: CheckedPairs) => Array.from(distances.keys())

function curveOfPairs({ distances, same }: CheckedPairs, fold?: readonly number[]): Curve {
  const indices = fold ?? everyPair({ distances, same })
  const of = (kind: number) =>
    Float64Array.from(
      indices.filter((i) => same[i] === kind),
      (i) => distances[i]!,
    )
  return curveOf(of(1), of(0))
}

function othersCurve(pairs: CheckedPairs, members: readonly number[][], k: number): Curve {
  const others = members.flatMap((fold, i) => (i === k ? [] : fold))
  return bothKinds(curveOfPairs(pairs, others), `all folds but number ${k}`)
}

function bothKinds(curve: Curve, where: string): Curve {
  if (curve.same > 0 && curve.different > 0) return curve
  const only = curve.same === 0 ? 'different' : 'same'
  throw invalidArgument('folds', `pairs of both kinds in ${where}`, `${only} pairs only`)
}

function accuracy({ distances, same }: CheckedPairs, fold: readonly number[], threshold: number): number {
  return fold.filter((i) => distances[i]! < threshold === (same[i] === 1)).length / fold.length
}
