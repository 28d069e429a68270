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

/** Embeddings of images, and who is on each. */
export interface LabeledEmbeddings {
  /** n x dimensions. */
  embeddings: Float32Array
  /** Floats per embedding. */
  dimensions: number
  /** Path of each image, for error messages. */
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

/** Options of `evaluateAllPairs`. */
export interface EvaluateAllPairsOptions extends AllPairsOptions {
  /**
   * Disjoint sets of people over which standard errors are taken.
   * @default 5, as in the paper
   */
  splits?: number
  /**
   * The FAR for which the threshold is chosen, above 0 and below 1.
   * @default 1e-3
   */
  far?: number
  /** A value per image, of a column of the user's own; undefined where an image has none. */
  slices?: readonly (string | undefined)[]
}

/** What the threshold does to the pairs whose two images have one value of the user's column. */
export interface Slice {
  /** The value. */
  value: string
  /** How many pairs of each kind. */
  pairs: { same: number; different: number }
  /** FAR at the threshold chosen on all pairs; null where the slice has no different pairs. */
  far: number | null
  /** VAL at the threshold chosen on all pairs; null where the slice has no same pairs. */
  val: number | null
  /** Chosen on the slice's own pairs for the same FAR; null where they cannot show it. */
  threshold: number | null
  /** Why there is no threshold. */
  reason?: string
}

/** What all pairs of labelled images say about a model. */
export interface AllPairsResult {
  /** How many images. */
  images: number
  /** How many people. */
  people: number
  /** How many pairs of each kind. */
  pairs: { same: number; different: number }
  /** Whether thresholds are exact, or rounded to bins. */
  exact: boolean
  /** The FAR that was asked for. */
  far: number
  /** The largest threshold whose FAR over all pairs is at most `far`; squared L2. */
  threshold: number
  /** VAL over all pairs at that threshold, 0..1. */
  valAtThreshold: number
  /** FAR over all pairs at that threshold, 0..1. */
  farAtThreshold: number
  /** Where the threshold may lie in other pairs of the same kind. */
  confidenceInterval: { level: 0.95; low: number; high: number }
  /** VAL over all pairs; standard errors are over the splits, null where a split has too few pairs for that FAR. */
  val: ValAtFar[]
  /** Pairs within each split of the people. */
  splits: { pairs: { same: number; different: number } }[]
  /** Where as many same pairs are rejected as different ones are accepted, in shares. */
  equalErrorRate: { rate: number; threshold: number }
  /** VAL by FAR, from the strictest threshold to the loosest. */
  roc: RocPoint[]
  /** Miss rate by FAR. */
  det: DetPoint[]
  /** Per value of the user's column. */
  slices: Slice[]
}

/**
 * VAL, FAR and a threshold over all pairs of labelled images, as the paper's validation rate on its hold-out sets is
 * defined (Schroff et al., CVPR 2015, section 4).
 *
 * @param labeled n embeddings, and who is on each image.
 * @param options the FAR, splits, slices, and where distances are computed.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, also where the pairs cannot show the wanted FAR.
 *
 * @example
 * ```ts
 * import { basename, dirname } from 'node:path'
 *
 * const people = photographs.map((path) => basename(dirname(path)))
 * const all = { embeddings: await model.embedRows(photographs), paths: photographs, people }
 * const { threshold, valAtThreshold } = await evaluateAllPairs(all, { far: 1e-2 })
 * ```
 */
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
