/** Adding, replacing and removing faces: each a transaction. */
import { invalidArgument } from '../errors.js'
import { checkOptions } from '../native/check_arguments.js'
import { appendRows, editRows, type NumberedRows } from './blocks.js'
import {
  type CheckedFace,
  checkJson,
  type GalleryMetadata,
  idTwice,
  insertFace,
  knownFace,
  updateFace,
} from './faces.js'
import { forgetEmptyPeople, knownPerson } from './people.js'
import type { Connection } from './sqlite.js'
import { type Store, signWriter } from './store.js'

/** Which faces to remove. */
export interface GallerySelection {
  /** All of a person, by the name or by `person-12`. */
  person?: string
  /** All of a photograph. */
  image?: string
}

/** All or none of them. */
export async function addFaces(
  store: Store,
  faces: readonly CheckedFace[],
  dimensions: number,
  signal?: AbortSignal,
): Promise<void> {
  const ids = new Set<string>()
  for (const { id } of faces) if (ids.size === ids.add(id).size) throw idTwice(id)
  await store.write((db) => {
    signWriter(db)
    const rows: NumberedRows = {
      numbers: new Uint32Array(faces.length),
      embeddings: new Float32Array(faces.length * dimensions),
    }
    for (const [i, face] of faces.entries()) {
      rows.numbers[i] = insertFace(db, face)
      rows.embeddings.set(face.embedding, i * dimensions)
    }
    appendRows(db, rows, dimensions)
  }, signal)
}

/** Other embeddings for faces that are there; what else is given of a face takes the place of what was known of it. */
export async function replaceFaces(store: Store, faces: readonly CheckedFace[], dimensions: number): Promise<void> {
  await store.write((db) => {
    signWriter(db)
    const edits = new Map<number, Float32Array>()
    for (const face of faces) {
      const number = knownFace(db, face.id)
      updateFace(db, number, face)
      edits.set(number, face.embedding)
    }
    editRows(db, edits, dimensions)
    forgetEmptyPeople(db)
  })
  store.emptyLog()
}

/** How many there were. */
export async function removeFaces(
  store: Store,
  which: readonly string[] | GallerySelection,
  dimensions: number,
): Promise<number> {
  const removed = await store.write((db) => {
    signWriter(db)
    const numbers = chosen(db, which)
    for (const number of numbers) db.sql('DELETE FROM faces WHERE number = ?').run(number)
    editRows(db, new Map(numbers.map((number) => [number, undefined])), dimensions)
    if (!isList(which) && which.image !== undefined) db.sql('DELETE FROM missing WHERE image = ?').run(which.image)
    forgetEmptyPeople(db)
    return numbers.length
  })
  store.emptyLog()
  return removed
}

const isList = (which: readonly string[] | GallerySelection): which is readonly string[] => Array.isArray(which)

function chosen(db: Connection, which: readonly string[] | GallerySelection): number[] {
  if (isList(which)) return [...new Set(which.map((id) => knownFace(db, id)))]
  const { person, image } = which
  if (person === undefined && image === undefined) {
    throw invalidArgument('which', 'ids, a person or an image', 'neither')
  }
  const conditions: string[] = []
  const values: (string | number)[] = []
  if (person !== undefined) {
    conditions.push('person = ?')
    values.push(knownPerson(db, person, 'which.person'))
  }
  if (image !== undefined) {
    conditions.push('image = ?')
    values.push(image)
  }
  const rows = db.sql(`SELECT number FROM faces WHERE ${conditions.join(' AND ')}`).all(...values)
  return rows.map(({ number }) => Number(number))
}

/** What is left out stays. */
export async function relabelFace(
  store: Store,
  id: string,
  about: { person?: string | null; metadata?: GalleryMetadata | null },
): Promise<void> {
  checkOptions(about, 'about', ['person', 'metadata'])
  const { person, metadata } = about
  const text = metadata === undefined || metadata === null ? metadata : checkJson(metadata, 'about.metadata')
  if (person !== undefined && person !== null && (typeof person !== 'string' || person === '')) {
    throw invalidArgument('about.person', 'a name, or null', person)
  }
  await store.write((db) => {
    signWriter(db)
    updateFace(db, knownFace(db, id), { person, metadata: text })
    forgetEmptyPeople(db)
  })
}
