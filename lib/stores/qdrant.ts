/**
 * Faces in Qdrant, by its REST protocol (https://api.qdrant.tech), behind the calls of a gallery.
 */
import { createHash } from 'node:crypto'
import { exactNumbers } from '../embeddings/exact_numbers.js'
import { invalidArgument } from '../errors.js'
import { type CheckedFace, type GalleryFace, idTwice } from '../gallery/faces.js'
import type { GalleryModel } from '../gallery/facts.js'
import type { FaceMatch } from '../gallery/search.js'
import type { GallerySelection } from '../gallery/write.js'
import { checkInteger, checkOptions, throwIfAborted } from '../native/check_arguments.js'
import type { GalleryStore, StoreModelOptions } from './face_store.js'
import { QdrantServer } from './qdrant_server.js'
import { agreedFacts, type Queries, RemoteStore } from './remote_store.js'

/** How a store in Qdrant is opened. */
export interface QdrantOptions extends StoreModelOptions {
  /** The key that the server asks for. */
  apiKey?: string
  /**
   * The collection of the faces; `<collection>.facts` says of which model they are.
   * @default 'faces'
   */
  collection?: string
  /**
   * Milliseconds that an answer may take.
   * @default 30000
   */
  timeout?: number
}

/** Faces of one request. */
const together = 500
/** Read at a time. */
const pagePoints = 500
/** People that are counted. */
const mostPeople = 100_000

/**
 * Opens a store of faces in Qdrant, 1.12 or newer; collections are made where there are none. Up to 500 faces are added as a whole or
 * not at all; of more, those of a request that failed and of later ones are not there.
 *
 * @param url of the server, as `http://localhost:6333`, without user and password.
 * @param options the key, the model and the names of collections.
 * @returns the store.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where the store is of another model, or is to be made without one;
 *   ERR_FACENET_IO where the server does not answer, or refuses.
 *
 * @example
 * ```ts
 * const store = await openQdrant('http://localhost:6333', { apiKey: process.env.QDRANT_KEY!, model })
 * await store.add({ id: 'anna-1', embedding, person: 'Anna' })
 * const [nearest] = await store.search(embedding, { k: 1, threshold: model.threshold! })
 * ```
 */
export async function openQdrant(url: string | URL, options: QdrantOptions = {}): Promise<GalleryStore> {
  checkOptions(options, 'options', ['model', 'allowMixed', 'apiKey', 'collection', 'timeout'])
  const { apiKey, collection = 'faces', timeout = 30_000 } = options
  checkInteger(timeout, 'options.timeout', 1)
  if (apiKey !== undefined && (typeof apiKey !== 'string' || apiKey === '')) {
    throw invalidArgument('options.apiKey', 'a text that is not empty', typeof apiKey)
  }
  if (typeof collection !== 'string' || !/^[\w-]{1,200}$/.test(collection)) {
    throw invalidArgument('options.collection', 'a name of letters, digits, _ and -', collection)
  }
  const place = `the collection ${collection} of Qdrant`
  const server = new QdrantServer(url, { place, apiKey, timeout })
  const facts = agreedFacts(place, await readFacts(server, collection), options)
  await makeCollections(server, collection, facts)
  const agreed = agreedFacts(place, await readFacts(server, collection), options)
  return new RemoteStore(place, agreed, new QdrantQueries(server, collection))
}

const factsOf = (collection: string) => `/collections/${collection}.facts`
/** Of the only point of its collection. */
const factsPoint = 1

async function readFacts(server: QdrantServer, collection: string): Promise<GalleryModel | undefined> {
  const { exists } = await server.ask<{ exists: boolean }>('GET', `${factsOf(collection)}/exists`)
  if (!exists) return undefined
  const body = { ids: [factsPoint], with_payload: true }
  const [point] = await server.ask<Point[]>('POST', `${factsOf(collection)}/points`, body)
  return point?.payload?.model as GalleryModel | undefined
}

async function makeCollections(server: QdrantServer, collection: string, facts: GalleryModel): Promise<void> {
  const of = `/collections/${collection}`
  if (!(await server.ask<{ exists: boolean }>('GET', `${of}/exists`)).exists) {
    await server.make(of, { vectors: { size: facts.dimensions, distance: 'Euclid' } })
    for (const field_name of ['person', 'image']) {
      await server.ask('PUT', `${of}/index?wait=true`, { field_name, field_schema: 'keyword' })
    }
  }
  if (await readFacts(server, collection)) return
  await server.make(factsOf(collection), { vectors: { size: 1, distance: 'Dot' } })
  const points = [{ id: factsPoint, vector: [1], payload: { model: facts } }]
  await server.ask('PUT', `${factsOf(collection)}/points?wait=true`, { points })
}

interface Point {
  id: string | number
  payload?: Record<string, unknown> | null
  vector?: number[]
  /** Euclidean distance. */
  score?: number
}

/** Qdrant's own ids are numbers or UUIDs: one that follows from the face's. */
export function uuidOf(id: string): string {
  const hex = createHash('sha256').update(id).digest('hex')
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-')
}

class QdrantQueries implements Queries {
  readonly #of: string

  constructor(
    private readonly server: QdrantServer,
    collection: string,
  ) {
    this.#of = `/collections/${collection}`
  }

