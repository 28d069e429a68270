/**
 * SQLite, of whichever package is there: `node:sqlite`, which Node.js has from 22.13 on (from 22.5 with --experimental-sqlite), else
 * the optional peer `libsql`, whose binaries come inside npm packages of each platform.
 */
import { FaceNetError, invalidArgument } from '../errors.js'

export type SqlValue = string | number | Uint8Array | null
export type SqlRow = Record<string, SqlValue>

export interface Statement {
  run(...values: SqlValue[]): { changes: number | bigint; lastInsertRowid: number | bigint }
  get(...values: SqlValue[]): SqlRow | undefined
  all(...values: SqlValue[]): SqlRow[]
}

/** One connection. Calls are synchronous; statements are prepared once for each text. */
export interface Connection {
  exec(sql: string): void
  sql(text: string): Statement
  close(): void
}

interface Driver {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}
type Open = (path: string) => Driver

let found: Promise<Open> | undefined

/** Opens the file, or makes one. */
export async function connect(path: string): Promise<Connection> {
  found ??= findSqlite().catch((error) => {
    found = undefined
    throw error
  })
  const driver = (await found)(path)
  const statements = new Map<string, Statement>()
  return {
    exec: (sql) => driver.exec(sql),
    sql(text) {
      const known = statements.get(text) ?? driver.prepare(text)
      statements.set(text, known)
      return known
    },
    close() {
      statements.clear()
      driver.close()
    },
  }
}

async function findSqlite(): Promise<Open> {
  // Names in variables: bundlers and types of older versions do not know the first, and the second is optional.
  const [builtIn, peer] = ['node:sqlite', 'libsql']
  const node = await import(builtIn).catch(() => undefined)
  if (node) return (path) => new node.DatabaseSync(path)
  const libsql = await import(peer).catch((cause: unknown) => {
    const message =
      `A gallery needs SQLite, which Node.js ${process.versions.node} has not: run npm install libsql, ` +
      'or use Node.js 22.13 or newer, which has it'
    throw new FaceNetError('ERR_FACENET_ADDON_NOT_FOUND', message, { argument: 'libsql', cause })
  })
  return (path) => {
    const database = new libsql.default(path)
    return {
      exec: (sql) => database.exec(sql),
      close: () => database.close(),
      prepare: (sql) => inLists(database.prepare(sql)),
    }
  }
}

/** libsql takes a single value that is an object for values by their names, and null for one too: in a list it is a value. */
function inLists(statement: Record<keyof Statement, (values: SqlValue[]) => never>): Statement {
  return {
    run: (...values) => statement.run(values),
    get: (...values) => statement.get(values),
    all: (...values) => statement.all(values),
  }
}

/** What SQLite calls the kinds of failure that are told apart: the number of its C interface, and its name. */
const kinds = { busy: [5, 'SQLITE_BUSY'], notAGallery: [26, 'SQLITE_NOTADB'], damaged: [11, 'SQLITE_CORRUPT'] } as const

export function isFailure(error: unknown, kind: keyof typeof kinds): boolean {
  const { errcode, code } = error as { errcode?: number; code?: string }
  const [number, name] = kinds[kind]
  return (errcode !== undefined && (errcode & 0xff) === number) || (typeof code === 'string' && code.startsWith(name))
}

/** What SQLite says of the file at `path`, as an error of this package; those of this package are passed on as they are. */
export function sqliteError(path: string, cause: unknown): FaceNetError {
  if (cause instanceof FaceNetError) return cause
  const { message } = cause instanceof Error ? cause : new Error(String(cause))
  if (isFailure(cause, 'notAGallery')) return invalidArgument(path, 'a gallery', `another file (${message})`)
  const advice = isFailure(cause, 'damaged')
    ? ': the file is damaged; restore a copy, or save what can be read with facenet gallery export'
    : ''
  const details = { argument: path, expected: 'a gallery that can be read and written', received: message, cause }
  return new FaceNetError('ERR_FACENET_IO', `Cannot use the gallery ${path}: ${message}${advice}`, details)
}
