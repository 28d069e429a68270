/**
 * The embeddings in memory, for search: loaded when they are first needed, and brought up to date when this process or another one
 * has written. They lie on a SharedArrayBuffer, which the addon reads in place.
 */
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { indexOf } from '../embeddings/search_index.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { type NumberedRows, readRow, rowsAfter } from './blocks.js'
import type { Store } from './store.js'

/** What a search works on. It must be used at once, or while it is held. */
export interface HeldRows {
  /** rows x dimensions, in the order of their numbers. */
  data: Float32Array
  /** Of each row. */
  numbers: Uint32Array
  rows: number
  /** Of `data`, for the CPU; see `indexOf`. */
  index?: Uint8Array
}

/** From so many rows on an index is worth what it takes to make one. */
const indexedFrom = 2048

export class MemoryRows {
  #data: Float32Array = new Float32Array(0)
  #numbers = new Uint32Array(0)
  #rows = 0
  #index: Uint8Array | undefined
  /** Rows from the first on that the index has as they are; of the others it may have what was removed. */
  #indexed = 0
  #indexIsStale = false
  /** What of the file is known. */
  #seen = { version: -1, number: 0, edit: 0 }
  #refreshing: Promise<void> | undefined
  #held = new Set<Promise<unknown>>()

  constructor(
    private readonly store: Store,
    private readonly dimensions: number,
  ) {}

  /** Does `use` with the rows as the file has them; they do not change until it has ended. */
  async hold<T>(use: (rows: HeldRows) => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.refresh()
    throwIfAborted(signal)
    const [rows, numbers] = [this.#rows, this.#numbers.subarray(0, this.#rows)]
    const work = use({ data: this.#all(), numbers, rows, index: this.#index })
    const ended = work.then(
      () => {},
      () => {},
    )
    this.#held.add(ended)
    return work.finally(() => this.#held.delete(ended))
  }

  /** One at a time; whoever comes meanwhile waits for the next, as the one under way may have read already. */
  async refresh(): Promise<void> {
    while (this.#refreshing) await this.#refreshing.catch(() => {})
    if (this.#version() === this.#seen.version) return
    this.#refreshing = this.#read().finally(() => {
      this.#refreshing = undefined
    })
    await this.#refreshing
  }

  #version(): number {
    return this.store.load((db) => Number(db.sql('PRAGMA data_version').get()!.data_version))
  }

  async #read(): Promise<void> {
    this.store.load((db) => db.exec('BEGIN'))
    try {
      const { known, edit, edited } = this.#editsSince()
      const version = this.#version()
      if (!known) this.#forget()
      else await this.#apply(edited)
      await this.#append()
      await this.#indexRows()
      this.#seen = { ...this.#seen, version, edit }
    } finally {
      this.store.load((db) => db.exec('COMMIT'))
    }
  }

  /** Rows that were replaced or removed; `known` is false where it cannot be said, as there were too many. */
  #editsSince(): { known: boolean; edit: number; edited: number[] } {
    return this.store.load((db) => {
      const { low, high } = db.sql('SELECT min(serial) AS low, max(serial) AS high FROM edits').get()!
      const after = this.#seen.edit
      const edited = db.sql('SELECT DISTINCT number FROM edits WHERE serial > ? ORDER BY number').all(after)
      return {
        known: low === null || Number(low) <= after + 1,
        edit: Number(high ?? 0),
        edited: edited.map(({ number }) => Number(number)),
      }
    })
  }

  #forget(): void {
    this.#data = new Float32Array(0)
    this.#rows = 0
    this.#index = undefined
    this.#indexed = 0
    this.#seen.number = 0
  }

  /** Those that were added, and with them the block that they lie in: no search may be reading it. */
  async #indexRows(): Promise<void> {
    if (this.#rows < indexedFrom) this.#index = undefined
    else if (this.#indexIsStale || this.#indexed < this.#rows || !this.#index) {
      while (this.#held.size > 0) await Promise.all(this.#held)
      const from = this.#index ? this.#indexed : 0
      const place = { dimensions: this.dimensions, threads: availableParallelism() }
      this.#index = await indexOf(this.#all(), from, this.#index, place)
    }
    this.#indexed = this.#index ? this.#rows : 0
    this.#indexIsStale = false
  }

  #all(): Float32Array {
    return this.#data.subarray(0, this.#rows * this.dimensions)
  }

  async #apply(edited: readonly number[]): Promise<void> {
    const { dimensions } = this
    const here = edited.map((number) => [this.#indexOf(number), number] as const).filter(([row]) => row >= 0)
    if (here.length === 0) return
    const found = new Map(here.map(([row, number]) => [row, this.store.load((db) => readRow(db, number, dimensions))]))
    while (this.#held.size > 0) await Promise.all(this.#held)
    let kept = here[0]![0]
    this.#indexed = Math.min(this.#indexed, kept)
    this.#indexIsStale = true
    for (let row = kept; row < this.#rows; row++) {
      const embedding = found.has(row) ? found.get(row) : this.#data.subarray(row * dimensions, (row + 1) * dimensions)
      if (!embedding) continue
      if (kept !== row || found.has(row)) this.#data.set(embedding, kept * dimensions)
      this.#numbers[kept++] = this.#numbers[row]!
    }
    // What was removed stays in no memory either.
    this.#data.fill(0, kept * dimensions, this.#rows * dimensions)
    this.#rows = kept
  }

  /** Numbers ascend. */
  #indexOf(number: number): number {
    let [low, high] = [0, this.#rows]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#numbers[middle]! < number) low = middle + 1
      else high = middle
    }
    return low < this.#rows && this.#numbers[low] === number ? low : -1
  }

  async #append(): Promise<void> {
    const { count } = this.store.load((db) => db.sql('SELECT count(*) AS count FROM faces').get()!)
    for (const part of this.#parts()) {
      const rows = this.#rows + part.numbers.length
      if (rows * this.dimensions > this.#data.length) this.#grow(Math.max(Number(count), rows))
      this.#data.set(part.embeddings, this.#rows * this.dimensions)
      this.#numbers.set(part.numbers, this.#rows)
      this.#rows = rows
      this.#seen.number = part.numbers.at(-1)!
      await setImmediate()
    }
  }

  *#parts(): Generator<NumberedRows> {
    const parts = this.store.load((db) => rowsAfter(db, this.#seen.number, this.dimensions))
    for (;;) {
      const part = this.store.load(() => parts.next())
      if (part.done) return
      yield part.value
    }
  }

  /** With room for some more, so that adding one by one does not copy all each time. A search keeps the memory it began with. */
  #grow(rows: number): void {
    const room = rows + Math.max(64, rows >> 3)
    const data = new Float32Array(new SharedArrayBuffer(room * this.dimensions * 4))
    data.set(this.#data.subarray(0, this.#rows * this.dimensions))
    const numbers = new Uint32Array(room)
    numbers.set(this.#numbers.subarray(0, this.#rows))
    this.#data = data
    this.#numbers = numbers
  }
}
