/** Faces to people by density: DBSCAN (Ester et al., 1996), by the package @cdxoo/dbscan. */
import dbscan from '@cdxoo/dbscan'
import { checkFinite } from '../embeddings/check_rows.js'
import { pairwiseDistances } from '../embeddings/distances.js'
import { invalidArgument } from '../errors.js'
import { type DevicePreference, throwIfAborted } from '../native/check_arguments.js'
import { ownFloats } from '../native/own.js'

export interface DensityOptions {
  dimensions: number
  /** Rows are neighbours where their squared L2 distance is below it. */
  threshold: number
  /** Neighbours, itself counted, that make a row the core of a cluster. */
  minFaces: number
  device?: DevicePreference
  deviceIndex?: number
  /** A byte a pair of rows must fit. */
  memoryBytes: number
  signal?: AbortSignal
}

/** Rows whose distances are computed at a time. */
const tileRows = 256

/** A label a row, -1 where no cluster reaches it. */
export async function clusterByDensity(
  embeddings: Float32Array,
  rows: number,
  { minFaces, ...options }: DensityOptions,
): Promise<Int32Array> {
  checkFinite(embeddings, 'embeddings', options.dimensions)
  const near = await nearPairs(ownFloats(embeddings), rows, options)
  const { clusters } = dbscan({
    dataset: Array.from({ length: rows }, (_, row) => row),
    distanceFunction: (i, j) => near[i * rows + j]!,
    epsilonCompare: (isNear) => isNear === 1,
    minimumPoints: minFaces,
  })
  // The package also lists as noise what a later cluster reached, so noise is here what no cluster has.
  const labels = new Int32Array(rows).fill(-1)
  for (const [label, cluster] of clusters.entries()) for (const row of cluster) labels[row] = label
  return labels
}

/** rows x rows: 1 where two rows are neighbours, else 0. A row is its own neighbour whatever the threshold. */
async function nearPairs(
  embeddings: Float32Array,
  rows: number,
  { dimensions, threshold, device, deviceIndex, memoryBytes, signal }: Omit<DensityOptions, 'minFaces'>,
): Promise<Uint8Array> {
  const most = Math.floor(Math.sqrt(memoryBytes))
  if (rows > most) {
    const expected = `at most ${most} rows, as DBSCAN takes a byte a pair of rows of the ${memoryBytes} that options.memoryBytes gives`
    throw invalidArgument('embeddings', expected, `${rows} rows`)
  }
  const near = new Uint8Array(rows * rows)
  for (let top = 0; top < rows; top += tileRows) {
    throwIfAborted(signal)
    const tile = embeddings.subarray(top * dimensions, Math.min(rows, top + tileRows) * dimensions)
    const distances = await pairwiseDistances(tile, embeddings, { dimensions, device, deviceIndex, signal })
    for (let k = 0; k < distances.length; k++) near[top * rows + k] = Number(distances[k]! < threshold)
  }
  for (let row = 0; row < rows; row++) near[row * rows + row] = 1
  throwIfAborted(signal)
  return near
}
