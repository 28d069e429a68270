/** What can be done with finished embeddings: rows of floats in one Float32Array, or `Embeddings`. */
import { invalidArgument } from '../errors.js'
import { native } from '../native/addon.js'
import { checkNamed, checkOptions } from '../native/check_arguments.js'
import { enqueueCall } from '../native/queue.js'
import { checkRowPlace, type ForEmbeddings, type RowOptions, rowOptionNames } from './check_rows.js'
import {
  checkBothSides,
  checkEmbeddings,
  type EmbeddingRows,
  type Embeddings,
  isEmbeddings,
  optionsFor,
} from './embeddings.js'
import type { MixedOptions } from './preparation.js'

/** Options of `pairwiseDistances`. */
export interface DistanceOptions extends RowOptions, MixedOptions {
  /** The other side, m rows; `a` itself where there is no such option. `undefined` and null are errors. */
  b?: EmbeddingRows
}

/**
 * Squared L2 distances between the rows of `a` (n) and of `b` (m), or of `a` with each other where no `b` is given. They are in
 * [0, 4] for rows of unit length. Both arrays are copied before the call returns.
 *
 * A `b` that is `undefined` or null is an error, as an argument and as an option: a lookup that found nobody must not be
 * compared with everybody in `a`.
 *
 * @param a n rows: `Embeddings`, or a Float32Array with `options.dimensions`.
 * @param b m rows of the same model; it may stand among the options instead.
 * @param options where and how; `dimensions` for bare arrays.
 * @returns n x m floats, row i holding the distances of a[i].
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for NaN, infinity, rows of two models, two preparations or two lengths;
 *   ERR_FACENET_CUDA_UNAVAILABLE, ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * const [anna, album] = [await model.embedRows(['anna.jpg']), await model.embedRows(photographs)]
 * const distances = await pairwiseDistances(anna, album)
 * const same = distances.map((distance) => Number(distance < model.threshold!))
 * ```
 */
export function pairwiseDistances(
  a: Embeddings,
  b: EmbeddingRows,
  options?: ForEmbeddings<RowOptions & MixedOptions>,
): Promise<Float32Array>
export function pairwiseDistances(a: Embeddings): Promise<Float32Array>
export function pairwiseDistances(a: Embeddings, options: ForEmbeddings<DistanceOptions>): Promise<Float32Array>
export function pairwiseDistances(
  a: Float32Array,
  b: Embeddings,
  options?: ForEmbeddings<RowOptions & MixedOptions>,
): Promise<Float32Array>
export function pairwiseDistances(a: Float32Array, b: Float32Array, options: RowOptions): Promise<Float32Array>
export function pairwiseDistances(
  a: Float32Array,
  options: DistanceOptions | (ForEmbeddings<DistanceOptions> & { b: Embeddings }),
): Promise<Float32Array>
export async function pairwiseDistances(a: EmbeddingRows, ...rest: unknown[]): Promise<Float32Array> {
  const { b, name, options } = secondSide(a, rest)
  const [left, right] = checkBothSides([a, 'a'], [b, name], options)
  const { signal, ...place } = checkRowPlace(options)
  // Written in place, n x m being too much to copy: nobody else has it before it is returned.
  const count = left.rows * right.rows
  if (count > maxDistances) {
    const advice = 'nearestNeighbors and clusterEmbeddings look at more without keeping them all'
    throw invalidArgument(name, `at most ${maxDistances} distances (${advice})`, `${left.rows} x ${right.rows}`)
  }
  const out = new Float32Array(count)
  if (out.length > 0) {
    await enqueueCall(signal, (cancel) =>
      native().pairwiseDistances(
        left.data,
        right.data,
        { ...place, dimensions: left.dimensions, b: name },
        out,
        cancel,
      ),
    )
  }
  return out
}

/** Of one call, which returns them all: 8 GiB. */
const maxDistances = 2 ** 31

/** `b` and the options, of what follows `a`. */
function secondSide(
  a: unknown,
  rest: unknown[],
): { b: unknown; name: string; options: ForEmbeddings<RowOptions & MixedOptions> } {
  const [second, third] = rest
  if (rest.length > 0 && (second === undefined || second === null)) {
    throw invalidArgument('b', 'a Float32Array, Embeddings, or nothing at all for `a` itself', second)
  }
  const isOptions = rest.length === 1 && typeof second === 'object' && !isRows(second)
  const options = optionsFor((isOptions ? second : third) as ForEmbeddings<DistanceOptions>, a, second)
  const known = [...rowOptionNames, 'allowMixed']
  checkOptions(options, 'options', isOptions ? [...known, 'b'] : known)
  checkNamed(options, 'b', 'a Float32Array or Embeddings')
  if (!isOptions) return { b: rest.length > 0 ? second : a, name: 'b', options }
  return { b: options.b ?? a, name: 'options.b', options }
}

const isRows = (value: unknown) => ArrayBuffer.isView(value) || Array.isArray(value) || isEmbeddings(value)

/** Options of `l2Normalize`. */
export interface NormalizeOptions extends RowOptions {
  /**
   * Rows shorter than this are divided by it, so a row of zeros stays zero.
   * @default 1e-12
   */
  epsilon?: number
}

/**
 * Brings rows to unit length.
 *
 * @param x n rows: `Embeddings`, or a Float32Array with `options.dimensions`. It stays as it is.
 * @param options `dimensions` for a bare array.
 * @returns a copy of the rows in which each has unit length: n x dimensions floats.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, also for NaN and infinity; ERR_FACENET_CUDA_UNAVAILABLE,
 *   ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * const unit = await l2Normalize(Float32Array.of(3, 4, 0, 2), { dimensions: 2 })   // 0.6, 0.8, 0, 1
 * ```
 */
export function l2Normalize(x: Embeddings, options?: ForEmbeddings<NormalizeOptions>): Promise<Float32Array>
export function l2Normalize(x: Float32Array, options: NormalizeOptions): Promise<Float32Array>
export async function l2Normalize(x: EmbeddingRows, given?: ForEmbeddings<NormalizeOptions>): Promise<Float32Array> {
  const options = optionsFor(given, x)
  checkOptions(options, 'options', [...rowOptionNames, 'epsilon'])
  const { data, rows, dimensions } = checkEmbeddings(x, 'x', options.dimensions)
  const epsilon = options.epsilon ?? 1e-12
  if (typeof epsilon !== 'number' || !(epsilon > 0) || !Number.isFinite(epsilon)) {
    throw invalidArgument('options.epsilon', 'a finite number above zero', epsilon)
  }
  const { signal, ...place } = checkRowPlace(options)
  const out = new Float32Array(data.length)
  const settings = { ...place, dimensions, epsilon }
  if (rows > 0) await enqueueCall(signal, (cancel) => native().l2Normalize(data, settings, out, cancel))
  return out
}

/**
 * Throws where embeddings of different models would be compared: their distance means nothing.
 *
 * @param a the fingerprint that is expected.
 * @param b the other one.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where they differ, and where either is no fingerprint.
 *
 * @example
 * ```ts
 * const stored = await readStored('faces.npy')
 * assertSameFingerprint(model.fingerprint, stored.fingerprint)
 * ```
 */
export function assertSameFingerprint(a: string, b: string): void {
  for (const value of [a, b]) {
    if (typeof value !== 'string' || value === '')
      throw invalidArgument('fingerprint', 'the fingerprint of a model', value)
  }
  if (a !== b) throw invalidArgument('fingerprint', `embeddings of one model (${a})`, b)
}
