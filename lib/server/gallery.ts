/** Where `POST /v1/search` looks: known faces. A server writes to them only where it is told that it may. */
import type { DetectedFace } from '../detection/types.js'
import { checkPreparedAlike, type Preparation } from '../embeddings/preparation.js'
import { readStored } from '../files/outputs/stored.js'
import { type Gallery, type GalleryPerson, isGallery, openGallery } from '../gallery/index.js'
import { isFailure } from '../gallery/sqlite.js'
import {
  assertSameFingerprint,
  type Embeddings,
  FaceNetError,
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
  /** Of a gallery: who is there. */
  people?(hidden: boolean): Promise<GalleryPerson[]>
  /** Of a gallery that may be written. */
  editor?: GalleryEditor
  close(): Promise<void>
}

/** A face to add, and whose it is. */
export interface NamedFace {
  id: string
  embedding: Float32Array
  face?: DetectedFace
  person?: string
}

/** What clients may change. What it resolves for is on the disk. */
export interface GalleryEditor {
  has(id: string): Promise<boolean>
  /** All or none. */
  add(faces: readonly NamedFace[]): Promise<void>
  label(id: string, person: string | null): Promise<void>
  /** How many there were. */
  remove(which: string | { person: string }): Promise<number>
}

export interface OpenKnownOptions extends MixedOptions {
  /** Of the model that answers. */
  fingerprint: string
  dimensions: number
  /** How the server cuts faces out. */
  preparation: Preparation
  threads?: number
  /** Whether clients may change the gallery, which is made where there is none. */
  writable?: boolean
}

/** A gallery of `openGallery`, or a file of embeddings. Throws where another model made them, or faces were cut out differently. */
export async function openKnown(path: string, options: OpenKnownOptions): Promise<KnownFaces> {
  if (options.writable || (await isGallery(path))) return openKept(path, options)
  return openStored(path, options)
}

/** Faces that are added while the server runs are found, too. */
async function openKept(
  path: string,
  { fingerprint, dimensions, preparation, threads, allowMixed, writable = false }: OpenKnownOptions,
): Promise<KnownFaces> {
  const made = { model: { fingerprint, dimensions }, preparation, allowMixed }
  const gallery = await openGallery(path, writable ? made : { readOnly: true })
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
      people: (hidden) => gallery.people({ hidden }),
      ...(writable && { editor: editorOf(gallery, { fingerprint, dimensions, preparation }) }),
      close: () => gallery.close(),
    }
  } catch (error) {
    await gallery.close()
    throw error
  }
}

function editorOf(gallery: Gallery, made: Pick<OpenKnownOptions, 'fingerprint' | 'dimensions' | 'preparation'>) {
  const editor: GalleryEditor = {
    has: async (id) => (await gallery.get(id)) !== undefined,
    async add(faces) {
      const rows = faces.map(({ embedding, ...face }) => ({
        ...face,
        embedding: { ...made, data: embedding, rows: 1 },
      }))
      await unlessBusy(() => gallery.addMany(rows))
    },
    label: (id, person) => unlessBusy(() => gallery.update(id, { person })),
    remove: (which) => unlessBusy(() => gallery.remove(which)),
  }
  return editor
}

/** A gallery that another process writes for long is too much to do at the moment, and no fault. */
async function unlessBusy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof FaceNetError) || !error.cause || !isFailure(error.cause, 'busy')) throw error
    throw new FaceNetError('ERR_FACENET_OVERLOADED', error.message, { cause: error })
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
