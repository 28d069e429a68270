/** The faces of a gallery but for their embeddings: what callers give, what the file holds, and what comes back. */
import { randomUUID } from 'node:crypto'
import type { DetectedFace } from '../detection/types.js'
import { checkFinite } from '../embeddings/check_rows.js'
import { type Embeddings, isEmbeddings } from '../embeddings/embeddings.js'
import { describe, FaceNetError, invalidArgument } from '../errors.js'
import type { FaceQuality } from '../images/quality.js'
import { checkFloats, checkOptions } from '../native/check_arguments.js'
import { checkBelongs, type GalleryModel } from './facts.js'
import { personOfName, personText } from './people.js'
import type { Connection, SqlRow } from './sqlite.js'

/** Anything that JSON can say, by names. */
export type GalleryMetadata = Readonly<Record<string, unknown>>

/** A face to add. */
export interface NewFace {
  /** What it is called, once in a gallery. Left out, it is a random UUID. */
  id?: string
  /** `dimensions` floats, or `Embeddings` of one row, which know their model. */
  embedding: Float32Array | Embeddings
  /** Whose face it is: a name, new or known, or `person-12`. */
  person?: string | null
  /** The photograph it is in. */
  image?: string
  /** Where in the photograph it was found. */
  face?: DetectedFace
  /** How good its picture is, as `embedStream` says it. */
  quality?: FaceQuality
  /** What else is to be kept, as JSON. */
  metadata?: GalleryMetadata | null
}

/** Rows of a model with what each is called, as `readStored` of `facenet-native/files` gives them. */
export interface NamedRows extends Embeddings {
  /** Of row i; it becomes the id of the face. */
  readonly paths: readonly string[]
}

/** A face of a gallery. */
export interface GalleryFace {
  /** What it is called. */
  id: string
  /** Whose face it is: the name, or `person-12`; null where nobody said it. */
  person: string | null
  /** The photograph it is in; null where nobody said it. */
  image: string | null
  /** Where in the photograph it was found; null where nobody said it. */
  face: DetectedFace | null
  /** How good its picture is; null where nobody said it. */
  quality: FaceQuality | null
  /** What was given with it; null where nothing was. */
  metadata: GalleryMetadata | null
}

/** A face that was checked. */
export interface CheckedFace {
  id: string
  embedding: Float32Array
  person?: string | null
  image?: string
  face?: string
  quality?: string
  metadata?: string | null
}

const known = ['id', 'embedding', 'person', 'image', 'face', 'quality', 'metadata'] as const

/** A copy, so that the caller may change what it gave. */
export function checkFace(value: NewFace, name: string, path: string, gallery: GalleryModel): CheckedFace {
  checkOptions(value, name, known)
  const { id = randomUUID(), person, image, face, quality, metadata } = value
  if (typeof id !== 'string' || id === '') throw invalidArgument(`${name}.id`, 'a text that is not empty', id)
  if (person !== undefined && person !== null && (typeof person !== 'string' || person === '')) {
    throw invalidArgument(`${name}.person`, 'a name, or null', person)
  }
  if (image !== undefined && typeof image !== 'string') throw invalidArgument(`${name}.image`, 'a path', image)
  return {
    id,
    embedding: checkEmbedding(value.embedding, `${name}.embedding`, path, gallery),
    person,
    image,
    face: face && checkJson(face, `${name}.face`),
    quality: quality && checkJson(quality, `${name}.quality`),
    metadata: metadata === undefined || metadata === null ? metadata : checkJson(metadata, `${name}.metadata`),
  }
}

function checkEmbedding(value: unknown, name: string, path: string, gallery: GalleryModel): Float32Array {
  if (isEmbeddings(value)) {
    checkBelongs(path, gallery, name, value)
    if (value.rows !== 1) throw invalidArgument(`${name}.rows`, '1, one face', value.rows)
  }
  const floats = checkFloats(isEmbeddings(value) ? value.data : value, name, 'a Float32Array or Embeddings of one row')
  if (floats.length !== gallery.dimensions) {
    throw invalidArgument(name, `${gallery.dimensions} floats, as ${path} has`, describe(floats))
  }
  checkFinite(floats, name, gallery.dimensions)
  return Float32Array.from(floats)
}

export function checkJson(value: object, name: string): string {
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidArgument(name, 'an object', value)
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw invalidArgument(name, 'an object that JSON can say', (cause as Error).message)
  }
}

/** Within a transaction: the number of the new row. */
export function insertFace(db: Connection, face: CheckedFace): number {
  if (db.sql('SELECT 1 FROM faces WHERE id = ?').get(face.id)) throw idTwice(face.id)
  const person = typeof face.person === 'string' ? personOfName(db, face.person, 'person') : null
  const { lastInsertRowid } = db
    .sql('INSERT INTO faces (id, person, image, face, quality, metadata) VALUES (?, ?, ?, ?, ?, ?)')
    .run(face.id, person, face.image ?? null, face.face ?? null, face.quality ?? null, face.metadata ?? null)
  const number = Number(lastInsertRowid)
  if (number > 2 ** 31 - 1) throw invalidArgument('faces', 'at most 2147483647 faces, ever', number)
  return number
}

export function idTwice(id: string): FaceNetError {
  const [expected, received] = ['ids that are in the gallery once', describe(id)]
  const message = `Expected ${expected} but received ${received}, which is there already: replace() gives it another embedding`
  return new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument: 'id', expected, received })
}

/** Within a transaction: what is given takes the place of what is there. */
export function updateFace(db: Connection, number: number, face: Omit<CheckedFace, 'id' | 'embedding'>): void {
  const set = (column: string, value: string | number | null | undefined) => {
    if (value !== undefined) db.sql(`UPDATE faces SET ${column} = ? WHERE number = ?`).run(value, number)
  }
  set('person', typeof face.person === 'string' ? personOfName(db, face.person, 'person') : face.person)
  set('image', face.image)
  set('face', face.face)
  set('quality', face.quality)
  set('metadata', face.metadata)
}

/** The row of an id; an error where there is none. */
export function knownFace(db: Connection, id: unknown): number {
  const row = typeof id === 'string' ? db.sql('SELECT number FROM faces WHERE id = ?').get(id) : undefined
  if (!row) throw invalidArgument('id', 'the id of a face of the gallery', describe(id))
  return Number(row.number)
}

export const faceColumns =
  'SELECT f.number, f.id, f.person, p.name, f.image, f.face, f.quality, f.metadata FROM faces f LEFT JOIN people p ON p.person = f.person'

export function parseFace(row: SqlRow): GalleryFace {
  const json = (value: SqlRow[string] | undefined) => (typeof value === 'string' ? JSON.parse(value) : null)
  const name = row.name === null ? null : String(row.name)
  return {
    id: String(row.id),
    person: row.person === null ? null : personText(Number(row.person), name),
    image: row.image === null ? null : String(row.image),
    face: json(row.face),
    quality: json(row.quality),
    metadata: json(row.metadata),
  }
}
