/** Where `POST /v1/search` looks: known faces, which a server reads and never writes. */
import { checkPreparedAlike, type Preparation } from '../embeddings/preparation.js'
import { readStored } from '../files/outputs/stored.js'
import { assertSameFingerprint, type Embeddings, type MixedOptions, nearestNeighbors } from '../index.js'
import { ownFloats } from '../native/own.js'

/** A known face that is near to one that is searched for. */
export interface Neighbor {
  /** What it is of: a path, or a name. */
  path: string
  /** Squared L2. */
  distance: number
}

/** Known faces. Another kind of them needs a function like `openStored`, and its line in the command. */
export interface Gallery {
  /** How many faces it has. */
  readonly rows: number
  /** The `k` nearest of each row, nearest first; fewer where the gallery has fewer. */
  search(rows: Embeddings, k: number, signal: AbortSignal): Promise<Neighbor[][]>
  close(): Promise<void>
}

export interface OpenGalleryOptions extends MixedOptions {
  /** Of the model that answers. */
  fingerprint: string
  /** How the server cuts faces out. */
  preparation: Preparation
  threads?: number
}

/** Embeddings in a .npy, .jsonl or .parquet file. Throws where another model made them, or faces were cut out differently. */
export async function openStored(
  path: string,
  { fingerprint, preparation, threads, allowMixed }: OpenGalleryOptions,
): Promise<Gallery> {
  const stored = await readStored(path, { allowMixed })
  assertSameFingerprint(fingerprint, stored.fingerprint)
  const sides = [
    { name: path, preparation: stored.preparation },
    { name: 'the server', preparation },
  ] as const
  checkPreparedAlike(...sides, allowMixed)
  // Searches read it in place, and no search copies it.
  const rows: Embeddings = { ...stored, data: ownFloats(stored.data), preparation }
  return {
    rows: stored.rows,
    async search(queries, k, signal) {
      const most = Math.min(k, rows.rows)
      if (most === 0) return Array.from({ length: queries.rows }, () => [])
      const { indices, distances } = await nearestNeighbors(queries, rows, { k: most, threads, signal, device: 'cpu' })
      return Array.from({ length: queries.rows }, (_, i) =>
        Array.from(indices.subarray(i * most, (i + 1) * most), (row, rank) => ({
          path: stored.paths[row]!,
          distance: distances[i * most + rank]!,
        })),
      )
    },
    async close() {},
  }
}
