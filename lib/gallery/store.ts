/**
 * The file of a gallery: a connection for single queries, one that reads much in a transaction of its own, and one that writes, a
 * transaction at a time.
 */
import { rename, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { FaceNetError, invalidArgument } from '../errors.js'
import { discard, settled, temporaryBeside } from '../files/temporary.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { Turns } from '../native/turns.js'
import { migrate, migrations, schemaVersion, settingsOfConnection, settingsOfNewFile } from './schema.js'
import { type Connection, connect, isFailure, sqliteError } from './sqlite.js'

/** Milliseconds between two attempts while another process writes. */
const triedEvery = 20

export interface StoreOptions {
  readOnly: boolean
  /** Whether a file is made where there is none. */
  create: boolean
  /** Milliseconds that a writer waits for another one. */
  busyTimeout: number
}

export class Store {
  readonly #turns = new Turns()
  #fingerprint: string | undefined

  private constructor(
    readonly path: string,
    private readonly reader: Connection,
    private readonly loader: Connection,
    /** Undefined where the gallery was opened to be read only. */
    private readonly writer: Connection | undefined,
    private readonly options: StoreOptions,
  ) {}

  /** @throws FaceNetError ERR_FACENET_IO, ERR_FACENET_INVALID_ARGUMENT */
  static async open(path: string, options: StoreOptions): Promise<Store> {
    const connections: Connection[] = []
    const another = async () => {
      const connection = await connect(path)
      connections.push(connection)
      return connection
    }
    try {
      const isNew = !(await exists(path))
      if (isNew && options.readOnly) throw invalidArgument('path', 'a gallery that exists', `no file at ${path}`)
      if (isNew && !options.create) throw noModel(path)
      const writer = options.readOnly ? undefined : await another()
      if (writer) {
        if (isNew) writer.exec(settingsOfNewFile)
        writer.exec(settingsOfConnection)
        await prepare(path, writer, options)
      }
      const [reader, loader] = [await another(), await another()]
      for (const each of [reader, loader]) each.exec(`${settingsOfConnection}; PRAGMA query_only = ON`)
      const version = schemaVersion(path, reader)
      if (version < migrations.length) {
        const expected = `a gallery of schema ${migrations.length}`
        throw invalidArgument(
          path,
          expected,
          `schema ${version}: open it once to be written, which brings it up to date`,
        )
      }
      return new Store(path, reader, loader, writer, options)
    } catch (error) {
      for (const connection of connections) connection.close()
      throw sqliteError(path, error)
    }
  }

  /** From here on the gallery has to be of this model: what another process has migrated meanwhile is an error to use. */
  pin(fingerprint: string): void {
    this.#fingerprint = fingerprint
  }

  #checkPinned(db: Connection): void {
    if (this.#fingerprint === undefined) return
    const found = db.sql("SELECT value FROM facts WHERE name = 'fingerprint'").get()?.value
    if (found !== this.#fingerprint) throw migrated(this.path, this.#fingerprint, String(found))
  }

  get readOnly(): boolean {
    return this.writer === undefined
  }

  /** What one query reads is of one state of the file: the latest. */
  read<T>(use: (db: Connection) => T): T {
    return this.#use(this.reader, use)
  }

  /** The same on a connection of which one place at a time may keep a transaction open, and so one state of the file. */
  load<T>(use: (db: Connection) => T): T {
    return this.#use(this.loader, use)
  }

  #use<T>(connection: Connection, use: (db: Connection) => T): T {
    try {
      const result = use(connection)
      // Afterwards: what was read before a migration is of the model that the gallery was opened with.
      this.#checkPinned(connection)
      return result
    } catch (error) {
      throw sqliteError(this.path, error)
    }
  }

  /**
   * A transaction: all of `use` or nothing. It waits for others of this process, and a while for those of others. What it resolved
   * for is on the disk.
   */
  async write<T>(use: (db: Connection) => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const { writer } = this
    if (!writer) throw invalidArgument('readOnly', 'a gallery that was opened to be written', 'true')
    return this.#turns.run(async () => {
      throwIfAborted(signal)
      return await inTransaction(this.path, writer, this.options, (db) => {
        this.#checkPinned(db)
        return use(db)
      })
    })
  }

  /**
   * Empties the file beside the gallery that holds earlier states of its pages, so that nothing that was removed is left in it. It
   * stays as long as a reader of another process needs it.
   */
  emptyLog(): void {
    try {
      this.writer?.sql('PRAGMA wal_checkpoint(TRUNCATE)').get()
    } catch (error) {
      if (!isFailure(error, 'busy')) throw sqliteError(this.path, error)
    }
  }

  /** A copy of the gallery as it is, in a file that does not exist yet, without the embeddings that a migration keeps. */
  async copyTo(path: string): Promise<void> {
    if (await stat(path).catch(() => undefined)) throw invalidArgument('keep', 'a file that does not exist yet', path)
    const temporary = await temporaryBeside(path)
    try {
      const source = await connect(this.path)
      source.sql('VACUUM INTO ?').run(temporary)
      source.close()
      const copy = await connect(temporary)
      copy.exec(`${settingsOfConnection}; PRAGMA journal_mode = WAL`)
      copy.exec("DELETE FROM staged; DELETE FROM facts WHERE name = 'migration'; VACUUM")
      copy.sql('PRAGMA wal_checkpoint(TRUNCATE)').get()
      copy.close()
      await rename(temporary, path)
      settled(temporary)
    } catch (error) {
      await discard(temporary)
      throw sqliteError(path, error)
    }
  }

  /** Gives back to the disk what the file has free, where nobody else is at it. */
  compact(): void {
    try {
      this.writer?.exec('VACUUM')
    } catch (error) {
      if (!isFailure(error, 'busy')) throw sqliteError(this.path, error)
    }
    this.emptyLog()
  }

  /** Once what is being written is written. The file alone is then the whole gallery, unless others have it open. */
  async close(): Promise<void> {
    await this.#turns.settled()
    this.emptyLog()
    this.reader.close()
    this.loader.close()
    this.writer?.close()
  }
}

