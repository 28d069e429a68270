/**
 * Faces in PostgreSQL with pgvector (https://github.com/pgvector/pgvector), behind the calls of a gallery.
 */
import { exactNumbers } from '../embeddings/exact_numbers.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { type CheckedFace, type GalleryFace, idTwice } from '../gallery/faces.js'
import type { GalleryModel } from '../gallery/facts.js'
import type { FaceMatch } from '../gallery/search.js'
import type { GallerySelection } from '../gallery/write.js'
import { checkOneOf, checkOptions, throwIfAborted } from '../native/check_arguments.js'
import type { GalleryStore, StoreModelOptions } from './face_store.js'
import { agreedFacts, type Queries, RemoteStore } from './remote_store.js'
import { storeError } from './store_error.js'

/** What asks the database: a `Client` or a `Pool` of the package pg, a PGlite, or your own. It stays open. */
export interface PgClient {
  /**
   * Does one statement.
   *
   * @param text with `$1`, `$2` for the values.
   * @param values of them.
   * @returns the rows, by the names of their columns.
   */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>
}

/** How a store in PostgreSQL is opened. */
export interface PgvectorOptions extends StoreModelOptions {
  /**
   * The table of the faces; `<table>_facts` says of which model they are.
   * @default 'faces'
   */
  table?: string
  /**
   * The index that is made with the table: hnsw answers fast and may miss some faces, without one every face is compared. It is used
   * for embeddings of at most 2,000 dimensions, and by searches that are not `exact`.
   * @default 'hnsw'
   */
  index?: 'hnsw' | 'none'
}

type Row = Record<string, unknown>

/** Of pgvector's indices. */
const mostIndexed = 2000
/** Read at a time. */
const pageRows = 500

/**
 * Opens a store of faces in PostgreSQL, which has the extension pgvector; tables are made where there are none. Every call is one
 * statement, so it is done as a whole or not at all.
 *
 * @param client what asks the database; the password is its own affair, and never in an error.
 * @param options the model, and the names of tables.
 * @returns the store, to be closed by `close`; the client stays open.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where the store is of another model, or is to be made without one;
 *   ERR_FACENET_IO where the database does not answer, or has no pgvector.
 *
 * @example
 * ```ts
 * import { Pool } from 'pg'
 *
 * const store = await openPgvector(new Pool(), { model })
 * await store.add({ id: 'anna-1', embedding, person: 'Anna' })
 * const [nearest] = await store.search(embedding, { k: 1, threshold: model.threshold! })
 * ```
 */
export async function openPgvector(client: PgClient, options: PgvectorOptions = {}): Promise<GalleryStore> {
  checkOptions(options, 'options', ['model', 'allowMixed', 'table', 'index'])
  if (typeof (client as Partial<PgClient> | null)?.query !== 'function') {
    throw invalidArgument('client', 'a client of PostgreSQL, which has query()', client)
  }
  const { table = 'faces', index = 'hnsw' } = options
  checkOneOf(index, 'options.index', ['hnsw', 'none'])
  if (typeof table !== 'string' || !/^[a-z_][a-z0-9_]{0,50}$/.test(table)) {
    throw invalidArgument('options.table', 'a name of small letters, digits and _, as faces', table)
  }
  const place = `the table ${table} of PostgreSQL`
  const ask = async <T extends Row>(text: string, values: unknown[] = []): Promise<T[]> => {
    try {
      return (await client.query(text, values)).rows as T[]
    } catch (error) {
      throw storeError(place, error)
    }
  }
  const facts = agreedFacts(place, await readFacts(ask, table), options)
  await makeTables(ask, table, facts, index)
  // Whoever has made it first says of which model it is.
  const agreed = agreedFacts(place, await readFacts(ask, table), options)
  return new RemoteStore(place, agreed, new PgQueries(ask, client, table, place))
}

type Ask = <T extends Row>(text: string, values?: unknown[]) => Promise<T[]>

async function readFacts(ask: Ask, table: string): Promise<GalleryModel | undefined> {
  const [there] = await ask('SELECT to_regclass($1) AS name', [`${table}_facts`])
  if (there?.name === null || there?.name === undefined) return undefined
  const [row] = await ask<{ value: string }>(`SELECT value FROM ${table}_facts WHERE name = 'model'`)
  return row && (JSON.parse(row.value) as GalleryModel)
}

