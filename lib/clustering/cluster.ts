/** Faces to people: clustering of embeddings on squared L2 distances. */
import { types } from 'node:util'
import {
  checkRowPlace,
  type ForEmbeddings,
  type RowOptions,
  type RowPlace,
  rowOptionNames,
} from '../embeddings/check_rows.js'
import { checkBothSides, checkEmbeddings, type EmbeddingRows, type Embeddings } from '../embeddings/embeddings.js'
import type { MixedOptions } from '../embeddings/preparation.js'
import { describe, invalidArgument } from '../errors.js'
import { native } from '../native/addon.js'
import { checkAttached, checkInteger, checkOneOf, checkOptions } from '../native/check_arguments.js'
import { resolveDevice } from '../native/devices.js'
import { copyManyFloats } from '../native/own.js'
import { enqueueCall } from '../native/queue.js'

/** The methods that `clusterEmbeddings` knows. */
export const clusterMethods = ['agglomerative', 'dbscan'] as const
/** How clusters are found; see `clusterEmbeddings`. */
export type ClusterMethod = (typeof clusterMethods)[number]
/** The linkages that agglomerative clustering knows. */
export const linkages = ['average', 'complete', 'single'] as const
/** What the distance of two clusters is. */
export type Linkage = (typeof linkages)[number]

/** Options of agglomerative clustering. */
export interface AgglomerativeOptions extends RowOptions {
  /** Squared L2 distance below which two clusters are joined; with DBSCAN, below which two faces are neighbours. */
  threshold: number
  /**
   * The distance of two clusters: mean, largest or least of all pairs of their faces.
   * @default 'average'
   */
  linkage?: Linkage
  /**
   * What lists of distances may take (complete linkage, and `device: 'reference'`, a plain loop that needs n x n
   * numbers); more is refused. 2 GiB unless told.
   * @default 2 ** 31
   */
  memoryBytes?: number
}

/** Options of `addToClusters`, where two sets of rows meet. */
export interface AddOptions extends AgglomerativeOptions, MixedOptions {}

/** Options of `clusterEmbeddings`. */
export interface ClusterOptions extends AgglomerativeOptions {
  /**
   * `agglomerative`, by `linkage`, or `dbscan`, by `minFaces`.
   * @default 'agglomerative'
   */
  method?: ClusterMethod
  /**
   * For DBSCAN: faces nearer than the threshold, itself counted, that make a face the core of a cluster.
   * @default 3
   */
  minFaces?: number
}

/**
 * Clusters faces into people.
 *
 * `agglomerative` is exact: the same as joining the two nearest clusters until none are nearer than the threshold; of pairs
 * at equal distance the one with the lowest row joins first. Memory grows with n, not with n x n; for complete linkage with
 * the number of pairs below the threshold.
 *
 * `dbscan`: a face with `minFaces` neighbours or more is a core, cores that are neighbours are one cluster, and a face that is
 * none joins the cluster of the first of its neighbours that is a core, or else is noise: label -1. Memory grows with n.
 *
 * @param embeddings n rows: `Embeddings`, or a Float32Array with `options.dimensions`.
 * @param options the threshold and how; `dimensions` for a bare array.
 * @returns n labels, counted from 0 in order of first appearance.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT: no embeddings, NaN, a length that is no multiple of `dimensions`, an
 *   option of the other method, more pairs than `memoryBytes` holds. ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * const labels = await clusterEmbeddings(await model.embedRows(photographs), { threshold: model.threshold! })
 * ```
 */
export function clusterEmbeddings(embeddings: Embeddings, options: ForEmbeddings<ClusterOptions>): Promise<Int32Array>
export function clusterEmbeddings(embeddings: Float32Array, options: ClusterOptions): Promise<Int32Array>
export async function clusterEmbeddings(
  embeddings: EmbeddingRows,
  options: ForEmbeddings<ClusterOptions>,
): Promise<Int32Array> {
  checkOptions(options, 'options', [...known, 'method', 'minFaces'])
  const byDensity = checkOneOf(options.method ?? 'agglomerative', 'options.method', clusterMethods) === 'dbscan'
  const settings = onCpu(checkClusterOptions(options), options)
  const minFaces = checkInteger(options.minFaces ?? 3, 'options.minFaces', 1, 2 ** 31 - 1)
  const other = byDensity ? 'linkage' : 'minFaces'
  if (options[other] !== undefined) {
    const method = byDensity ? 'agglomerative' : 'dbscan'
    throw invalidArgument(`options.${other}`, `nothing, as it is for method ${method}`, options[other])
  }
  const { data, rows, dimensions } = checkEmbeddings(embeddings, 'embeddings', options.dimensions)
  if (rows === 0) throw invalidArgument('embeddings', 'at least one row', embeddings)
  const own = await copyManyFloats(data, 'embeddings', settings.signal)
  const labels = new Int32Array(rows)
  const found = byDensity
    ? await runByDensity(own, labels, { ...settings, dimensions, minFaces })
    : await run(own, labels, 0, { ...settings, dimensions })
  const names = new Map<number, number>()
  return found.map((cluster) => (cluster < 0 ? cluster : nameOf(names, cluster, () => names.size)))
}

