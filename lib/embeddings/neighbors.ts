/** Exact search: the rows of a gallery that are nearest to each query. */
import { invalidArgument } from '../errors.js'
import { native } from '../native/addon.js'
import {
  checkInteger,
  checkOptions,
  checkSignal,
  checkThreads,
  type DevicePreference,
} from '../native/check_arguments.js'
import { resolveDevice } from '../native/devices.js'
import { enqueueCall } from '../native/queue.js'
import { checkFinite, checkRows } from './check_rows.js'

export interface NeighborOptions {
  /** Floats a row. */
  dimensions: number
  /** Neighbours of a query, 1..128 and at most the rows of the gallery. 1 where it is left out. */
  k?: number
  /** `auto` where it is left out. */
  device?: DevicePreference
  /** CPU threads, 1..1024; every core where it is left out. The result does not depend on them. */
  threads?: number
  /** Rejects with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

/** k of both for each query, nearest first. */
export interface Neighbors {
  /** Rows of the gallery. */
  indices: Int32Array
  /** Squared L2 distances. */
  distances: Float32Array
}

/**
 * The k rows of `gallery` (m x dimensions floats) that are nearest to each row of `queries` (n x dimensions), by squared L2
 * distance in fp32; of rows at one distance the lowest index comes first. Every distance is computed and none is kept that
 * is not among a query's k, so memory does not grow with n x m. All values are finite, and neither array may change until
 * the promise settles. The result is the same bits on every device and number of threads.
 *
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_CUDA_UNAVAILABLE, ERR_FACENET_ABORTED
 */
export async function nearestNeighbors(
  queries: Float32Array,
  gallery: Float32Array,
  options: NeighborOptions,
): Promise<Neighbors> {
  checkOptions(options, 'options', ['dimensions', 'k', 'device', 'threads', 'signal'])
  const dimensions = checkInteger(options.dimensions, 'options.dimensions', 1, 2 ** 20)
  const count = checkRows(queries, 'queries', dimensions)
  const rows = checkRows(gallery, 'gallery', dimensions)
  const k = checkInteger(options.k ?? 1, 'options.k', 1, 128)
  if (k > rows) throw invalidArgument('options.k', `at most the ${rows} rows of the gallery`, k)
  checkFinite(queries, 'queries', dimensions)
  checkFinite(gallery, 'gallery', dimensions)
  const threads = checkThreads(options.threads)
  const device = resolveDevice(options.device).kind
  const indices = new Int32Array(count * k)
  const distances = new Float32Array(count * k)
  const settings = { dimensions, k, threads, device }
  await enqueueCall(checkSignal(options.signal), (cancel) =>
    native().findNearest(queries, gallery, settings, indices, distances, cancel),
  )
  return { indices, distances }
}
