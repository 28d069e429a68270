/** A gallery that is searched often, prepared once. */
import { native } from '../native/addon.js'
import { checkOptions } from '../native/check_arguments.js'
import { ownManyFloats } from '../native/own.js'
import { enqueueCall } from '../native/queue.js'
import { checkRowPlace, type RowOptions } from './check_rows.js'
import {
  type CheckedRows,
  checkEmbeddings,
  type EmbeddingRows,
  type Embeddings,
  isEmbeddings,
  optionsFor,
} from './embeddings.js'

/** Options of `indexEmbeddings`. */
export type IndexOptions = Pick<RowOptions, 'dimensions' | 'threads' | 'signal'>

/**
 * A gallery for `nearestNeighbors`, which `indexEmbeddings` makes: the rows, and beside them their 8-bit integers where the CPU
 * has instructions for such. Searched on a GPU it is the rows alone. Its memory is freed when nobody holds it.
 */
export interface SearchIndex {
  /** How many embeddings there are. */
  readonly rows: number
  /** Floats of one embedding. */
  readonly dimensions: number
  /** Of the model that made them; undefined for a bare array. */
  readonly fingerprint: string | undefined
  /** Bytes that it takes in memory. */
  readonly memoryBytes: number
}

class IndexedRows implements SearchIndex {
  readonly rows: number
  readonly dimensions: number
  readonly fingerprint: string | undefined
  readonly memoryBytes: number
  readonly #checked: CheckedRows
  readonly #integers: Uint8Array

  constructor(checked: CheckedRows, integers: Uint8Array) {
    this.rows = checked.rows
    this.dimensions = checked.dimensions
    this.fingerprint = checked.fingerprint
    this.memoryBytes = checked.data.byteLength + integers.byteLength
    this.#checked = checked
    this.#integers = integers
  }

  get embeddings(): EmbeddingRows {
    const { data, rows, dimensions, fingerprint, preparation } = this.#checked
    if (fingerprint === undefined) return data
    return { data, rows, dimensions, fingerprint, ...(preparation && { preparation }) }
  }

  get integers(): Uint8Array {
    return this.#integers
  }
}

/** What is searched instead of `gallery`, and the index for the CPU where it is one. */
export function resolveIndex(gallery: EmbeddingRows | SearchIndex): {
  gallery: EmbeddingRows
  index?: Uint8Array
  /** Of an index without a model. */
  dimensions?: number
} {
  if (!(gallery instanceof IndexedRows)) return { gallery: gallery as EmbeddingRows }
  const { embeddings, integers, dimensions } = gallery
  return { gallery: embeddings, index: integers, ...(!isEmbeddings(embeddings) && { dimensions }) }
}

/**
 * Prepares a gallery that is searched often: `nearestNeighbors` then gives the same ids, order and bits, and reads 144 bytes a row of 128
 * floats instead of 512 where the CPU has AVX-512 VNNI. The rows are copied, unless their memory is a SharedArrayBuffer, and looked
 * through once; the event loop goes on meanwhile. They must not change before the promise resolves, nor later on a SharedArrayBuffer.
 *
 * @param rows m rows: `Embeddings`, or a Float32Array with `options.dimensions`.
 * @param options `dimensions` for a bare array; `threads` to prepare with.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, also for NaN; ERR_FACENET_ABORTED
 *
 * @example
 * ```ts
 * const index = await indexEmbeddings(rows)
 * const { indices } = await nearestNeighbors(await model.embedRows(['who.jpg']), index, { k: 5 })
 * ```
 */
export function indexEmbeddings(rows: Embeddings, options?: Omit<IndexOptions, 'dimensions'>): Promise<SearchIndex>
export function indexEmbeddings(rows: Float32Array, options: IndexOptions): Promise<SearchIndex>
export async function indexEmbeddings(rows: EmbeddingRows, given?: Partial<IndexOptions>): Promise<SearchIndex> {
  const options = optionsFor(given, rows) as Partial<IndexOptions>
  checkOptions(options, 'options', ['dimensions', 'threads', 'signal'])
  const checked = checkEmbeddings(rows, 'rows', options.dimensions)
  const { threads, signal } = checkRowPlace({ ...options, device: 'cpu' })
  const data = await ownManyFloats(checked.data, 'rows', signal)
  const integers = await indexOf(data, 0, undefined, { dimensions: checked.dimensions, threads, signal })
  return new IndexedRows({ ...checked, data }, integers)
}

interface Indexing {
  dimensions: number
  threads: number
  signal?: AbortSignal
}

/**
 * The index of rows on a SharedArrayBuffer, which are looked through: no search needs to do so again. It is empty where this machine
 * keeps none. Of the first `from` rows `before` is the index, which is used again where it is long enough.
 */
export async function indexOf(
  data: Float32Array,
  from: number,
  before: Uint8Array | undefined,
  { signal, ...options }: Indexing,
): Promise<Uint8Array> {
  const { dimensions } = options
  const bytes = native().indexBytes({ device: 'cpu', rows: data.length / dimensions, dimensions })
  let index = before
  if (!index || index.buffer.byteLength < bytes) {
    // With room for some more rows.
    index = new Uint8Array(new SharedArrayBuffer(from === 0 ? bytes : bytes + (bytes >> 3)))
    if (before) index.set(before)
  }
  const whole = new Uint8Array(index.buffer, 0, bytes)
  // What was removed stays in no memory.
  if (before && before.length > bytes) before.fill(0, bytes)
  const settings = { ...options, device: 'cpu', from: before ? from : 0 } as const
  await enqueueCall(signal, (cancel) => native().indexRows(data, settings, whole, cancel))
  return whole
}
