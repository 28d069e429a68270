/** Triplets of a batch of embeddings: which ones to learn from, and what they cost. */
import { types } from 'node:util'
import { describe, invalidArgument } from '../errors.js'
import { native } from '../native/addon.js'
import { checkOneOf, checkOptions } from '../native/check_arguments.js'
import { enqueueCall } from '../native/queue.js'
import { checkRowPlace, type ForEmbeddings, type RowOptions, rowOptionNames } from './check_rows.js'
import { checkEmbeddings, type EmbeddingRows, type Embeddings, optionsFor } from './embeddings.js'
import { checkLabels } from './labels.js'

/** The strategies that `mineTriplets` and trainers know. */
export const strategies = ['all', 'semi-hard', 'hard'] as const
/** Which triplets of a batch are learned from; see `mineTriplets`. */
export type Strategy = (typeof strategies)[number]

/** Options of `tripletLoss`. */
export interface TripletOptions extends RowOptions {
  /**
   * The paper's alpha, above 0 and at most 4, the largest squared distance there can be.
   * @default 0.2
   */
  margin?: number
}

/** Options of `mineTriplets`. */
export interface MiningOptions extends TripletOptions {
  /**
   * Which triplets are selected; as in the paper unless told.
   * @default 'semi-hard'
   */
  strategy?: Strategy
}

/** Rows of a matrix of embeddings; triplet t is `anchors[t]`, `positives[t]`, `negatives[t]`. */
export interface Triplets {
  /** The face that is compared. */
  anchors: Int32Array
  /** Another face of the anchor's person. */
  positives: Int32Array
  /** A face of somebody else. */
  negatives: Int32Array
}

/** What `tripletLoss` resolves to. */
export interface TripletLoss {
  /** Sum over triplets of max(0, d(a, p) - d(a, n) + margin), with d the squared L2 distance. Divide it as you like. */
  loss: number
  /** n x dimensions: the derivative of `loss` with respect to every embedding. */
  gradient: Float32Array
  /** Triplets whose hinge is above zero. */
  active: number
}

/**
 * Selects triplets of a batch of embeddings, usually of unit length. With d
 * the squared L2 distance in fp32:
 *
 * - `semi-hard`: for each ordered pair (a, p) of one label, both ways round, the nearest n of another label with
 *   d(a, p) < d(a, n) < d(a, p) + margin. A pair without one gives no triplet.
 * - `hard`: for each a that has a positive and a negative, the farthest p and the nearest n, whatever the margin.
 * - `all`: every (a, p, n) with d(a, n) < d(a, p) + margin. At most 2^28; each takes 12 bytes, and twice that for a moment.
 *
 * The lowest index wins a tie. Triplets come ordered by anchor, positive, negative. None is a result like any other: so it
 * is with one identity, or one face of each. The selection is the same on every device and number of threads.
 *
 * @param embeddings n rows: `Embeddings`, or a Float32Array with `options.dimensions`.
 * @param labels n 32-bit integers that say whose face each is.
 * @param options strategy and margin; `dimensions` for a bare array.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_CUDA_UNAVAILABLE, ERR_FACENET_ABORTED
 *
 * @example
 * ```ts
 * const { anchors, positives, negatives } = await mineTriplets(rows, labels, { strategy: 'hard' })
 * ```
 */
export function mineTriplets(
  embeddings: Embeddings,
  labels: Int32Array | readonly number[],
  options?: ForEmbeddings<MiningOptions>,
): Promise<Triplets>
export function mineTriplets(
  embeddings: Float32Array,
  labels: Int32Array | readonly number[],
  options: MiningOptions,
): Promise<Triplets>
export async function mineTriplets(
  embeddings: EmbeddingRows,
  labels: Int32Array | readonly number[],
  given?: ForEmbeddings<MiningOptions>,
): Promise<Triplets> {
  const options = optionsFor(given, embeddings)
  checkOptions(options, 'options', [...rowOptionNames, 'strategy', 'margin'])
  const { data, settings, rows, signal } = checkCommon(embeddings, options)
  const strategy = checkOneOf(options.strategy ?? 'semi-hard', 'options.strategy', strategies)
  const labelOf = checkLabels(labels, rows, 'row of embeddings')
  return enqueueCall(signal, (cancel) => native().mineTriplets(data, labelOf, { ...settings, strategy }, cancel))
}

