/** Faces one after the other, their number, and their way into other files. */
import { openOutput } from '../files/outputs/open.js'
import type { EmbeddingRow } from '../files/outputs/output.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { readRow, rowsAfter } from './blocks.js'
import { faceColumns, type GalleryFace, parseFace } from './faces.js'
import type { Facts } from './facts.js'
import { knownPerson } from './people.js'
import type { Store } from './store.js'

/** Which faces to iterate over. */
export interface GalleryFacesOptions {
  /** Of one person, by the name or by `person-12`. */
  person?: string
  /** Of one photograph. */
  image?: string
  /**
   * Whether each comes with its embedding.
   * @default false
   */
  embeddings?: boolean
}

/** How much there is. */
export interface GalleryCounts {
  /** Rows. */
  faces: number
  /** Faces of which it is said whose they are. */
  assigned: number
  /** People who have a face. */
  people: number
  /** Photographs that have a face. */
  images: number
  /** Photographs without a face, and those that could not be read. */
  missing: number
}

/** Read at a time. */
const pageRows = 500

/** Those that are there when their page is read, oldest first. */
export async function* iterateFaces(
  store: Store,
  { dimensions }: Facts,
  { person, image, embeddings = false }: GalleryFacesOptions,
): AsyncGenerator<GalleryFace & { embedding?: Float32Array }, void, undefined> {
  const conditions = ['f.number > ?']
  const values: (string | number)[] = []
  if (person !== undefined) {
    conditions.push('f.person = ?')
    values.push(store.read((db) => knownPerson(db, person, 'options.person')))
  }
  if (image !== undefined) {
    conditions.push('f.image = ?')
    values.push(image)
  }
  const query = `${faceColumns} WHERE ${conditions.join(' AND ')} ORDER BY f.number LIMIT ${pageRows}`
  for (let after = 0; ; ) {
    const page = store.read((db) => db.sql(query).all(after, ...values))
    for (const row of page) {
      after = Number(row.number)
      if (!embeddings) yield parseFace(row)
      else {
        const embedding = store.read((db) => readRow(db, after, dimensions))
        if (embedding) yield { ...parseFace(row), embedding }
      }
    }
    if (page.length < pageRows) return
  }
}

export function countAll(store: Store): GalleryCounts {
  const { faces, assigned, people, images, missing } = store.read(
    (db) =>
      db
        .sql(
          'SELECT count(*) AS faces, count(person) AS assigned, count(DISTINCT person) AS people, ' +
            'count(DISTINCT image) AS images, (SELECT count(*) FROM missing) AS missing FROM faces',
        )
        .get()!,
  )
  return {
    faces: Number(faces),
    assigned: Number(assigned),
    people: Number(people),
    images: Number(images),
    missing: Number(missing),
  }
}

/** Every face, oldest first, to a .npy, .parquet or .jsonl file; the id stands for the path. Resolves to how many. */
export async function exportFaces(store: Store, facts: Facts, path: string, signal?: AbortSignal): Promise<number> {
  const { dimensions } = facts
  const output = await openOutput(path, facts)
  let rows = 0
  try {
    for (let after = 0; ; ) {
      throwIfAborted(signal)
      const part = store.read((db) => rowsAfter(db, after, dimensions).next())
      if (part.done) break
      const { numbers, embeddings } = part.value
      after = numbers.at(-1)!
      const query = `${faceColumns} WHERE f.number BETWEEN ? AND ? ORDER BY f.number`
      const faces = store.read((db) => db.sql(query).all(numbers[0]!, after))
      const byNumber = new Map(faces.map((row) => [Number(row.number), parseFace(row)]))
      const written: EmbeddingRow[] = []
      for (const [i, number] of numbers.entries()) {
        const face = byNumber.get(number)
        if (!face) continue // Removed between the two queries.
        const embedding = embeddings.subarray(i * dimensions, (i + 1) * dimensions)
        const { image, face: place, quality, metadata } = face
        const about = { image, face: place, quality, metadata }
        const known = Object.entries(about).filter(([, value]) => value !== null)
        written.push({ path: face.id, embedding, ...Object.fromEntries(known) })
      }
      await output.write(written)
      rows += written.length
    }
    const missing = store.read((db) => db.sql('SELECT image, code, error FROM missing ORDER BY image').all())
    await output.writeMissing(
      missing.map(({ image, code, error }) => ({ path: String(image), code: String(code), error: String(error) })),
    )
    await output.close()
    return rows
  } catch (error) {
    await output.abort()
    throw error
  }
}
