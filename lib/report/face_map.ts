/** A map on which faces that are near in the space of embeddings are near on paper (UMAP, McInnes et al., 2018). */
import { pairwiseDistances } from '../embeddings/distances.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { mulberry32 } from '../training/random.js'

/** More faces than this and the map shows a part of them. */
export const mostPoints = 1500
/** Fewer faces than this have no map. */
export const leastPoints = 5
/** The usual number for large maps; of few faces fewer are near. */
const neighboursOf = (n: number) => Math.min(n, 15, Math.max(4, Math.round(Math.sqrt(n))))
const seed = 20150612

/** Embeddings to draw a map of, and what they are of. */
export interface MapFaces {
  /** Image of each row. */
  paths: readonly string[]
  /** n x dimensions. */
  embeddings: Float32Array
  /** Floats per embedding. */
  dimensions: number
  /** The person or the cluster of each. */
  groups: readonly string[]
}

export interface MapPoint {
  /** Its row in what was given. */
  row: number
  /** 0..1 of the map, from the left. */
  x: number
  /** 0..1 of the map, from the top. */
  y: number
  /** Which other point is nearest in the space of embeddings, and at which squared distance. */
  nearest: number
  distance: number
}

/** All rows, or of more than `most` those of the groups with most faces, so that groups can be seen; ties by their names. */
export function chooseRows(groups: readonly string[], most = mostPoints): number[] {
  if (groups.length <= most) return [...groups.keys()]
  const members = new Map<string, number[]>()
  for (const [row, group] of groups.entries()) members.set(group, [...(members.get(group) ?? []), row])
  const order = [...members].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
  return order
    .flatMap(([, rows]) => rows)
    .slice(0, most)
    .sort((a, b) => a - b)
}

/** The same faces always give the same map. Undefined where umap-js, an optional peer, is not installed. */
export async function placeOnMap(
  faces: MapFaces,
  rows: readonly number[],
  signal?: AbortSignal,
): Promise<MapPoint[] | undefined> {
  const library = await import('umap-js').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND') return undefined
    throw error
  })
  if (!library) return undefined
  const { dimensions } = faces
  const n = rows.length
  const chosen = new Float32Array(n * dimensions)
  for (const [i, row] of rows.entries()) {
    chosen.set(faces.embeddings.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
  }
  const distances = await pairwiseDistances(chosen, { dimensions, device: 'cpu' })
  const neighbours = neighboursOf(n)
  const near = rows.map((_, i) => nearestOf(distances.subarray(i * n, (i + 1) * n), i, neighbours))
  const umap = new library.UMAP({ nNeighbors: neighbours, minDist: 0.9, spread: 1.6, random: mulberry32(seed) })
  umap.setPrecomputedKNN(
    near,
    near.map((row, i) => row.map((j) => Math.sqrt(distances[i * n + j]!))),
  )
  const epochs = umap.initializeFit(rows.map((_, i) => [...chosen.subarray(i * dimensions, (i + 1) * dimensions)]))
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (epoch % 20 === 0) throwIfAborted(signal)
    umap.step()
  }
  const places = fit(umap.getEmbedding() as [number, number][])
  return rows.map((row, i) => {
    const nearest = near[i]![1]!
    return { row, ...places[i]!, nearest, distance: distances[i * n + nearest]! }
  })
}

/** Itself and the k - 1 nearest others; ties to the lowest. */
function nearestOf(distances: Float32Array, self: number, k: number): number[] {
  const others = Array.from(distances.keys()).filter((j) => j !== self)
  return [self, ...others.sort((a, b) => distances[a]! - distances[b]! || a - b).slice(0, k - 1)]
}

/** Width over height of the map. */
export const mapShape = 4 / 3

/** Both axes in one scale, in the middle of the map. */
function fit(points: readonly [number, number][]): { x: number; y: number }[] {
  const range = (values: number[]) => [Math.min(...values), Math.max(...values)] as const
  const [left, right] = range(points.map(([x]) => x))
  const [top, bottom] = range(points.map(([, y]) => y))
  const size = Math.max(right - left, (bottom - top) * mapShape) || 1
  return points.map(([x, y]) => ({
    x: 0.5 + (x - (left + right) / 2) / size,
    y: 0.5 + ((y - (top + bottom) / 2) / size) * mapShape,
  }))
}
