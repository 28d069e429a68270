/** What holds for a whole gallery: the model of its embeddings, and how their images were prepared. */
import { checkPreparation, checkPreparedAlike, type Preparation } from '../embeddings/preparation.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { checkInteger } from '../native/check_arguments.js'
import type { Connection } from './sqlite.js'

/** What a gallery knows of the model that made its embeddings; a `Model` and `Embeddings` know it too. */
export interface GalleryModel {
  /** Equal ones mean comparable embeddings. */
  readonly fingerprint: string
  /** Floats of an embedding. */
  readonly dimensions: number
  /** Squared distance below which two faces count as one person; null or left out where nobody said it. */
  readonly threshold?: number | null
  /** How images became what the model was given. */
  readonly preparation?: Preparation
}

/** How embeddings are kept in the file. */
export type GalleryStorage = 'f32' | 'i8'

export interface Facts extends GalleryModel {
  readonly threshold: number | null
  readonly storage?: GalleryStorage
}

export function checkGalleryModel(value: unknown, name: string): GalleryModel {
  if (typeof value !== 'object' || value === null) {
    throw invalidArgument(name, 'a model, or its fingerprint and dimensions', value)
  }
  const { fingerprint, threshold = null, preparation } = value as GalleryModel
  if (typeof fingerprint !== 'string' || fingerprint === '') {
    throw invalidArgument(`${name}.fingerprint`, 'the fingerprint of a model', fingerprint)
  }
  const dimensions = checkInteger((value as GalleryModel).dimensions, `${name}.dimensions`, 1, 2 ** 20)
  if (threshold !== null && !(typeof threshold === 'number' && threshold >= 0 && threshold < Infinity)) {
    throw invalidArgument(`${name}.threshold`, 'a number of at least 0, or null', threshold)
  }
  return { fingerprint, dimensions, threshold, preparation: checkPreparation(preparation, `${name}.preparation`) }
}

/** Undefined in a file whose making was not completed. */
export function readFacts(path: string, db: Connection): Facts | undefined {
  const rows = db.sql('SELECT name, value FROM facts').all()
  const { fingerprint, dimensions, threshold, preparation, storage } = Object.fromEntries(
    rows.map(({ name, value }) => [name, String(value)]),
  )
  if (fingerprint === undefined || dimensions === undefined) return undefined
  return {
    fingerprint,
    dimensions: checkInteger(Number(dimensions), `${path}: dimensions`, 1, 2 ** 20),
    threshold: threshold === undefined ? null : Number(threshold),
    storage: storage === 'i8' ? 'i8' : 'f32',
    preparation:
      preparation === undefined ? undefined : checkPreparation(JSON.parse(preparation), `${path}: preparation`),
  }
}

/** Within a transaction. */
export function writeFacts(db: Connection, { fingerprint, dimensions, threshold, preparation }: GalleryModel): void {
  const write = (name: string, value: string) => db.sql('INSERT OR REPLACE INTO facts VALUES (?, ?)').run(name, value)
  write('fingerprint', fingerprint)
  write('dimensions', String(dimensions))
  if (typeof threshold === 'number') write('threshold', String(threshold))
  if (preparation) write('preparation', JSON.stringify(preparation))
}

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where they are of another model, or were prepared otherwise. */
export function checkBelongs(
  path: string,
  gallery: GalleryModel,
  name: string,
  others: GalleryModel,
  allowMixed = false,
): void {
  if (others.fingerprint !== gallery.fingerprint) {
    const [expected, received] = [`embeddings of the model of ${path}, ${gallery.fingerprint}`, others.fingerprint]
    const message =
      `Expected ${expected}, for ${name} but received those of ${received}: distances between embeddings of two models mean ` +
      'nothing. Use the model that the gallery was made with, or make another gallery'
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument: name, expected, received })
  }
  if (others.dimensions !== gallery.dimensions) {
    throw invalidArgument(`${name}.dimensions`, `${gallery.dimensions}, as ${path} has`, others.dimensions)
  }
  const sides = [
    { name: path, preparation: gallery.preparation },
    { name, preparation: others.preparation },
  ] as const
  checkPreparedAlike(...sides, allowMixed)
}
