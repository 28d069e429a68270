/**
 * The embeddings of another model, kept in the gallery beside its own until there is one of every face; then they take the place of
 * these in one transaction. What a run that was ended has kept is there for the next one.
 */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../native/check_arguments.js'
import { appendRows, bytesOf, floats, rowsOfBlock } from '../blocks.js'
import { faceColumns, type GalleryFace, parseFace } from '../faces.js'
import { type GalleryModel, writeFacts } from '../facts.js'
import type { Connection } from '../sqlite.js'
import { type Store, signWriter } from '../store.js'

const isSame = (a: GalleryModel, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/** Goes on with what is kept for this model; what was kept for another one goes. How many embeddings are there. */
export async function beginStaging(store: Store, target: GalleryModel): Promise<number> {
  return store.write((db) => {
    signWriter(db)
    const known = db.sql("SELECT value FROM facts WHERE name = 'migration'").get()
    if (!known || !isSame(target, JSON.parse(String(known.value)))) {
      db.exec('DELETE FROM staged')
      db.sql("INSERT OR REPLACE INTO facts VALUES ('migration', ?)").run(JSON.stringify(target))
    }
    return Number(db.sql('SELECT count(*) AS count FROM staged').get()!.count)
  })
}

/** A face that was removed meanwhile is passed over. */
export async function stage(store: Store, rows: ReadonlyMap<string, Float32Array>): Promise<void> {
  await store.write((db) => {
    for (const [id, embedding] of rows) stageOne(db, id, embedding)
  })
}

function stageOne(db: Connection, id: string, embedding: Float32Array): void {
  const face = db.sql('SELECT number FROM faces WHERE id = ?').get(id)
  if (face) db.sql('INSERT OR REPLACE INTO staged VALUES (?, ?)').run(Number(face.number), bytesOf(embedding))
}

const unstaged = 'FROM faces f WHERE NOT EXISTS (SELECT 1 FROM staged s WHERE s.number = f.number)'

/** Faces of which there is none yet, oldest first. */
export function facesToCome(store: Store): GalleryFace[] {
  const query = `${faceColumns} WHERE f.number IN (SELECT f.number ${unstaged}) ORDER BY f.number`
  return store.read((db) => db.sql(query).all()).map(parseFace)
}

/** Faces that both models have embedded, at most `most` of them, evenly. */
export function commonFaces(store: Store, most: number): { number: number; person: number | null }[] {
  return store.read((db) => {
    const { count } = db.sql('SELECT count(*) AS count FROM staged').get()!
    const step = Math.max(1, Math.ceil(Number(count) / most))
    const query =
      'SELECT f.number, f.person, row_number() OVER (ORDER BY f.number) AS place FROM faces f JOIN staged s ON s.number = f.number'
    const rows = db.sql(`SELECT number, person FROM (${query}) WHERE (place - 1) % ? = 0`).all(step)
    return rows.map(({ number, person }) => ({
      number: Number(number),
      person: person === null ? null : Number(person),
    }))
  })
}

export function stagedRow(store: Store, number: number, dimensions: number): Float32Array {
  return store.read((db) =>
    floats(db.sql('SELECT embedding FROM staged WHERE number = ?').get(number)!.embedding, dimensions),
  )
}

/**
 * The whole change, unless a face has come meanwhile of which there is no embedding: false then, and all is as it was. `rename` gives
 * photographs other paths.
 */
export async function takeStaged(
  store: Store,
  target: GalleryModel,
  rename: ((image: string) => string) | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return store.write(async (db) => {
    if (Number(db.sql(`SELECT count(*) AS count ${unstaged}`).get()!.count) > 0) return false
    signWriter(db)
    db.exec(
      "DELETE FROM blocks; DELETE FROM fresh; DELETE FROM facts WHERE name IN ('threshold', 'preparation', 'migration')",
    )
    writeFacts(db, target)
    const { dimensions } = target
    const each = rowsOfBlock(dimensions)
    for (let after = 0; ; ) {
      throwIfAborted(signal)
      const rows = db.sql(`SELECT * FROM staged WHERE number > ? ORDER BY number LIMIT ${each}`).all(after)
      if (rows.length === 0) break
      const numbers = Uint32Array.from(rows, ({ number }) => Number(number))
      const embeddings = new Float32Array(rows.length * dimensions)
      for (const [i, row] of rows.entries()) embeddings.set(floats(row.embedding, dimensions), i * dimensions)
      appendRows(db, { numbers, embeddings }, dimensions)
      after = numbers.at(-1)!
      await setImmediate()
    }
    db.exec('DELETE FROM staged')
    if (rename) renameImages(db, rename)
    return true
  }, signal)
}

function renameImages(db: Connection, rename: (image: string) => string): void {
  for (const table of ['faces', 'missing']) {
    const images = db.sql(`SELECT DISTINCT image FROM ${table} WHERE image IS NOT NULL`).all()
    const set = db.sql(`UPDATE OR REPLACE ${table} SET image = ? WHERE image = ?`)
    for (const image of images) set.run(rename(String(image.image)), String(image.image))
  }
}
