/** Faces to people: agglomerative clustering of embeddings on squared L2 distances. */
import { resolveDevice } from '../devices.js'
import { describe, FaceNetError, invalidArgument } from '../errors.js'
import { native, nativeCall } from '../native.js'
import {
  aborted,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkRows,
  checkSignal,
  checkThreads,
  type DevicePreference,
} from '../options.js'
import { takeTurn } from '../turns.js'

export const linkages = ['average', 'complete', 'single'] as const
export type Linkage = (typeof linkages)[number]

export interface ClusterOptions {
  /** Floats a row. */
  dimensions: number
  /** Squared L2 distance below which two clusters are joined. */
  threshold: number
  /** The distance of two clusters: mean, largest or least of all pairs of their faces. `average` where it is left out. */
  linkage?: Linkage
  /** `auto` where it is left out. Clustering runs on the CPU; `reference` is a plain loop that needs n x n numbers. */
  device?: DevicePreference
  /** 1..1024; every core where it is left out. */
  threads?: number
  /** What lists of distances may take (complete linkage and `reference`); more is refused. 2 GiB where it is left out. */
  memoryBytes?: number
  signal?: AbortSignal
}

/**
 * Clusters the rows of `embeddings` (n x dimensions). Resolves to n labels, 0 for the cluster of the first row, counted in
 * order of first appearance. Exact: the same as joining the two nearest clusters until none are nearer than the threshold;
 * of pairs at equal distance the one with the lowest row joins first.
 *
 * Memory grows with n, not with n x n; for complete linkage with the number of pairs below the threshold.
 *
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT: no embeddings, NaN, a length that is no multiple of `dimensions`, more
 *   pairs than `memoryBytes` holds. ERR_FACENET_ABORTED.
 */
export async function clusterEmbeddings(embeddings: Float32Array, options: ClusterOptions): Promise<Int32Array> {
  const { dimensions } = checkClusterOptions(options)
  const rows = checkRows(embeddings, 'embeddings', dimensions)
  if (rows === 0) throw invalidArgument('embeddings', 'at least one row', embeddings)
  const lowest = await run(embeddings, new Int32Array(rows), 0, options)
  const names = new Map<number, number>()
  return lowest.map((row) => nameOf(names, row, () => names.size))
}

/**
 * Adds faces to clusters that are there: `labels` are those of the rows of `existing`, integers from 0, as
 * `clusterEmbeddings` or an earlier call made them with the same options. Resolves to the labels of all rows, `existing`
 * first, then `added`. Existing clusters stay whole and keep their labels; new faces join them or form clusters that take
 * the next free labels. Two existing clusters are never joined, except by single linkage where a new face is near both:
 * then the lower label stays. Takes distances of new faces only.
 */
export async function addToClusters(
  existing: Float32Array,
  labels: Int32Array,
  added: Float32Array,
  options: ClusterOptions,
): Promise<Int32Array> {
  const { dimensions } = checkClusterOptions(options)
  const known = checkRows(existing, 'existing', dimensions)
  const rows = known + checkRows(added, 'added', dimensions)
  checkLabels(labels, known)
  if (rows === known) throw invalidArgument('added', 'at least one row', added)
  const all = new Float32Array(rows * dimensions)
  all.set(existing)
  all.set(added, existing.length)
  const start = new Int32Array(rows)
  const first = new Map<number, number>()
  for (let i = 0; i < known; i++) start[i] = nameOf(first, labels[i]!, () => i)

  const lowest = await run(all, start, known, options)
  const names = new Map<number, number>()
  let free = 0
  for (let i = 0; i < known; i++) {
    const label = labels[i]!
    names.set(lowest[i]!, Math.min(names.get(lowest[i]!) ?? label, label))
    free = Math.max(free, label + 1)
  }
  return lowest.map((row) => nameOf(names, row, () => free++))
}

function nameOf(names: Map<number, number>, key: number, next: () => number): number {
  const known = names.get(key)
  if (known !== undefined) return known
  const name = next()
  names.set(key, name)
  return name
}

function checkClusterOptions(options: ClusterOptions): ClusterOptions {
  const known = ['dimensions', 'threshold', 'linkage', 'device', 'threads', 'memoryBytes', 'signal']
  checkOptions(options, 'options', known)
  checkInteger(options.dimensions, 'options.dimensions', 1)
  const { threshold } = options
  if (typeof threshold !== 'number' || !(threshold >= 0) || !Number.isFinite(threshold)) {
    throw invalidArgument('options.threshold', 'a finite number of at least 0', threshold)
  }
  checkOneOf(options.linkage ?? 'average', 'options.linkage', linkages)
  if (options.memoryBytes !== undefined) checkInteger(options.memoryBytes, 'options.memoryBytes', 1)
  checkThreads(options.threads)
  checkSignal(options.signal)
  return options
}

function checkLabels(labels: unknown, rows: number): void {
  if (!(labels instanceof Int32Array)) throw invalidArgument('labels', 'an Int32Array', labels)
  if (labels.length !== rows) throw invalidArgument('labels', `${rows} labels, one an existing row`, describe(labels))
  const negative = labels.findIndex((label) => label < 0 || label === 0x7fffffff)
  if (negative >= 0) throw invalidArgument(`labels[${negative}]`, 'an integer of at least 0', labels[negative])
}

/** `labels` holds the lowest row of each row's cluster: of `known` rows when it comes, of all when it goes. */
async function run(
  embeddings: Float32Array,
  labels: Int32Array,
  known: number,
  { dimensions, threshold, linkage = 'average', device, threads, memoryBytes = 2 ** 31, signal }: ClusterOptions,
): Promise<Int32Array> {
  const { kind } = resolveDevice(device, 'distances')
  const options = { dimensions, threshold, linkage, threads: checkThreads(threads), memoryBytes, known }
  const cancel = new Int32Array(1)
  const stop = () => void Atomics.store(cancel, 0, 1)
  return takeTurn(signal, async () => {
    signal?.addEventListener('abort', stop, { once: true })
    try {
      await nativeCall(() => native().cluster(embeddings, options, labels, cancel, kind))
      return labels
    } catch (error) {
      if (signal?.aborted && error instanceof FaceNetError && error.code === 'ERR_FACENET_ABORTED')
        throw aborted(signal)
      throw error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  })
}
