/**
 * Faces that are kept in a database of many machines, behind the same calls as those of a gallery: what each adapter does is the same
 * but for the queries.
 */
import { checkFinite } from '../embeddings/check_rows.js'
import { checkEmbeddings, type EmbeddingRows, type Embeddings, isEmbeddings } from '../embeddings/embeddings.js'
import { mostNeighbors } from '../embeddings/neighbors.js'
import type { Preparation } from '../embeddings/preparation.js'
import { describe, disposed, invalidArgument } from '../errors.js'
import {
  type CheckedFace,
  checkFace,
  checkJson,
  type GalleryFace,
  type GalleryMetadata,
  idTwice,
  type NewFace,
} from '../gallery/faces.js'
import { checkBelongs, checkGalleryModel, type Facts, type GalleryModel } from '../gallery/facts.js'
import { type FaceMatch, thresholdOf } from '../gallery/search.js'
import type { GallerySelection } from '../gallery/write.js'
import { checkFlag, checkFloats, checkInteger, checkOptions, throwIfAborted } from '../native/check_arguments.js'
import type { GalleryStore, StoreCounts, StoreModelOptions, StorePerson, StoreSearchOptions } from './face_store.js'

/** The queries that an adapter makes of checked arguments. */
export interface Queries {
  insert(faces: readonly CheckedFace[], signal?: AbortSignal): Promise<void>
  /** False where there is no such face. */
  replace(face: CheckedFace): Promise<boolean>
  update(id: string, about: { person?: string | null; metadata?: string | null }): Promise<boolean>
  /** Of ids that are all there, or none is removed and the first that is not is given. */
  removeIds(ids: readonly string[]): Promise<number | { unknown: string }>
  removeWhere(which: GallerySelection): Promise<number>
  get(id: string): Promise<(GalleryFace & { embedding: Float32Array }) | undefined>
  /** For each row the `k` nearest, with squared distances. */
  search(rows: readonly Float32Array[], k: number, exact: boolean, signal?: AbortSignal): Promise<FaceMatch[][]>
  faces(which: GallerySelection): AsyncGenerator<GalleryFace, void, undefined>
  people(): Promise<StorePerson[]>
  counts(): Promise<StoreCounts>
}

const searchOptionNames = ['k', 'threshold', 'signal', 'allowMixed', 'exact'] as const

/** A store of many machines. `place` stands for it in errors, without what is secret of it. */
export class RemoteStore implements GalleryStore {
  readonly fingerprint: string
  readonly dimensions: number
  readonly preparation: Preparation | undefined
  readonly threshold: number | null
  #closed = false

  constructor(
    private readonly place: string,
    private readonly facts: Facts,
    private readonly queries: Queries,
  ) {
    this.fingerprint = facts.fingerprint
    this.dimensions = facts.dimensions
    this.preparation = facts.preparation
    this.threshold = facts.threshold
  }

  async add(face: NewFace): Promise<string> {
    const [id] = await this.addMany([face])
    return id!
  }

  async addMany(faces: readonly NewFace[], options: { signal?: AbortSignal } = {}): Promise<string[]> {
    this.#checkOpen()
    if (!Array.isArray(faces)) throw invalidArgument('faces', 'an array of faces', faces)
    const checked = faces.map((face, i) => checkFace(face, `faces[${i}]`, this.place, this.facts))
    const ids = new Set<string>()
    for (const { id } of checked) if (ids.size === ids.add(id).size) throw idTwice(id)
    throwIfAborted(options.signal)
    if (checked.length > 0) await this.queries.insert(checked, options.signal)
    return checked.map(({ id }) => id)
  }

  async replace(face: NewFace & { id: string }): Promise<void> {
    this.#checkOpen()
    if (face?.id === undefined) throw invalidArgument('face.id', 'the id of a face of the store', face?.id)
    if (!(await this.queries.replace(checkFace(face, 'face', this.place, this.facts)))) throw noFace(face.id)
  }

  async update(id: string, about: { person?: string | null; metadata?: GalleryMetadata | null }): Promise<void> {
    this.#checkOpen()
    checkOptions(about, 'about', ['person', 'metadata'])
    const { person, metadata } = about
    if (person !== undefined && person !== null && (typeof person !== 'string' || person === '')) {
      throw invalidArgument('about.person', 'a name, or null', person)
    }
    const text = metadata === undefined || metadata === null ? metadata : checkJson(metadata, 'about.metadata')
    if (!(await this.queries.update(checkId(id), { person, metadata: text }))) throw noFace(id)
  }

