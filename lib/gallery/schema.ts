/** The tables of a gallery, and how a file of an older version becomes one of this version. */
import { FaceNetError, invalidArgument } from '../errors.js'
import type { Connection } from './sqlite.js'

/** Says in the header of an SQLite file that it is a gallery: `FNga`. */
const applicationId = 0x464e6761

/**
 * One step for each version, the first from an empty file. A step that was released is never changed.
 *
 * 1: `facts` are what holds for the whole. `faces` has all but the embeddings; `face` and `quality` are JSON. Numbers are never
 *    given twice, so that a reader finds new rows behind the highest it knows. `blocks` hold embeddings, little-endian float32, in
 *    the order of their numbers, which are uint32; `first` and `last` bound them. `fresh` are embeddings that do not fill a block
 *    yet. `edits` names rows that were replaced or removed, for readers that hold them in memory. `missing` are images without a row.
 * 2: People can be locked and hidden. `rejections` are faces of which it was said that they are not a person's.
 * 3: `staged` are embeddings of another model, to which the gallery is being brought. Where the fact `storage` is i8, embeddings of
 *    `blocks` and `fresh` are in 8 bits a value (`eight_bits.ts`).
 */
export const migrations: readonly string[] = [
  `CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE people (
     person INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE
   );
   CREATE TABLE faces (
     number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, person INTEGER REFERENCES people,
     image TEXT, face TEXT, quality TEXT, metadata TEXT
   );
   CREATE INDEX faces_of_person ON faces (person) WHERE person IS NOT NULL;
   CREATE INDEX faces_of_image ON faces (image) WHERE image IS NOT NULL;
   CREATE TABLE blocks (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, numbers BLOB NOT NULL, embeddings BLOB NOT NULL);
   CREATE TABLE fresh (number INTEGER PRIMARY KEY, embedding BLOB NOT NULL);
   CREATE TABLE edits (serial INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL);
   CREATE TABLE missing (image TEXT PRIMARY KEY, code TEXT NOT NULL, error TEXT NOT NULL) WITHOUT ROWID;`,
  `ALTER TABLE people ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE people ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE rejections (
     number INTEGER NOT NULL REFERENCES faces ON DELETE CASCADE, person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE,
     PRIMARY KEY (number, person)
   ) WITHOUT ROWID;
   CREATE INDEX rejections_of_person ON rejections (person);`,
  `CREATE TABLE staged (number INTEGER PRIMARY KEY REFERENCES faces ON DELETE CASCADE, embedding BLOB NOT NULL);`,
]

/** Bytes of a page: blobs of blocks are read faster in large ones, a single row is written faster in small ones. */
const pageBytes = 16384

/** The schema's version of this file; 0 of one that was just made. Throws where it is of another program, or newer. */
export function schemaVersion(path: string, db: Connection): number {
  const id = Number(db.sql('PRAGMA application_id').get()?.application_id)
  const version = Number(db.sql('PRAGMA user_version').get()?.user_version)
  if (id === 0 && version === 0 && db.sql('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined) return 0
  if (id !== applicationId) throw invalidArgument(path, 'a gallery', 'an SQLite database of another program')
  if (version > migrations.length) {
    const [expected, received] = [`a gallery of schema ${migrations.length} or older`, `schema ${version}`]
    const message =
      `Expected ${expected} at ${path} but received ${received}: a newer version of facenet-native wrote it. ` +
      'Update the package: npm install facenet-native@latest'
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument: path, expected, received })
  }
  return version
}

/** Settings of a file that does not exist yet; they have no effect on one that does. */
export const settingsOfNewFile = `PRAGMA page_size = ${pageBytes}`

/**
 * Settings of a connection. FULL: what was committed is on the disk. Deleted content is overwritten with zeros.
 */
export const settingsOfConnection =
  'PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 0; PRAGMA cache_size = -16384'

/** Within a transaction: brings a file of any older version to this one. */
export function migrate(db: Connection, from: number): void {
  for (const step of migrations.slice(from)) db.exec(step)
  db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`)
}
