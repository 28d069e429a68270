/**
 * The embeddings in the file, as float32 or in 8 bits a value. Full blocks of some thousand rows are one blob each, which is read fast; rows that do not fill a
 * block yet are single, so that adding one face writes little. Within a transaction, all of it.
 */
import { types } from 'node:util'
import { concatenateRows } from '../embeddings/concatenate_rows.js'
import { FaceNetError } from '../errors.js'
import { fromEightBits, toEightBits } from './eight_bits.js'
import type { Connection, SqlRow } from './sqlite.js'

/** Of the embeddings of a block, about: large enough to be read fast, small enough to be written again where one row changes. */
const blockBytes = 2 ** 20

export const rowsOfBlock = (dimensions: number) => Math.max(16, Math.floor(blockBytes / (4 * dimensions)))

/** Embeddings with their numbers, which ascend. */
export interface NumberedRows {
  numbers: Uint32Array
  /** numbers.length x dimensions. */
  embeddings: Float32Array
}

/** Adds rows, whose numbers are above all that are there. */
export function appendRows(db: Connection, added: NumberedRows, dimensions: number): void {
  const each = rowsOfBlock(dimensions)
  const { waiting } = db.sql('SELECT count(*) AS waiting FROM fresh').get()!
  let rest = added
  if (Number(waiting) + added.numbers.length >= each) {
    const all = joined(freshAfter(db, 0, dimensions), added)
    db.exec('DELETE FROM fresh')
    const whole = all.numbers.length - (all.numbers.length % each)
    for (let at = 0; at < whole; at += each) writeBlock(db, slice(all, at, at + each, dimensions), dimensions)
    rest = slice(all, whole, all.numbers.length, dimensions)
  }
  const encode = encoder(db, dimensions)
  for (const [i, number] of rest.numbers.entries()) {
    const embedding = rest.embeddings.subarray(i * dimensions, (i + 1) * dimensions)
    db.sql('INSERT INTO fresh VALUES (?, ?)').run(number, encode(embedding))
  }
}

/** The embedding of a row; undefined where there is none of this number. */
export function readRow(db: Connection, number: number, dimensions: number): Float32Array | undefined {
  const fresh = db.sql('SELECT embedding FROM fresh WHERE number = ?').get(number)
  if (fresh) return floats(fresh.embedding, dimensions)
  const block = blockOf(db, number, dimensions)
  const at = block ? block.numbers.indexOf(number) : -1
  return at < 0 ? undefined : block!.embeddings.slice(at * dimensions, (at + 1) * dimensions)
}

/** Gives rows that are there other embeddings, or removes them where `embedding` is undefined. */
export function editRows(
  db: Connection,
  edits: ReadonlyMap<number, Float32Array | undefined>,
  dimensions: number,
): void {
  const left = new Map(edits)
  const note = db.sql('INSERT INTO edits (number) VALUES (?)')
  const encode = encoder(db, dimensions)
  const unstage = db.sql('DELETE FROM staged WHERE number = ?')
  for (const [number, embedding] of edits) {
    note.run(number)
    unstage.run(number)
    const { changes } = embedding
      ? db.sql('UPDATE fresh SET embedding = ? WHERE number = ?').run(encode(embedding), number)
      : db.sql('DELETE FROM fresh WHERE number = ?').run(number)
    if (Number(changes) > 0) left.delete(number)
  }
  while (left.size > 0) {
    const [number] = left.keys()
    const block = blockOf(db, number!, dimensions)
    if (!block) throw damaged(`no embedding of row ${number}`)
    editBlock(db, block, left, dimensions)
    if (left.has(number!)) throw damaged(`no embedding of row ${number}`)
  }
  // More than a reader can be behind without reading all anew.
  db.exec('DELETE FROM edits WHERE serial <= (SELECT max(serial) FROM edits) - 100000')
}

/** A block at a time, all rows whose number is above `after`; those that fill no block last. */
export function* rowsAfter(db: Connection, after: number, dimensions: number): Generator<NumberedRows> {
  let seen = after
  for (;;) {
    const row =
      blockAt(db, seen, seen + 1) ?? db.sql('SELECT * FROM blocks WHERE first > ? ORDER BY first LIMIT 1').get(seen)
    if (!row) break
    const block = parseBlock(row, dimensions)
    const from = block.numbers.findIndex((number) => number > seen)
    yield slice(block, from, block.numbers.length, dimensions)
    seen = block.numbers.at(-1)!
  }
  const rest = freshAfter(db, seen, dimensions)
  if (rest.numbers.length > 0) yield rest
}

function freshAfter(db: Connection, after: number, dimensions: number): NumberedRows {
  const rows = db.sql('SELECT number, embedding FROM fresh WHERE number > ? ORDER BY number').all(after)
  return {
    numbers: Uint32Array.from(rows, ({ number }) => Number(number)),
    embeddings: concatenateRows(rows.map(({ embedding }) => floats(embedding, dimensions))),
  }
}

