/** What is left of VAL and accuracy under a condition: on a list of pairs, or over all pairs of labelled images. */
import { invalidArgument } from '../errors.js'
import { type AllPairsOptions, allPairs } from './all_pairs.js'
import { type Curve, curveOf } from './curve.js'
import {
  bareRows,
  checkFinite,
  type LabeledEmbeddings,
  type LabeledRows,
  numberPeople,
  splitPeople,
} from './evaluate_all_pairs.js'
import { evaluatePairs } from './evaluate_pairs.js'
import { atFar, atThreshold, equalErrorRate, farTargets, unsupported } from './rates.js'
import { standardError } from './statistics.js'

/** What is left of VAL and accuracy under one condition. */
export interface Robustness {
  /** VAL, 0..1, at the largest threshold that keeps to the FAR over all pairs. */
  val: number
  /** Standard error of VAL at that threshold, over folds or splits; null where there are none. */
  valError: number | null
  /** Squared L2. */
  threshold: number
  /** 0..1 */
  equalErrorRate: number
  /** Ten-fold accuracy, 0..1; for lists of pairs only. */
  accuracy?: number
  /** Its standard error, 0..1. */
  accuracyError?: number
}

/** The FAR that is asked for, or else 1e-3 as in the paper, or the lowest above it that so many pairs can show. */
export function supportedFar(different: number, asked?: number): number {
  if (asked !== undefined && !(asked > 0 && asked < 1)) throw invalidArgument('far', 'a rate between 0 and 1', asked)
  const wanted = asked === undefined ? farTargets.filter((far) => far >= 1e-3).toReversed() : [asked]
  const far = wanted.find((rate) => !unsupported(rate, different))
  if (far !== undefined) return far
  throw invalidArgument('far', 'a rate that the pairs can show', unsupported(wanted.at(-1)!, different)!)
}

/** A list of pairs, measured. */
export interface ListedPairs {
  /** Squared L2 distance per pair. */
  distances: Float64Array
  /** Whether a pair shows one person. */
  same: readonly boolean[]
  /** Fold per pair, 0 for the first. */
  folds: Int32Array
}

/**
 * VAL, accuracy and equal error rate of a list of pairs.
 *
 * @param pairs distances, truths and folds.
 * @param far at which VAL is taken, above 0 and below 1.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT
 *
 * @example
 * ```ts
 * const { val, accuracy } = await robustnessOfListedPairs({ distances, same, folds }, 1e-2)
 * ```
 */
export async function robustnessOfListedPairs(
  { distances, same, folds }: ListedPairs,
  far: number,
): Promise<Robustness> {
  const result = await evaluatePairs(distances, same, folds, { unequalFolds: true })
  const curve = (wanted: (i: number) => boolean) => {
    const kind = (truth: boolean) => distances.filter((_, i) => wanted(i) && same[i] === truth)
    return curveOf(kind(true), kind(false))
  }
  const parts = [...new Set(folds)].map((fold) => curve((i) => folds[i] === fold))
  const { accuracy, standardError } = result
  return {
    ...atCommonThreshold(
      curve(() => true),
      parts,
      far,
    ),
    accuracy,
    accuracyError: standardError,
  }
}

/** Options of `robustnessOfAllPairs`. */
export interface RobustnessOptions extends AllPairsOptions {
  /**
   * Disjoint sets of people over which the standard error is taken.
   * @default 5
   */
  splits?: number
}

/**
 * VAL and equal error rate over all pairs of labelled images.
 *
 * @param labeled n embeddings, and who is on each image.
 * @param far at which VAL is taken, above 0 and below 1.
 * @param options splits of the people, and where distances are computed.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT
 *
 * @example
 * ```ts
 * const { val, valError } = await robustnessOfAllPairs(labeled, 1e-3)
 * ```
 */
export async function robustnessOfAllPairs(
  labeled: LabeledEmbeddings | LabeledRows,
  far: number,
  options: RobustnessOptions = {},
): Promise<Robustness> {
  const input = bareRows(labeled)
  checkFinite(input)
  const { labels, names } = numberPeople(input.people)
  const splits = splitPeople(labels, names.length, options.splits)
  const { total, groupings } = await allPairs(input.embeddings, input.dimensions, labels, [splits], options)
  return atCommonThreshold(total, groupings[0]!, far)
}

/** Different pairs among all pairs of images. */
export function countDifferent(people: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const person of people) counts.set(person, (counts.get(person) ?? 0) + 1)
  const pairs = (n: number) => (n * (n - 1)) / 2
  return [...counts.values()].reduce((sum, count) => sum - pairs(count), pairs(people.length))
}

function atCommonThreshold(total: Curve, parts: readonly Curve[], far: number): Robustness {
  const { val, threshold } = atFar(total, far)
  const vals = parts.filter((part) => part.same > 0).map((part) => atThreshold(part, threshold).val)
  return { val, valError: standardError(vals), threshold, equalErrorRate: equalErrorRate(total).rate }
}
