/** Exact search: the rows of a gallery that are nearest to each query. */
import { invalidArgument } from '../errors.js'
import { native } from '../native/addon.js'
import { checkInteger, checkOptions } from '../native/check_arguments.js'
import { enqueueCall } from '../native/queue.js'
import { checkRowPlace, type ForEmbeddings, type RowOptions, type RowPlace, rowOptionNames } from './check_rows.js'
import { checkBothSides, type EmbeddingRows, type Embeddings, optionsFor } from './embeddings.js'
import type { MixedOptions } from './preparation.js'
import { resolveIndex, type SearchIndex } from './search_index.js'

/** The most neighbours of a query. */
export const mostNeighbors = 128

/** Options of `nearestNeighbors`. */
export interface NeighborOptions extends RowOptions, MixedOptions {
  /**
   * Neighbours of a query, 1..128 and at most the rows of the gallery.
   * @default 1
   */
  k?: number
}

/** k of both for each query, nearest first. */
export interface Neighbors {
  /** Rows of the gallery. */
  indices: Int32Array
  /** Squared L2 distances. */
  distances: Float32Array
}

/**
 * The k rows of `gallery` that are nearest to each row of `queries`, by squared L2 distance in fp32; of rows at one distance
 * the lowest index comes first. Every distance is computed and none is kept that is not among a query's k, so memory does not
 * grow with n x m. All values are finite. The result is the same bits
 * on every device and number of threads.
 *
 * Both arrays are copied before the call returns, unless their memory is a SharedArrayBuffer. For a gallery that is searched
 * often, `indexEmbeddings` does that once.
 *
 * @param queries n rows: `Embeddings`, or a Float32Array with `options.dimensions`.
 * @param gallery m rows of the same model, or what `indexEmbeddings` made of them.
 * @param options `k`, and `dimensions` where both are bare arrays.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, also for rows of two models or two preparations; ERR_FACENET_CUDA_UNAVAILABLE,
 *   ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * const queries = await model.embedRows(['who.jpg'])
 * const { indices, distances } = await nearestNeighbors(queries, rows, { k: 5 })
 * ```
 */
export function nearestNeighbors(
  queries: Embeddings,
  gallery: EmbeddingRows,
  options?: ForEmbeddings<NeighborOptions>,
): Promise<Neighbors>
export function nearestNeighbors(
  queries: EmbeddingRows,
  gallery: Embeddings,
  options?: ForEmbeddings<NeighborOptions>,
): Promise<Neighbors>
export function nearestNeighbors(
  queries: Float32Array,
  gallery: Float32Array,
  options: NeighborOptions,
): Promise<Neighbors>
export function nearestNeighbors(
  queries: EmbeddingRows,
  gallery: SearchIndex,
  options?: ForEmbeddings<NeighborOptions>,
): Promise<Neighbors>
export async function nearestNeighbors(
  queries: EmbeddingRows,
  searched: EmbeddingRows | SearchIndex,
  given?: ForEmbeddings<NeighborOptions>,
): Promise<Neighbors> {
  const { gallery, index, dimensions: indexed } = resolveIndex(searched)
  const carried = optionsFor(given, queries, gallery)
  const options = indexed === undefined ? carried : { dimensions: indexed, ...carried }
  checkOptions(options, 'options', [...rowOptionNames, 'allowMixed', 'k'])
  const [asked, known] = checkBothSides([queries, 'queries'], [gallery, 'gallery'], options)
  const { dimensions } = asked
  const k = checkInteger(options.k ?? 1, 'options.k', 1, mostNeighbors)
  if (k > known.rows) throw invalidArgument('options.k', `at most the ${known.rows} rows of the gallery`, k)
  return findNearest(asked.data, known.data, { ...checkRowPlace(options), dimensions, k, index })
}

/** The same of rows that were checked: at least k in the gallery. The index is for the CPU, of the gallery as it is. */
export async function findNearest(
  queries: Float32Array,
  gallery: Float32Array,
  { signal, index, ...options }: RowPlace & { dimensions: number; k: number; index?: Uint8Array },
): Promise<Neighbors> {
  const settings = { ...options, ...(index && options.device === 'cpu' && { index }) }
  const wanted = (queries.length / settings.dimensions) * settings.k
  const [indices, distances] = [new Int32Array(wanted), new Float32Array(wanted)]
  await enqueueCall(signal, (cancel) => native().findNearest(queries, gallery, settings, indices, distances, cancel))
  return { indices, distances }
}