/**
 * The paper's loss over `triplets` and its gradient with respect to `embeddings`. Each triplet with a hinge above zero adds 2 (n - p) to the
 * gradient of its anchor, 2 (p - a) to that of its positive and 2 (a - n) to that of its negative. Both are the same bits whatever the device and
 * the number of threads; the gradient does not depend on the order of the triplets either. No triplets: 0, zeros, 0.
 *
 * @param embeddings n rows: `Embeddings`, or a Float32Array with `options.dimensions`.
 * @param triplets of rows, as `mineTriplets` gives them.
 * @param options the margin; `dimensions` for a bare array.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_CUDA_UNAVAILABLE, ERR_FACENET_ABORTED
 *
 * @example
 * ```ts
 * const triplets = await mineTriplets(rows, labels, { margin: 0.2 })
 * const { loss, gradient, active } = await tripletLoss(rows, triplets, { margin: 0.2 })
 * ```
 */
export function tripletLoss(
  embeddings: Embeddings,
  triplets: Triplets,
  options?: ForEmbeddings<TripletOptions>,
): Promise<TripletLoss>
export function tripletLoss(embeddings: Float32Array, triplets: Triplets, options: TripletOptions): Promise<TripletLoss>
export async function tripletLoss(
  embeddings: EmbeddingRows,
  triplets: Triplets,
  given?: ForEmbeddings<TripletOptions>,
): Promise<TripletLoss> {
  const options = optionsFor(given, embeddings)
  checkOptions(options, 'options', [...rowOptionNames, 'margin'])
  const { data, settings, rows, signal } = checkCommon(embeddings, options)
  const checked = checkTriplets(triplets, rows)
  const gradient = new Float32Array(data.length)
  const value = await enqueueCall(signal, (cancel) => native().tripletLoss(data, checked, settings, gradient, cancel))
  return { loss: value.loss, gradient, active: value.active }
}

function checkCommon(embeddings: EmbeddingRows, options: ForEmbeddings<TripletOptions>) {
  const { data, rows, dimensions } = checkEmbeddings(embeddings, 'embeddings', options.dimensions)
  const { signal, ...place } = checkRowPlace(options)
  const margin = options.margin ?? 0.2
  if (typeof margin !== 'number' || !(Math.fround(margin) > 0 && margin <= 4)) {
    throw invalidArgument('options.margin', 'a number above 0 and at most 4', margin)
  }
  return { data, settings: { ...place, dimensions, margin }, rows, signal }
}

/** Copies: indices that changed while they are used would lead out of the embeddings. */
function checkTriplets(triplets: unknown, rows: number): Triplets {
  checkOptions(triplets, 'triplets', ['anchors', 'positives', 'negatives'])
  const { anchors, positives, negatives } = triplets as Triplets
  const indices = (name: string, value: unknown) => {
    if (!types.isInt32Array(value)) throw invalidArgument(`triplets.${name}`, 'an Int32Array', value)
    if (value.length !== anchors.length) {
      throw invalidArgument(`triplets.${name}`, `as many as anchors, ${anchors.length}`, describe(value))
    }
    const copy = value.slice()
    const wrong = copy.findIndex((index) => index < 0 || index >= rows)
    if (wrong >= 0) {
      throw invalidArgument(`triplets.${name}[${wrong}]`, `the index of one of ${rows} rows`, copy[wrong])
    }
    return copy
  }
  return {
    anchors: indices('anchors', anchors),
    positives: indices('positives', positives),
    negatives: indices('negatives', negatives),
  }
}

/** Copies as well, whose anchors and positives are two rows of one label and whose negatives have another. */
export function checkLabelledTriplets(triplets: unknown, labels: Int32Array): Triplets {
  const checked = checkTriplets(triplets, labels.length)
  for (const [t, anchor] of checked.anchors.entries()) {
    const [positive, negative] = [checked.positives[t]!, checked.negatives[t]!]
    if (positive === anchor || labels[positive] !== labels[anchor]) {
      const expected = `another row than ${anchor} of its label, ${labels[anchor]}`
      throw invalidArgument(`triplets.positives[${t}]`, expected, `${positive} of label ${labels[positive]}`)
    }
    if (labels[negative] === labels[anchor]) {
      throw invalidArgument(`triplets.negatives[${t}]`, `a row of another label than ${labels[anchor]}`, negative)
    }
  }
  return checked
}
