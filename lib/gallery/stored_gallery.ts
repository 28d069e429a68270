/** The gallery of `openGallery`: checks, and the order of calls; the work is done in the files beside this one. */
import { types } from 'node:util'
import { type EmbeddingRows, type Embeddings, isEmbeddings } from '../embeddings/embeddings.js'
import type { Preparation } from '../embeddings/preparation.js'
import { disposed, invalidArgument } from '../errors.js'
import type { ImageInput } from '../images/index.js'
import type { EmbedArrayOptions } from '../model/options.js'
import type { StreamSource } from '../model/stream.js'
import { checkFloats, checkOptions } from '../native/check_arguments.js'
import { InFlight } from '../native/queue.js'
import { type AlbumOptions, type AlbumResult, clusterGallery } from './album.js'
import { applyEdits, type GalleryEdit } from './edits.js'
import {
  checkFace,
  faceColumns,
  type GalleryFace,
  type GalleryMetadata,
  type NamedRows,
  type NewFace,
  parseFace,
} from './faces.js'
import { checkBelongs, type Facts, type GalleryStorage } from './facts.js'
import type { Gallery } from './gallery.js'
import { type Identified, type IdentifyOptions, identifyRows } from './identify.js'
import { type AddedImages, type AddImagesOptions, addImages, type GalleryEmbedder } from './images.js'
import { type GalleryPeopleOptions, type GalleryPerson, listPeople } from './people.js'
import { countAll, exportFaces, type GalleryCounts, type GalleryFacesOptions, iterateFaces } from './read.js'
import { MemoryRows } from './rows.js'
import { embeddingOf, type FaceMatch, type GallerySearchOptions, searchRows } from './search.js'
import type { Store } from './store.js'
import { type GalleryCheck, verifyStore } from './verify.js'
import { addFaces, type GallerySelection, relabelFace, removeFaces, replaceFaces } from './write.js'

interface Opened {
  store: Store
  facts: Facts
  /** What embeds photographs, and the options that say how. */
  embedder?: { model: GalleryEmbedder; how: EmbedArrayOptions }
}

/** A gallery in an SQLite file. */
export class StoredGallery implements Gallery {
  readonly path: string
  readonly fingerprint: string
  readonly dimensions: number
  readonly preparation: Preparation | undefined
  readonly threshold: number | null
  readonly storage: GalleryStorage
  readonly readOnly: boolean

  readonly #store: Store
  readonly #facts: Facts
  readonly #rows: MemoryRows
  readonly #embedder: Opened['embedder']
  readonly #running = new InFlight()
  #closing: Promise<void> | undefined

  constructor({ store, facts, embedder }: Opened) {
    this.#store = store
    this.#facts = facts
    this.#rows = new MemoryRows(store, facts.dimensions)
    this.#embedder = embedder
    this.path = store.path
    this.readOnly = store.readOnly
    this.fingerprint = facts.fingerprint
    this.dimensions = facts.dimensions
    this.preparation = facts.preparation
    this.threshold = facts.threshold
    this.storage = facts.storage ?? 'f32'
  }

  get disposed(): boolean {
    return this.#closing !== undefined
  }

  async add(face: NewFace): Promise<string> {
    const [id] = await this.addMany([face])
    return id!
  }

  async addMany(faces: readonly NewFace[] | NamedRows, options: { signal?: AbortSignal } = {}): Promise<string[]> {
    return this.#run(async () => {
      const given = isEmbeddings(faces) ? facesOfRows(this.path, this.#facts, faces) : faces
      if (!Array.isArray(given)) throw invalidArgument('faces', 'an array of faces, or rows with paths', faces)
      const checked = given.map((face, i) => checkFace(face, `faces[${i}]`, this.path, this.#facts))
      if (checked.length > 0) await addFaces(this.#store, checked, this.dimensions, options.signal)
      return checked.map(({ id }) => id)
    })
  }

  async addImages(source: StreamSource, options: AddImagesOptions = {}): Promise<AddedImages> {
    return this.#run(async () => addImages(this.#store, this.#facts, this.#photographs('source'), source, options))
  }

  async replace(face: NewFace & { id: string }): Promise<void> {
    return this.#run(async () => {
      if (face?.id === undefined) throw invalidArgument('face.id', 'the id of a face of the gallery', face?.id)
      await replaceFaces(this.#store, [checkFace(face, 'face', this.path, this.#facts)], this.dimensions)
    })
  }

  async update(id: string, about: { person?: string | null; metadata?: GalleryMetadata | null }): Promise<void> {
    return this.#run(() => relabelFace(this.#store, id, about))
  }

  async remove(which: string | readonly string[] | GallerySelection): Promise<number> {
    return this.#run(() => removeFaces(this.#store, typeof which === 'string' ? [which] : which, this.dimensions))
  }

  async get(id: string): Promise<(GalleryFace & { embedding: Float32Array }) | undefined> {
    return this.#run(async () => {
      const row = this.#store.read((db) => db.sql(`${faceColumns} WHERE f.id = ?`).get(id))
      return row && { ...parseFace(row), embedding: embeddingOf(this.#store, id, this.dimensions) }
    })
  }

  async search(
    who: Float32Array | Embeddings | ImageInput | { readonly id: string },
    options: GallerySearchOptions = {},
  ): Promise<FaceMatch[]> {
    return this.#run(async () => {
      const id = hasId(who) ? who.id : undefined
      const row = this.#one(id === undefined ? await this.#embeddingOf(who as ImageInput, options) : this.#rowOf(id))
      const [matches] = await searchRows(this.#place, row, 'who', options, id)
      return matches!
    })
  }