/** A gallery is made for a model. */
export function noModel(path: string): FaceNetError {
  const expected = `the model of a gallery that is to be made, as there is none at ${path} yet`
  return invalidArgument('options.model', expected, 'none')
}

function migrated(path: string, expected: string, received: string): FaceNetError {
  const message =
    `Expected ${path} to be of the model ${expected} but it is of ${received}: it was migrated after it was opened. ` +
    'Close it, and open it again with the new model'
  return new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument: path, expected, received })
}

async function exists(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found && !found.isFile()) throw invalidArgument('path', 'the file of a gallery', `${path}, which is no file`)
  // What a process that was killed as it made the file has left is like no file.
  return found !== undefined && found.size > 0
}

/** Tables of this version, in a file that may be new or older. */
async function prepare(path: string, db: Connection, options: StoreOptions): Promise<void> {
  if (schemaVersion(path, db) === migrations.length) return
  await patiently(path, options, db, () => db.exec('PRAGMA journal_mode = WAL'))
  await inTransaction(path, db, options, () => {
    const version = schemaVersion(path, db)
    if (version < migrations.length) migrate(db, version)
  })
}

async function inTransaction<T>(
  path: string,
  db: Connection,
  options: StoreOptions,
  use: (db: Connection) => T | Promise<T>,
): Promise<T> {
  await patiently(path, options, db, () => db.exec('BEGIN IMMEDIATE'))
  try {
    const result = await use(db)
    db.exec('COMMIT')
    return result
  } catch (error) {
    try {
      db.exec('ROLLBACK')
    } catch {} // SQLite has done so itself where the disk is full.
    throw sqliteError(path, error)
  }
}

/** Again and again while another process writes, without holding up this one. */
async function patiently(path: string, options: StoreOptions, db: Connection, attempt: () => void): Promise<void> {
  for (let waited = 0; ; waited += triedEvery) {
    try {
      return attempt()
    } catch (error) {
      if (!isFailure(error, 'busy')) throw sqliteError(path, error)
      if (waited >= options.busyTimeout) throw stillBusy(path, options, lastWriter(db), error)
      await setTimeout(triedEvery)
    }
  }
}

function stillBusy(path: string, { busyTimeout }: StoreOptions, who: string, cause: unknown): FaceNetError {
  const expected = `a gallery that is free to be written within ${busyTimeout} ms`
  const message = `Cannot write ${path}: another writer has it for more than ${busyTimeout} ms (${who}); try again, or wait longer with busyTimeout`
  return new FaceNetError('ERR_FACENET_IO', message, { argument: path, expected, received: who, cause })
}

const thisProcess = `process ${process.pid} on ${hostname()}`

/** Within a transaction: says who writes, for those who wait in vain. */
export function signWriter(db: Connection): void {
  if (lastWriter(db).endsWith(thisProcess)) return
  db.sql("INSERT OR REPLACE INTO facts VALUES ('writer', ?)").run(thisProcess)
}

function lastWriter(db: Connection): string {
  try {
    const row = db.sql("SELECT value FROM facts WHERE name = 'writer'").get()
    return row ? `the last that wrote to it was ${row.value}` : 'nobody has written to it yet'
  } catch {
    return 'who has it cannot be read'
  }
}
