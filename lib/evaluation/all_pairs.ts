/**
 * Distances of all pairs of n labelled embeddings, n (n - 1) / 2 of them, in bounded memory: tile by tile, each distance
 * counted and forgotten. Up to `exactPairs` pairs all distances are kept and curves are exact; above that they are counted in
 * bins, with thresholds only where bins meet, 1/2048 of a distance apart, and exact counts at these thresholds.
 */
import { pairwiseDistances } from '../embeddings/distances.js'
import { invalidArgument } from '../errors.js'
import { type DevicePreference, throwIfAborted } from '../native/check_arguments.js'
import { binCount, binOfBits, type Curve, curveOf, curveOfBins } from './curve.js'

/** 4 bytes of distance and 4 of group a pair. */
export const exactPairs = 4_000_000
const tileRows = 512
const tileColumns = 4096

/** Which pairs are looked at apart from the others: those whose two images are of one group. */
export interface Grouping {
  /** One an image, 0 to count - 1; -1: in no group. */
  groups: Int32Array
  count: number
}

/** How all pairs are measured. */
export interface AllPairsOptions {
  /** Where distances are computed; `auto` where it is left out. */
  device?: DevicePreference
  /** Aborts with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
  /** Pairs seen so far, of how many. */
  onProgress?: (done: number, total: number) => void
  /** Most pairs for which distances are kept. */
  exactPairs?: number
  /** Sees every distance once, as a row-major tile of the matrix of all; only what lies right of the diagonal is a pair. */
  onTile?: (distances: Float32Array, tile: Tile) => void
}

export interface AllPairs {
  total: Curve
  /** For each grouping a curve for each of its groups. */
  groupings: Curve[][]
  exact: boolean
}

/**
 * @param embeddings n x dimensions, finite.
 * @param labels n people, as numbers.
 */
export async function allPairs(
  embeddings: Float32Array,
  dimensions: number,
  labels: Int32Array,
  groupings: readonly Grouping[],
  options: AllPairsOptions = {},
): Promise<AllPairs> {
  const n = labels.length
  const pairs = (n * (n - 1)) / 2
  checkKinds(labels)
  const exact = pairs <= (options.exactPairs ?? exactPairs)
  const everything = { groups: new Int32Array(n), count: 1 }
  const tallies = [everything, ...groupings].map((grouping) =>
    exact ? new Kept(grouping, pairs) : new Binned(grouping),
  )
  let done = 0
  for await (const { tile, distances } of measuredTiles(embeddings, dimensions, n, options)) {
    for (const tally of tallies) tally.add(distances, labels, tile)
    options.onTile?.(distances, tile)
    if (tile.right < n) continue
    for (let row = tile.top; row < tile.bottom; row++) done += n - row - 1
    options.onProgress?.(done, pairs)
  }
  const [total, ...rest] = tallies.map((tally) => tally.curves())
  return { total: total![0]!, groupings: rest, exact }
}

/** The next tile is measured while one is counted. */
async function* measuredTiles(
  embeddings: Float32Array,
  dimensions: number,
  n: number,
  { device, signal }: AllPairsOptions,
): AsyncGenerator<{ tile: Tile; distances: Float32Array }> {
  const rows = (from: number, to: number) => embeddings.subarray(from * dimensions, to * dimensions)
  const measure = (tile: Tile) => {
    const { top, bottom, left, right } = tile
    const distances = pairwiseDistances(rows(top, bottom), rows(left, right), { dimensions, device })
    distances.catch(() => {}) // Seen when it is awaited, one tile later.
    return { tile, distances }
  }
  let current: ReturnType<typeof measure> | undefined
  for (const tile of tilesOf(n)) {
    throwIfAborted(signal)
    const next = measure(tile)
    if (current) yield { tile: current.tile, distances: await current.distances }
    current = next
  }
  if (current) yield { tile: current.tile, distances: await current.distances }
}

/** What lies right of the diagonal of n x n, row by row of tiles. */
function* tilesOf(n: number): Generator<Tile> {
  for (let top = 0; top < n; top += tileRows) {
    const bottom = Math.min(n, top + tileRows)
    for (let left = top; left < n; left += tileColumns)
      yield { top, bottom, left, right: Math.min(n, left + tileColumns) }
  }
}

function checkKinds(labels: Int32Array): void {
  const people = new Set(labels).size
  if (people < 2) throw invalidArgument('labels', 'images of at least two people', `${people}`)
  if (people === labels.length) {
    throw invalidArgument('labels', 'two images or more of one person', `${people} images of ${people} people`)
  }
}

/** Rows and columns of the matrix of all distances; only what lies right of its diagonal counts. */
export interface Tile {
  /** First row. */
  top: number
  /** The row after the last. */
  bottom: number
  /** First column. */
  left: number
  /** The column after the last. */
  right: number
}

class Binned {
  /** A histogram for each group, of different and of same pairs. */
  private readonly counts: Float64Array[]

  constructor(private readonly grouping: Grouping) {
    this.counts = Array.from({ length: grouping.count * 2 }, () => new Float64Array(binCount))
  }

  add(distances: Float32Array, labels: Int32Array, { top, bottom, left, right }: Tile): void {
    const bits = new Uint32Array(distances.buffer, distances.byteOffset, distances.length)
    const { groups } = this.grouping
    for (let i = top; i < bottom; i++) {
      const [group, label] = [groups[i]!, labels[i]!]
      if (group < 0) continue
      const [different, same] = [this.counts[group * 2]!, this.counts[group * 2 + 1]!]
      const row = (i - top) * (right - left) - left
      for (let j = Math.max(i + 1, left); j < right; j++) {
        if (groups[j] !== group) continue
        const counts = labels[j] === label ? same : different
        counts[binOfBits(bits[row + j]!)]!++
      }
    }
  }

  curves(): Curve[] {
    return Array.from({ length: this.grouping.count }, (_, group) =>
      curveOfBins(this.counts[group * 2 + 1]!, this.counts[group * 2]!),
    )
  }
}

class Kept {
  private readonly distances: Float32Array
  /** Group * 2, plus 1 for a same pair. */
  private readonly kinds: Int32Array
  private length = 0

  constructor(
    private readonly grouping: Grouping,
    pairs: number,
  ) {
    this.distances = new Float32Array(pairs)
    this.kinds = new Int32Array(pairs)
  }

  add(distances: Float32Array, labels: Int32Array, { top, bottom, left, right }: Tile): void {
    const { groups } = this.grouping
    for (let i = top; i < bottom; i++) {
      const group = groups[i]!
      if (group < 0) continue
      for (let j = Math.max(i + 1, left); j < right; j++) {
        if (groups[j] !== group) continue
        this.distances[this.length] = distances[(i - top) * (right - left) + j - left]!
        this.kinds[this.length++] = group * 2 + Number(labels[i] === labels[j])
      }
    }
  }

  curves(): Curve[] {
    const sizes = new Int32Array(this.grouping.count * 2)
    for (let k = 0; k < this.length; k++) sizes[this.kinds[k]!]!++
    const lists = Array.from(sizes, (size) => new Float32Array(size))
    const filled = new Int32Array(sizes.length)
    for (let k = 0; k < this.length; k++) {
      const kind = this.kinds[k]!
      lists[kind]![filled[kind]!++] = this.distances[k]!
    }
    return Array.from({ length: this.grouping.count }, (_, group) => curveOf(lists[group * 2 + 1]!, lists[group * 2]!))
  }
}
