/** VAL and FAR over all pairs of labelled images, their errors over splits of the people, and slices by a user's column. */
import { checkEmbeddings, type Embeddings } from '../embeddings/embeddings.js'
import { invalidArgument } from '../errors.js'
import { type AllPairsOptions, allPairs, type Grouping } from './all_pairs.js'
import type { Curve } from './curve.js'
import { type ValAtFar, valOfCurves } from './evaluate_pairs.js'
import {
  atFar,
  atThreshold,
  type DetPoint,
  detPoints,
  equalErrorRate,
  farTargets,
  type RocPoint,
  rocCorners,
  thresholdInterval,
  unsupported,
} from './rates.js'
import { standardError } from './statistics.js'

export interface LabeledEmbeddings {
  /** n x dimensions. */
  embeddings: Float32Array
  dimensions: number
  /** Of each image, for errors. */
  paths: readonly string[]
  /** The person on each image. */
  people: readonly string[]
}

/** The same with rows that know their dimensions. */
export interface LabeledRows extends Omit<LabeledEmbeddings, 'embeddings' | 'dimensions'> {
  /** n rows. */
  embeddings: Embeddings
}

/** Rows of either kind as floats and their dimensions. */
export function bareRows(input: LabeledEmbeddings | LabeledRows): LabeledEmbeddings {
  const given = 'dimensions' in input ? input.dimensions : undefined
  const { data, dimensions } = checkEmbeddings(input.embeddings, 'embeddings', given)
  return { ...input, embeddings: data, dimensions }
}

export interface EvaluateAllPairsOptions extends AllPairsOptions {
  /**
   * Disjoint sets of people over which standard errors are taken.
   * @default 5, as in the paper
   */
  splits?: number
  /**
   * For which the threshold is chosen.
   * @default 1e-3
   */
  far?: number
  /** Values of a column, one an image; undefined where an image has none. */
  slices?: readonly (string | undefined)[]
}

export interface Slice {
  value: string
  pairs: { same: number; different: number }
  /** At the threshold chosen on all pairs; null where the slice has no pairs of that kind. */
  far: number | null
  val: number | null
  /** Chosen on the slice's own pairs for the same FAR; null where they cannot show it. */
  threshold: number | null
  reason?: string
}

export interface AllPairsResult {
  images: number
  people: number
  pairs: { same: number; different: number }
  /** Whether thresholds are exact, or rounded to bins. */
  exact: boolean
  /** The largest threshold whose FAR over all pairs is at most `far`. */
  far: number
  threshold: number
  /** VAL and FAR over all pairs at that threshold. */
  valAtThreshold: number
  farAtThreshold: number
  confidenceInterval: { level: 0.95; low: number; high: number }
  /** VAL over all pairs; standard errors are over the splits, null where a split has too few pairs for that FAR. */
  val: ValAtFar[]
  splits: { pairs: { same: number; different: number } }[]
  equalErrorRate: { rate: number; threshold: number }
  roc: RocPoint[]
  det: DetPoint[]
  slices: Slice[]
}

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, also where the pairs cannot show the wanted FAR. */
export async function evaluateAllPairs(
  labeled: LabeledEmbeddings | LabeledRows,
  options: EvaluateAllPairsOptions = {},
): Promise<AllPairsResult> {
  const input = bareRows(labeled)
  checkFinite(input)
  const far = options.far ?? 1e-3
  if (!(far > 0 && far < 1)) throw invalidArgument('far', 'a rate between 0 and 1', far)
  const { labels, names } = numberPeople(input.people)
  const splits = splitPeople(labels, names.length, options.splits)
  const values = [...new Set(options.slices ?? [])].filter((value) => value !== undefined).sort()
  if (values.length > maxSlices)
    throw invalidArgument('slices', `a column of at most ${maxSlices} values`, values.length)
  const slices = {
    groups: Int32Array.from(labels, (_, i) => indexOf(values, options.slices?.[i])),
    count: values.length,
  }
  const counted = await allPairs(input.embeddings, input.dimensions, labels, [splits, slices], options)
  const reason = unsupported(far, counted.total.different)
  if (reason) throw invalidArgument('far', 'a rate that the pairs can show', reason)
  return {
    images: labels.length,
    people: names.length,
    exact: counted.exact,
    far,
    splits: counted.groupings[0]!.map((curve) => ({ pairs: pairsOf(curve) })),
    ...describeTotal(counted.total, counted.groupings[0]!, far),
    slices: counted.groupings[1]!.map((curve, i) =>
      describeSlice(values[i]!, curve, far, atFar(counted.total, far).threshold),
    ),
  }
}

/** Each value of the column costs two histograms. */
const maxSlices = 64

export function checkFinite({ embeddings, dimensions, paths }: LabeledEmbeddings): void {
  const wrong = embeddings.findIndex((value) => !Number.isFinite(value))
  if (wrong < 0) return
  const path = paths[Math.floor(wrong / dimensions)]
  throw invalidArgument(`the embedding of ${path}`, 'finite numbers', embeddings[wrong])
}

/** People in the order of their names, and the number of each image's. */
export function numberPeople(people: readonly string[]): { labels: Int32Array; names: string[] } {
  const names = [...new Set(people)].sort()
  const numbers = new Map(names.map((name, i) => [name, i]))
  return { labels: Int32Array.from(people, (person) => numbers.get(person)!), names }
}

/** People in the order of their names take turns, so no one is in two splits. No splits where people are too few. */
export function splitPeople(labels: Int32Array, people: number, count = 5): Grouping {
  if (!Number.isSafeInteger(count) || count < 2 || count > 100)
    throw invalidArgument('splits', 'an integer 2..100', count)
  return people < 2 * count
    ? { groups: new Int32Array(labels.length).fill(-1), count: 0 }
    : { groups: labels.map((label) => label % count), count }
}

const indexOf = (values: readonly string[], value: string | undefined) =>
  value === undefined ? -1 : values.indexOf(value)

const pairsOf = ({ same, different }: Curve) => ({ same, different })

function describeTotal(total: Curve, splits: readonly Curve[], far: number) {
  const { threshold, val, far: reached } = atFar(total, far)
  const roc = rocCorners(total)
  const overall = valOfCurves([total], '')
  return {
    pairs: pairsOf(total),
    threshold,
    valAtThreshold: val,
    farAtThreshold: reached,
    confidenceInterval: thresholdInterval(total, far),
    val: overall.map((entry, i) => ({ ...entry, ...errorOverSplits(splits, farTargets[i]!, entry.val) })),
    equalErrorRate: equalErrorRate(total),
    roc,
    det: detPoints(roc),
  }
}

function errorOverSplits(splits: readonly Curve[], far: number, val: number | null) {
  if (val === null) return {}
  if (splits.length === 0) return { reason: 'no standard error: too few people to split' }
  const fewest = Math.min(...splits.map((curve) => curve.different))
  const reason = unsupported(far, fewest, ' a split')
  if (reason) return { reason: `no standard error: ${reason}` }
  if (splits.some((curve) => curve.same === 0)) return { reason: 'no standard error: a split has no same pairs' }
  return { standardError: standardError(splits.map((curve) => atFar(curve, far).val)) }
}

function describeSlice(value: string, curve: Curve, far: number, threshold: number): Slice {
  const reason = unsupported(far, curve.different)
  const at = atThreshold(curve, threshold)
  return {
    value,
    pairs: pairsOf(curve),
    far: curve.different > 0 ? at.far : null,
    val: curve.same > 0 ? at.val : null,
    threshold: reason ? null : atFar(curve, far).threshold,
    ...(reason ? { reason } : {}),
  }
}
