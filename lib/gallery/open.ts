/** Opening the file of a gallery, or making one. */
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FaceFinder } from '../detection/types.js'
import type { Preparation } from '../embeddings/preparation.js'
import { describe, invalidArgument } from '../errors.js'
import type { Align, TemplateName } from '../images/index.js'
import type { Model } from '../model/model.js'
import { checkFlag, checkInteger, checkNamed, checkOneOf, checkOptions } from '../native/check_arguments.js'
import {
  checkBelongs,
  checkGalleryModel,
  type Facts,
  type GalleryModel,
  type GalleryStorage,
  readFacts,
  writeFacts,
} from './facts.js'
import type { Gallery } from './gallery.js'
import { noModel, Store } from './store.js'
import { StoredGallery } from './stored_gallery.js'

/** How a gallery is opened. */
export interface OpenGalleryOptions {
  /**
   * What makes its embeddings: a model, which also embeds photographs for it; or its fingerprint and dimensions. A gallery that is
   * made needs it; one that is there is only opened for the model that it was made with.
   */
  model?: Model | GalleryModel
  /** With a model: what finds the faces of photographs. */
  detector?: FaceFinder
  /** With a model: which part of photographs is used, as `model.embed` takes it. */
  align?: Align
  /** With a model: where the face belongs, as `model.embed` takes it. */
  template?: TemplateName
  /** How the images of its embeddings are prepared; it follows from `detector`, `align` and `template` where those are given. */
  preparation?: Preparation
  /**
   * How a gallery that is made keeps embeddings: `i8` takes a quarter of the disk, in steps of 1/127 of a row's largest value.
   * @default 'f32'
   */
  storage?: GalleryStorage
  /**
   * Opens a gallery that exists, and writes nothing.
   * @default false
   */
  readOnly?: boolean
  /**
   * Milliseconds that a call waits for another process that writes, before it fails.
   * @default 5000
   */
  busyTimeout?: number
  /**
   * Opens a gallery whose images were prepared otherwise, which is an error else.
   * @default false
   */
  allowMixed?: boolean
}

const known = [
  'model',
  'detector',
  'align',
  'template',
  'preparation',
  'storage',
  'readOnly',
  'busyTimeout',
  'allowMixed',
] as const

/**
 * Opens a gallery: faces that are kept in a file, and found again. It is an SQLite database; Node.js has SQLite from 22.13 on, and
 * before that `npm install libsql` brings it.
 *
 * @param path of the file, or its `file:` URL; made where it does not exist, unless `readOnly`. Beside it are `-wal` and `-shm`,
 *   which belong to it, while it is open.
 * @param options the model of its embeddings, and how.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where the file is no gallery, is of another model or of a newer version, or is to
 *   be made without a model; ERR_FACENET_IO where it cannot be read or written, or is damaged; ERR_FACENET_ADDON_NOT_FOUND where
 *   there is no SQLite, naming the command that brings it.
 *
 * @example
 * ```ts
 * const gallery = await openGallery('people.db', { model, detector })
 * ```
 */
export async function openGallery(path: string | URL, options: OpenGalleryOptions = {}): Promise<Gallery> {
  checkOptions(options, 'options', known)
  const { readOnly = false, busyTimeout = 5000, allowMixed, storage } = options
  if (storage !== undefined) checkOneOf(storage, 'options.storage', ['f32', 'i8'])
  checkFlag(readOnly, 'options.readOnly')
  checkFlag(allowMixed, 'options.allowMixed')
  checkInteger(busyTimeout, 'options.busyTimeout', 0)
  for (const name of ['model', 'detector', 'align', 'template', 'preparation']) checkNamed(options, name, 'something')
  const made = modelOf(options)
  const store = await Store.open(checkPath(path), { readOnly, busyTimeout, create: made !== undefined })
  try {
    const facts = await factsOf(store, made, storage)
    if (storage !== undefined && storage !== facts.storage) {
      throw invalidArgument('options.storage', `${facts.storage}, as ${store.path} has`, storage)
    }
    if (made) checkBelongs(store.path, facts, 'options.model', made, allowMixed)
    store.pin(facts.fingerprint)
    return new StoredGallery({
      store,
      facts: { ...facts, threshold: facts.threshold ?? made?.threshold ?? null },
      ...embedderOf(options),
    })
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Whether a path is that of a file that may be a gallery: an SQLite database. */
export async function isGallery(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined)
  if (!file) return false
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0)
    return bytesRead === 16 && buffer.toString('latin1') === 'SQLite format 3\0'
  } catch {
    return false // A folder.
  } finally {
    await file.close()
  }
}

export function checkPath(path: unknown): string {
  const text = path instanceof URL && path.protocol === 'file:' ? fileURLToPath(path) : path
  if (typeof text !== 'string' || text === '') throw invalidArgument('path', 'the path of a file', describe(path))
  return resolve(text)
}

/** Of the file; a new one gets those that are given. */
async function factsOf(store: Store, made: GalleryModel | undefined, storage?: GalleryStorage): Promise<Facts> {
  const stored = store.read((db) => readFacts(store.path, db))
  if (stored) return stored
  if (!made) throw noModel(store.path)
  await store.write((db) => {
    if (readFacts(store.path, db)) return
    writeFacts(db, made)
    if (storage === 'i8') db.sql("INSERT INTO facts VALUES ('storage', 'i8')").run()
  })
  return store.read((db) => readFacts(store.path, db))!
}

function modelOf(options: OpenGalleryOptions): GalleryModel | undefined {
  const { model } = options
  if (model === undefined) return undefined
  const { fingerprint, dimensions, threshold } = model
  return checkGalleryModel({ fingerprint, dimensions, threshold, preparation: preparationOf(options) }, 'options.model')
}

function preparationOf(options: OpenGalleryOptions): Preparation | undefined {
  if (options.preparation !== undefined) return options.preparation
  if (canEmbed(options)) return options.model.preparationOf(how(options))
  return (options.model as GalleryModel).preparation
}

const how = ({ detector, align, template }: OpenGalleryOptions) => ({
  ...(detector && { detector }),
  ...(align && { align }),
  ...(template && { template }),
})

/** Whether photographs can be embedded: of a model alone it is not known which part of them it is to see. */
function canEmbed(options: OpenGalleryOptions): options is Omit<OpenGalleryOptions, 'model'> & { model: Model } {
  const { model, detector, align } = options
  const isModel = typeof (model as Partial<Model> | undefined)?.embedRows === 'function'
  return isModel && (detector !== undefined || align !== undefined)
}

function embedderOf(options: OpenGalleryOptions) {
  return canEmbed(options) ? { embedder: { model: options.model, how: how(options) } } : {}
}