async function makeTables(ask: Ask, table: string, facts: GalleryModel, index: 'hnsw' | 'none'): Promise<void> {
  const [known] = await ask("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
  if (!known) await ask('CREATE EXTENSION IF NOT EXISTS vector')
  await ask(
    `CREATE TABLE IF NOT EXISTS ${table} (
       number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, person text, image text,
       face jsonb, quality jsonb, metadata jsonb, embedding vector(${facts.dimensions}) NOT NULL)`,
  )
  for (const column of ['person', 'image']) {
    await ask(`CREATE INDEX IF NOT EXISTS ${table}_${column} ON ${table} (${column})`)
  }
  if (index === 'hnsw' && facts.dimensions <= mostIndexed) {
    await ask(`CREATE INDEX IF NOT EXISTS ${table}_embedding ON ${table} USING hnsw (embedding vector_l2_ops)`)
  }
  await ask(`CREATE TABLE IF NOT EXISTS ${table}_facts (name text PRIMARY KEY, value text NOT NULL)`)
  await ask(`INSERT INTO ${table}_facts VALUES ('model', $1) ON CONFLICT DO NOTHING`, [JSON.stringify(facts)])
}

const vectorText = (row: Float32Array) => `[${exactNumbers(row).join(',')}]`

class PgQueries implements Queries {
  readonly #columns = 'number, id, person, image, face, quality, metadata'

  constructor(
    private readonly ask: Ask,
    private readonly client: PgClient,
    private readonly table: string,
    private readonly place: string,
  ) {}

  async insert(faces: readonly CheckedFace[]): Promise<void> {
    const rows = faces.map(({ embedding, face, quality, metadata, ...rest }) => ({
      ...rest,
      ...jsonOf({ face, quality, metadata }),
      embedding: vectorText(embedding),
    }))
    const text =
      `INSERT INTO ${this.table} (id, person, image, face, quality, metadata, embedding) ` +
      'SELECT id, person, image, face, quality, metadata, embedding::vector FROM jsonb_to_recordset($1::jsonb) ' +
      'AS r (id text, person text, image text, face jsonb, quality jsonb, metadata jsonb, embedding text)'
    try {
      await this.client.query(text, [JSON.stringify(rows)])
    } catch (error) {
      if ((error as { code?: unknown }).code !== '23505') throw storeError(this.place, error)
      const ids = faces.map(({ id }) => id)
      const [there] = await this.ask<{ id: string }>(
        `SELECT id FROM ${this.table} WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb)) LIMIT 1`,
        [JSON.stringify(ids)],
      )
      throw idTwice(there?.id ?? ids[0]!)
    }
  }

  async replace({ id, embedding, person, image, face, quality, metadata }: CheckedFace): Promise<boolean> {
    const given = { person, image, ...textOf({ face, quality, metadata }) }
    return this.#set(id, { embedding: vectorText(embedding), ...given })
  }

  update(id: string, about: { person?: string | null; metadata?: string | null }): Promise<boolean> {
    return this.#set(id, about)
  }

  /** What is undefined stays. */
  async #set(id: string, values: Record<string, string | null | undefined>): Promise<boolean> {
    const types: Record<string, string> = { embedding: 'vector', face: 'jsonb', quality: 'jsonb', metadata: 'jsonb' }
    const given = Object.entries(values).filter((entry): entry is [string, string | null] => entry[1] !== undefined)
    const set = given.map(([column], i) => `${column} = $${i + 2}::${types[column] ?? 'text'}`)
    const text = `UPDATE ${this.table} SET ${['id = id', ...set].join(', ')} WHERE id = $1 RETURNING number`
    return (await this.ask(text, [id, ...given.map(([, value]) => value)])).length > 0
  }

  async removeIds(ids: readonly string[]): Promise<number | { unknown: string }> {
    const wanted = JSON.stringify(ids)
    const there = `id IN (SELECT jsonb_array_elements_text($1::jsonb))`
    const removed = await this.ask(
      `DELETE FROM ${this.table} WHERE ${there} AND (SELECT count(*) FROM ${this.table} WHERE ${there}) = $2::int RETURNING number`,
      [wanted, ids.length],
    )
    if (removed.length > 0 || ids.length === 0) return removed.length
    const known = await this.ask<{ id: string }>(`SELECT id FROM ${this.table} WHERE ${there}`, [wanted])
    const have = new Set(known.map(({ id }) => id))
    return { unknown: ids.find((id) => !have.has(id)) ?? ids[0]! }
  }

  async removeWhere(which: GallerySelection): Promise<number> {
    const { text, values } = conditions(which, 1)
    return (await this.ask(`DELETE FROM ${this.table} WHERE ${text} RETURNING number`, values)).length
  }

  async get(id: string) {
    const [row] = await this.ask(
      `SELECT ${this.#columns}, embedding::text AS embedding FROM ${this.table} WHERE id = $1`,
      [id],
    )
    return row && { ...faceOf(row), embedding: Float32Array.from(JSON.parse(String(row.embedding)) as number[]) }
  }

  async search(rows: readonly Float32Array[], k: number, exact: boolean, signal?: AbortSignal): Promise<FaceMatch[][]> {
    const found: FaceMatch[][] = []
    for (const row of rows) {
      throwIfAborted(signal)
      // No index knows the order of a sum, so every face is compared.
      const order = exact ? '(embedding <-> $1::vector) + 0, number' : 'embedding <-> $1::vector'
      const text = `SELECT ${this.#columns}, embedding <-> $1::vector AS distance FROM ${this.table} ORDER BY ${order} LIMIT ${k}`
      const matches = await this.ask(text, [vectorText(row)])
      found.push(matches.map((each) => ({ ...faceOf(each), distance: Number(each.distance) ** 2 })))
    }
    return found
  }

  async *faces(which: GallerySelection): AsyncGenerator<GalleryFace, void, undefined> {
    const { text, values } = conditions(which, 2)
    for (let after = '0'; ; ) {
      const page = await this.ask(
        `SELECT ${this.#columns} FROM ${this.table} WHERE number > $1::bigint AND ${text} ORDER BY number LIMIT ${pageRows}`,
        [after, ...values],
      )
      for (const row of page) yield faceOf(row)
      if (page.length < pageRows) return
      after = String(page.at(-1)!.number)
    }
  }

  async people() {
    const rows = await this.ask(
      `SELECT person, count(*) AS faces FROM ${this.table} WHERE person IS NOT NULL GROUP BY person ORDER BY faces DESC, person`,
    )
    return rows.map(({ person, faces }) => ({ person: String(person), faces: Number(faces) }))
  }

  async counts() {
    const [row] = await this.ask(
      `SELECT count(*) AS faces, count(person) AS assigned, count(DISTINCT person) AS people FROM ${this.table}`,
    )
    if (!row) throw new FaceNetError('ERR_FACENET_IO', `Cannot use ${this.place}: it counts nothing`)
    return { faces: Number(row.faces), assigned: Number(row.assigned), people: Number(row.people) }
  }
}

function conditions({ person, image }: GallerySelection, first: number): { text: string; values: string[] } {
  const given = Object.entries({ person, image }).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const text = given.map(([column], i) => `${column} = $${first + i}`).join(' AND ')
  return { text: text || 'true', values: given.map(([, value]) => value) }
}

type JsonTexts = { face?: string; quality?: string; metadata?: string | null }

const jsonOf = (texts: JsonTexts) =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) => (typeof text === 'string' ? [[name, JSON.parse(text)]] : [])),
  )
const textOf = ({ face, quality, metadata }: JsonTexts) => ({ face, quality, metadata })

/** Drivers give JSON as what it says, or as its text. */
const json = (value: unknown) => (typeof value === 'string' ? JSON.parse(value) : (value ?? null))
const text = (value: unknown) => (value === null || value === undefined ? null : String(value))

const faceOf = (row: Row): GalleryFace => ({
  id: String(row.id),
  person: text(row.person),
  image: text(row.image),
  face: json(row.face),
  quality: json(row.quality),
  metadata: json(row.metadata),
})