function blockOf(db: Connection, number: number, dimensions: number) {
  const row = blockAt(db, number, number)
  return row && parseBlock(row, dimensions)
}

/** The block that begins at `first` or last before it, where it ends at `last` or later. Blocks do not overlap, so no other can. */
function blockAt(db: Connection, first: number, last: number): SqlRow | undefined {
  const query = 'SELECT * FROM blocks WHERE first = (SELECT max(first) FROM blocks WHERE first <= ?) AND last >= ?'
  return db.sql(query).get(first, last)
}

interface Block extends NumberedRows {
  first: number
}

function writeBlock(db: Connection, { numbers, embeddings }: NumberedRows, dimensions: number): void {
  const encode = encoder(db, dimensions)
  const values = [numbers[0]!, numbers.at(-1)!, bytesOf(numbers), encode(embeddings)]
  db.sql('INSERT INTO blocks VALUES (?, ?, ?, ?)').run(...values)
}

function editBlock(
  db: Connection,
  block: Block,
  left: Map<number, Float32Array | undefined>,
  dimensions: number,
): void {
  const { numbers, embeddings } = block
  let kept = 0
  for (const [i, number] of numbers.entries()) {
    const old = embeddings.subarray(i * dimensions, (i + 1) * dimensions)
    const isEdited = left.has(number)
    const row = isEdited ? left.get(number) : old
    left.delete(number)
    if (!row) continue
    numbers[kept] = number
    embeddings.set(row, kept * dimensions)
    kept++
  }
  db.sql('DELETE FROM blocks WHERE first = ?').run(block.first)
  if (kept > 0) writeBlock(db, slice(block, 0, kept, dimensions), dimensions)
}

function parseBlock(row: SqlRow, dimensions: number): Block {
  const [first, last] = [Number(row.first), Number(row.last)]
  const numbers = new Uint32Array(...memoryOf(row.numbers))
  const embeddings = decoded(row.embeddings, numbers.length, dimensions)
  const isWhole = numbers.length > 0 && embeddings.length === numbers.length * dimensions
  const isSound = isWhole && numbers[0] === first && numbers.at(-1) === last
  if (!isSound) throw damaged(`block ${first}..${last} has ${numbers.length} numbers and ${embeddings.length} floats`)
  return { first, numbers, embeddings }
}

const joined = (a: NumberedRows, b: NumberedRows): NumberedRows => ({
  numbers: concatenated(a.numbers, b.numbers),
  embeddings: concatenateRows([a.embeddings, b.embeddings]),
})

function concatenated(a: Uint32Array, b: Uint32Array): Uint32Array {
  const all = new Uint32Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

const slice = ({ numbers, embeddings }: NumberedRows, from: number, to: number, dimensions: number): NumberedRows => ({
  numbers: numbers.subarray(from, to),
  embeddings: embeddings.subarray(from * dimensions, to * dimensions),
})

/** As they lie in memory, which is little-endian on every platform that the addon is built for. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** How a gallery keeps embeddings: as they are, or in 8 bits a value. */
function encoder(db: Connection, dimensions: number): (embeddings: Float32Array) => Uint8Array {
  const row = db.sql("SELECT value FROM facts WHERE name = 'storage'").get()
  return row?.value === 'i8' ? (embeddings) => toEightBits(embeddings, dimensions) : bytesOf
}

/** Of either kind: how many bytes there are says which. */
function decoded(value: SqlRow[string] | undefined, rows: number, dimensions: number): Float32Array {
  const bytes = types.isArrayBuffer(value) ? new Uint8Array(value) : value
  const eight = bytes instanceof Uint8Array ? fromEightBits(bytes, rows, dimensions) : undefined
  return eight ?? new Float32Array(...memoryOf(value))
}

/** Where a blob lies; a copy of one that does not begin where four bytes begin, as arrays of floats must. */
function memoryOf(given: SqlRow[string] | undefined): [buffer: ArrayBuffer, byteOffset: number, length: number] {
  const value: unknown = types.isArrayBuffer(given) ? new Uint8Array(given) : given // libsql gives lists of rows so.
  if (!(value instanceof Uint8Array) || value.byteLength % 4 !== 0) throw damaged('a blob is no whole number of values')
  const { buffer, byteOffset, byteLength } = value.byteOffset % 4 === 0 ? value : new Uint8Array(value)
  return [buffer as ArrayBuffer, byteOffset, byteLength / 4]
}

export function floats(value: SqlRow[string] | undefined, dimensions: number): Float32Array {
  const row = decoded(value, 1, dimensions)
  if (row.length !== dimensions) throw damaged(`an embedding has ${row.length} floats instead of ${dimensions}`)
  return row
}

function damaged(what: string): FaceNetError {
  const message = `The gallery is damaged: ${what}. Restore a copy of the file; facenet gallery verify says what else is wrong`
  return new FaceNetError('ERR_FACENET_IO', message, { expected: 'a whole gallery', received: what })
}