/**
 * Adds faces to clusters that are there, by agglomerative clustering. Existing clusters stay whole and keep their labels; new
 * faces join them or form clusters that take the next free labels. Two existing clusters are never joined, except by single
 * linkage where a new face is near both: then the lower label stays. Takes distances of new faces only.
 *
 * @param existing rows that have clusters: `Embeddings`, or a Float32Array with `options.dimensions`.
 * @param labels of the rows of `existing`, integers from 0, as `clusterEmbeddings` or an earlier call made them with the same
 *   options.
 * @param added new rows, of the same model.
 * @param options as they were for `clusterEmbeddings`.
 * @returns the labels of all rows, `existing` first, then `added`.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_CUDA_UNAVAILABLE, ERR_FACENET_ABORTED
 *
 * @example
 * ```ts
 * const options = { threshold: model.threshold! }
 * const labels = await clusterEmbeddings(rows, options)
 * const all = await addToClusters(rows, labels, await model.embedRows(['new.jpg']), options)
 * ```
 */
export function addToClusters(
  existing: Embeddings,
  labels: Int32Array,
  added: EmbeddingRows,
  options: ForEmbeddings<AddOptions>,
): Promise<Int32Array>
export function addToClusters(
  existing: Float32Array,
  labels: Int32Array,
  added: Embeddings,
  options: ForEmbeddings<AddOptions>,
): Promise<Int32Array>
export function addToClusters(
  existing: Float32Array,
  labels: Int32Array,
  added: Float32Array,
  options: AddOptions,
): Promise<Int32Array>
export async function addToClusters(
  existing: EmbeddingRows,
  labels: Int32Array,
  added: EmbeddingRows,
  options: ForEmbeddings<AddOptions>,
): Promise<Int32Array> {
  checkOptions(options, 'options', [...known, 'allowMixed'])
  const settings = onCpu(checkClusterOptions(options), options)
  const [before, after] = checkBothSides([existing, 'existing'], [added, 'added'], options)
  const { dimensions, rows: old } = before
  const rows = old + after.rows
  checkClusterLabels(labels, old)
  const of = labels.slice() // They are needed at the end too, when the caller may have transferred them.
  if (rows === old) throw invalidArgument('added', 'at least one row', added)
  const all = new Float32Array(new SharedArrayBuffer(rows * dimensions * 4))
  all.set(before.data)
  all.set(after.data, before.data.length)
  const start = new Int32Array(rows)
  const first = new Map<number, number>()
  for (let i = 0; i < old; i++) start[i] = nameOf(first, of[i]!, () => i)

  const lowest = await run(all, start, old, { ...settings, dimensions })
  const names = new Map<number, number>()
  let free = 0
  for (let i = 0; i < old; i++) {
    const label = of[i]!
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

const known = [...rowOptionNames, 'threshold', 'linkage', 'memoryBytes']

interface Settings extends RowPlace {
  threshold: number
  linkage: Linkage
  memoryBytes: number
}

function checkClusterOptions(options: ForEmbeddings<AgglomerativeOptions>): Settings {
  const { threshold, linkage = 'average', memoryBytes = 2 ** 31 } = options
  if (typeof threshold !== 'number' || !(threshold >= 0) || !Number.isFinite(threshold)) {
    throw invalidArgument('options.threshold', 'a finite number of at least 0', threshold)
  }
  return {
    ...checkRowPlace(options),
    threshold,
    linkage: checkOneOf(linkage, 'options.linkage', linkages),
    memoryBytes: checkInteger(memoryBytes, 'options.memoryBytes', 1),
  }
}

/** There are no CUDA kernels for it: `auto`, the fastest device there is, is the CPU, and who asks for CUDA hears so. */
function onCpu(settings: Settings, { device = 'auto' }: ForEmbeddings<AgglomerativeOptions>): Settings {
  return device === 'auto' ? { ...settings, device: resolveDevice('cpu').kind } : settings
}

function checkClusterLabels(labels: unknown, rows: number): void {
  if (!types.isInt32Array(labels)) throw invalidArgument('labels', 'an Int32Array', labels)
  checkAttached(labels, 'labels')
  if (labels.length !== rows) throw invalidArgument('labels', `${rows} labels, one an existing row`, describe(labels))
  const negative = labels.findIndex((label) => label < 0 || label === 0x7fffffff)
  if (negative >= 0) throw invalidArgument(`labels[${negative}]`, 'an integer of at least 0', labels[negative])
}

/** `embeddings` are nobody else's. `labels` holds the lowest row of each row's cluster: of `known` rows when it comes, of all when it goes. */
async function run(
  embeddings: Float32Array,
  labels: Int32Array,
  known: number,
  { signal, ...settings }: Settings & { dimensions: number },
): Promise<Int32Array> {
  const task = { ...settings, known }
  await enqueueCall(signal, (cancel) => native().cluster(embeddings, task, labels, cancel))
  return labels
}

/** DBSCAN. Each row gets the lowest core of its cluster, or -1. */
async function runByDensity(
  embeddings: Float32Array,
  labels: Int32Array,
  { signal, ...settings }: Settings & { dimensions: number; minFaces: number },
): Promise<Int32Array> {
  await enqueueCall(signal, (cancel) => native().clusterByDensity(embeddings, settings, labels, cancel))
  return labels
}