  async remove(which: string | readonly string[] | GallerySelection): Promise<number> {
    this.#checkOpen()
    const ids = typeof which === 'string' ? [which] : which
    if (Array.isArray(ids)) {
      const removed = await this.queries.removeIds([...new Set(ids.map(checkId))])
      if (typeof removed !== 'number') throw noFace(removed.unknown)
      return removed
    }
    const { person, image } = (ids ?? {}) as GallerySelection
    if (person === undefined && image === undefined)
      throw invalidArgument('which', 'ids, a person or an image', 'neither')
    return this.queries.removeWhere({ ...(person !== undefined && { person }), ...(image !== undefined && { image }) })
  }

  async get(id: string): Promise<(GalleryFace & { embedding: Float32Array }) | undefined> {
    this.#checkOpen()
    return this.queries.get(checkId(id))
  }

  async search(
    who: Float32Array | Embeddings | { readonly id: string },
    options: StoreSearchOptions = {},
  ): Promise<FaceMatch[]> {
    this.#checkOpen()
    if (!ArrayBuffer.isView(who) && !isEmbeddings(who) && who !== null && typeof who === 'object' && 'id' in who) {
      const face = await this.get(who.id)
      if (!face) throw noFace(who.id)
      const k = checkInteger(options.k ?? 10, 'options.k', 1, mostNeighbors)
      const [found] = await this.searchMany(face.embedding, { ...options, k: Math.min(k + 1, mostNeighbors) })
      return found!.filter(({ id }) => id !== who.id).slice(0, k)
    }
    const rows = isEmbeddings(who) ? who.rows : checkFloats(who, 'who').length / this.dimensions
    if (rows !== 1) throw invalidArgument('who', `one embedding of ${this.dimensions} floats`, who)
    return (await this.searchMany(who as EmbeddingRows, options))[0]!
  }

  async searchMany(asked: EmbeddingRows, options: StoreSearchOptions = {}): Promise<FaceMatch[][]> {
    this.#checkOpen()
    checkOptions(options, 'options', searchOptionNames)
    checkFlag(options.exact, 'options.exact')
    if (isEmbeddings(asked)) checkBelongs(this.place, this.facts, 'rows', asked, options.allowMixed)
    const { data, rows } = checkEmbeddings(asked, 'rows', this.dimensions)
    checkFinite(data, 'rows', this.dimensions)
    const k = checkInteger(options.k ?? 10, 'options.k', 1, mostNeighbors)
    const threshold = await thresholdOf(options, this.facts)
    throwIfAborted(options.signal)
    if (rows === 0) return []
    const each = Array.from({ length: rows }, (_, i) => data.subarray(i * this.dimensions, (i + 1) * this.dimensions))
    const found = await this.queries.search(each, k, options.exact ?? false, options.signal)
    return found.map((matches) =>
      threshold === undefined ? matches : matches.filter(({ distance }) => distance < threshold),
    )
  }

  async *faces(options: { person?: string; image?: string } = {}): AsyncGenerator<GalleryFace, void, undefined> {
    this.#checkOpen()
    checkOptions(options, 'options', ['person', 'image'])
    for await (const face of this.queries.faces(options)) {
      yield face
      this.#checkOpen()
    }
  }

  async people(): Promise<StorePerson[]> {
    this.#checkOpen()
    return this.queries.people()
  }

  async counts(): Promise<StoreCounts> {
    this.#checkOpen()
    return this.queries.counts()
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closed) throw disposed('store')
  }
}

const noFace = (id: unknown) => invalidArgument('id', 'the id of a face of the store', describe(id))

function checkId(id: unknown): string {
  if (typeof id !== 'string' || id === '') throw invalidArgument('id', 'the id of a face', describe(id))
  return id
}

/** What is known of a store that is there, held against what was given; of one that is to be made, what was given. */
export function agreedFacts(
  place: string,
  stored: GalleryModel | undefined,
  { model, allowMixed }: StoreModelOptions,
): Facts {
  checkFlag(allowMixed, 'options.allowMixed')
  const { fingerprint, dimensions, threshold, preparation } = model ?? {}
  const given = model && checkGalleryModel({ fingerprint, dimensions, threshold, preparation }, 'options.model')
  if (!stored) {
    if (given) return { ...given, threshold: given.threshold ?? null }
    throw invalidArgument(
      'options.model',
      `the model of a store that is to be made, as there is none in ${place} yet`,
      'none',
    )
  }
  const facts = checkGalleryModel(stored, place)
  if (given) checkBelongs(place, facts, 'options.model', given, allowMixed)
  return { ...facts, threshold: facts.threshold ?? given?.threshold ?? null }
}