  async searchMany(rows: EmbeddingRows, options: GallerySearchOptions = {}): Promise<FaceMatch[][]> {
    return this.#run(() => searchRows(this.#place, rows, 'rows', options))
  }

  async people(options: GalleryPeopleOptions = {}): Promise<GalleryPerson[]> {
    checkOptions(options, 'options', ['hidden'])
    return this.#run(async () => this.#store.read((db) => listPeople(db, options)))
  }

  async cluster(options: AlbumOptions = {}): Promise<AlbumResult> {
    return this.#run(() => clusterGallery(this.#place, options))
  }

  async apply(edits: readonly GalleryEdit[]): Promise<void> {
    return this.#run(() => applyEdits(this.#store, edits))
  }

  async identify(
    who: Float32Array | Embeddings | ImageInput,
    options: IdentifyOptions = {},
  ): Promise<Identified | null> {
    return this.#run(async () => {
      const row = this.#one(await this.#embeddingOf(who, options))
      const [person] = await identifyRows(this.#place, row, 'who', options)
      return person!
    })
  }

  async counts(): Promise<GalleryCounts> {
    return this.#run(async () => countAll(this.#store))
  }

  async *faces(
    options: GalleryFacesOptions = {},
  ): AsyncGenerator<GalleryFace & { embedding?: Float32Array }, void, undefined> {
    this.#checkOpen()
    for await (const face of iterateFaces(this.#store, this.#facts, options)) {
      yield face
      this.#checkOpen()
    }
  }

  async export(path: string, options: { signal?: AbortSignal } = {}): Promise<number> {
    return this.#run(() => exportFaces(this.#store, this.#facts, path, options.signal))
  }

  async verify(): Promise<GalleryCheck> {
    return this.#run(() => verifyStore(this.#store, this.#facts))
  }

  close(): Promise<void> {
    this.#closing ??= this.#running.settled().then(() => this.#store.close())
    return this.#closing
  }

  dispose(): void {
    void this.close()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #place() {
    return { store: this.#store, rows: this.#rows, facts: this.#facts }
  }

  #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.disposed) return Promise.reject(disposed('gallery'))
    return this.#running.track(work())
  }

  #checkOpen(): void {
    if (this.disposed) throw disposed('gallery')
  }

  #rowOf = (id: string): Float32Array => embeddingOf(this.#store, id, this.dimensions)

  #one(row: EmbeddingRows): EmbeddingRows {
    const rows = isEmbeddings(row) ? row.rows : checkFloats(row, 'who').length / this.dimensions
    if (rows !== 1) throw invalidArgument('who', `one embedding of ${this.dimensions} floats`, row)
    return row
  }

  async #embeddingOf(who: EmbeddingRows | ImageInput, { signal }: GallerySearchOptions): Promise<EmbeddingRows> {
    const isImage = typeof who === 'string' || who instanceof URL || types.isUint8Array(who)
    if (!isImage) return who
    const { model, how } = this.#photographs('who')
    return model.embedRows([who], { ...how, signal })
  }

  #photographs(argument: string) {
    if (this.#embedder) return this.#embedder
    const expected = 'a gallery that was opened with a model, and with a detector or `align`'
    throw invalidArgument(argument, expected, 'photographs for one that was opened without')
  }
}

const hasId = (who: unknown): who is { id: string } =>
  typeof who === 'object' && who !== null && !ArrayBuffer.isView(who) && 'id' in who

/** Their model is that of the gallery. */
function facesOfRows(path: string, facts: Facts, rows: NamedRows): NewFace[] {
  checkBelongs(path, facts, 'faces', rows)
  const { data, paths, dimensions } = rows
  if (!Array.isArray(paths) || paths.length !== rows.rows) {
    throw invalidArgument('faces.paths', `a path for each of the ${rows.rows} rows`, paths)
  }
  return paths.map((id, i) => ({ id, embedding: data.subarray(i * dimensions, (i + 1) * dimensions) }))
}
