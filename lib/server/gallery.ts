/** Where `POST /v1/search` looks: known faces, which a server reads and never writes. */
import { checkPreparedAlike, type Preparation } from '../embeddings/preparation.js'
import { readStored } from '../files/outputs/stored.js'
import { isGallery, openGallery } from '../gallery/index.js'
import {
  assertSameFingerprint,
  type Embeddings,
  indexEmbeddings,
  type MixedOptions,
  nearestNeighbors,
} from '../index.js'

/** A known face that is near to one that is searched for. */
export interface Neighbor {
  /** What it is of: a path, or what a gallery calls it. */
  path: string
  /** Whose face it is, where the gallery knows people; null where nobody said it. */
  person?: string | null
  /** Squared L2. */
  distance: number
}

/** Known faces. */
export interface KnownFaces {
  /** How many there were when they were opened. */
  readonly rows: number
  /** The `k` nearest of each row, nearest first; fewer where the gallery has fewer. */
  search(rows: Embeddings, k: number, signal: AbortSignal): Promise<Neighbor[][]>
  close(): Promise<void>
}

export interface OpenKnownOptions extends MixedOptions {
  /** Of the model that answers. */
  fingerprint: string
  dimensions: number
  /** How the server cuts faces out. */
  preparation: Preparation
  threads?: number
}

/** A gallery of `openGallery`, or a file of embeddings. Throws where another model made them, or faces were cut out differently. */
export async function openKnown(path: string, options: OpenKnownOptions): Promise<KnownFaces> {
  return (await isGallery(path)) ? openKept(path, options) : openStored(path, options)
}

/** Faces that are added while the server runs are found, too. */
async function openKept(
  path: string,
  { fingerprint, dimensions, preparation, threads, allowMixed }: OpenKnownOptions,
): Promise<KnownFaces> {
  const gallery = await openGallery(path, { readOnly: true })
  try {
    // Nothing is looked for: this says whether what will be could be compared.
    const nobody = { data: new Float32Array(0), rows: 0, dimensions, fingerprint, preparation }
    await gallery.searchMany(nobody, { allowMixed })
    const { faces } = await gallery.counts()
    return {
      rows: faces,
      async search(queries, k, signal) {
        const found = await gallery.searchMany(queries, { k, allowMixed, threads, signal, device: 'cpu' })
        return found.map((faces) => faces.map(({ id, person, distance }) => ({ path: id, person, distance })))
      },
      close: () => gallery.close(),
    }
  } catch (error) {
    await gallery.close()
    throw error
  }
}

/** Embeddings in a .npy, .jsonl or .parquet file. */
async function openStored(
  path: string,
  { fingerprint, preparation, threads, allowMixed }: OpenKnownOptions,
): Promise<KnownFaces> {
  const stored = await readStored(path, { allowMixed })
  assertSameFingerprint(fingerprint, stored.fingerprint)
  const sides = [
    { name: path, preparation: stored.preparation },
    { name: 'the server', preparation },
  ] as const
  checkPreparedAlike(...sides, allowMixed)
  // No search copies it or looks through it again.
  const rows = await indexEmbeddings({ ...stored, preparation }, { threads })
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