  async insert(faces: readonly CheckedFace[], signal?: AbortSignal): Promise<void> {
    for (let first = 0; first < faces.length; first += together) {
      const part = faces.slice(first, first + together)
      const [there] = await this.#points(part.map(({ id }) => id))
      if (there) throw idTwice(String(there.payload?.id))
    }
    for (let first = 0; first < faces.length; first += together) {
      throwIfAborted(signal)
      await this.#put(faces.slice(first, first + together).map(pointOf))
    }
  }

  async replace(face: CheckedFace): Promise<boolean> {
    const [known] = await this.#points([face.id])
    if (!known) return false
    const point = pointOf(face)
    const given = Object.entries(point.payload).filter(([name]) => face[name as keyof CheckedFace] !== undefined)
    await this.#put([{ ...point, payload: { ...known.payload, ...Object.fromEntries(given) } }])
    return true
  }

  async update(
    id: string,
    { person, metadata }: { person?: string | null; metadata?: string | null },
  ): Promise<boolean> {
    if ((await this.#points([id])).length === 0) return false
    const payload = {
      ...(person !== undefined && { person }),
      ...(metadata !== undefined && { metadata: metadata === null ? null : JSON.parse(metadata) }),
    }
    await this.server.ask('POST', `${this.#of}/points/payload?wait=true`, { payload, points: [uuidOf(id)] })
    return true
  }

  async removeIds(ids: readonly string[]): Promise<number | { unknown: string }> {
    const there = new Set((await this.#points(ids)).map(({ payload }) => payload?.id))
    const unknown = ids.find((id) => !there.has(id))
    if (unknown !== undefined) return { unknown }
    if (ids.length > 0) {
      await this.server.ask('POST', `${this.#of}/points/delete?wait=true`, { points: ids.map(uuidOf) })
    }
    return ids.length
  }

  async removeWhere(which: GallerySelection): Promise<number> {
    const filter = filterOf(which)
    const count = await this.#count(filter)
    await this.server.ask('POST', `${this.#of}/points/delete?wait=true`, { filter })
    return count
  }

  async get(id: string) {
    const [point] = await this.#points([id], true)
    return point && { ...faceOf(point), embedding: Float32Array.from(point.vector ?? []) }
  }

  async search(rows: readonly Float32Array[], k: number, exact: boolean, signal?: AbortSignal): Promise<FaceMatch[][]> {
    const searches = rows.map((row) => ({ query: exactNumbers(row), limit: k, with_payload: true, params: { exact } }))
    const found = await this.server.ask<{ points: Point[] }[]>(
      'POST',
      `${this.#of}/points/query/batch`,
      { searches },
      signal,
    )
    return found.map(({ points }) => points.map((point) => ({ ...faceOf(point), distance: (point.score ?? 0) ** 2 })))
  }

  async *faces(which: GallerySelection): AsyncGenerator<GalleryFace, void, undefined> {
    for (let offset: unknown; ; ) {
      const body = { limit: pagePoints, with_payload: true, filter: filterOf(which), ...(offset != null && { offset }) }
      const page = await this.server.ask<{ points: Point[]; next_page_offset?: unknown }>(
        'POST',
        `${this.#of}/points/scroll`,
        body,
      )
      for (const point of page.points) yield faceOf(point)
      offset = page.next_page_offset
      if (offset === null || offset === undefined) return
    }
  }

  async people() {
    const body = { key: 'person', limit: mostPeople, exact: true }
    const { hits } = await this.server.ask<{ hits: { value: string; count: number }[] }>(
      'POST',
      `${this.#of}/facet`,
      body,
    )
    return hits.map(({ value, count }) => ({ person: value, faces: count }))
  }

  async counts() {
    const faces = await this.#count({})
    const people = await this.people()
    return { faces, assigned: people.reduce((sum, person) => sum + person.faces, 0), people: people.length }
  }

  async #count(filter: object): Promise<number> {
    const { count } = await this.server.ask<{ count: number }>('POST', `${this.#of}/points/count`, {
      filter,
      exact: true,
    })
    return count
  }

  #points(ids: readonly string[], with_vector = false): Promise<Point[]> {
    const body = { ids: ids.map(uuidOf), with_payload: true, with_vector }
    return this.server.ask('POST', `${this.#of}/points`, body)
  }

  async #put(points: readonly ReturnType<typeof pointOf>[]): Promise<void> {
    await this.server.ask('PUT', `${this.#of}/points?wait=true`, { points })
  }
}

function pointOf({ id, embedding, person, image, face, quality, metadata }: CheckedFace) {
  const said = (text: string | null | undefined) => (typeof text === 'string' ? JSON.parse(text) : null)
  const payload: Record<string, unknown> = {
    id,
    person: person ?? null,
    image: image ?? null,
    face: said(face),
    quality: said(quality),
    metadata: said(metadata),
  }
  return { id: uuidOf(id), vector: exactNumbers(embedding), payload }
}

function faceOf({ payload }: Point): GalleryFace {
  const { id, person = null, image = null, face = null, quality = null, metadata = null } = payload ?? {}
  return { id, person, image, face, quality, metadata } as GalleryFace
}

function filterOf(which: GallerySelection): { must?: object[] } {
  const given = Object.entries(which).filter(([, value]) => value !== undefined)
  return given.length > 0 ? { must: given.map(([key, value]) => ({ key, match: { value } })) } : {}
}
