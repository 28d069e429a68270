/** Whether a gallery is whole. */
import { setImmediate } from 'node:timers/promises'
import { FaceNetError } from '../errors.js'
import { rowsAfter } from './blocks.js'
import type { Facts } from './facts.js'
import type { Store } from './store.js'

/** What `gallery.verify` finds. */
export interface GalleryCheck {
  /** How many embeddings could be read. */
  faces: number
  /** What is wrong, in words; nothing where all is well. */
  problems: string[]
}

/** Reads everything: the pages of the file, and every embedding. */
export async function verifyStore(store: Store, facts: Facts): Promise<GalleryCheck> {
  const problems: string[] = []
  let faces = 0
  try {
    for (const row of store.read((db) => db.sql('PRAGMA integrity_check(10)').all())) {
      const said = String(Object.values(row)[0])
      if (said !== 'ok') problems.push(`SQLite says: ${said}`)
    }
    for (let after = 0; ; ) {
      const part = store.read((db) => rowsAfter(db, after, facts.dimensions).next())
      if (part.done) break
      const { numbers, embeddings } = part.value
      for (const [i, value] of embeddings.entries()) {
        if (Number.isFinite(value)) continue
        problems.push(`row ${numbers[Math.floor(i / facts.dimensions)]} holds ${value}`)
        break
      }
      const [low, high] = [after + 1, numbers.at(-1)!]
      const { count } = store.read(
        (db) => db.sql('SELECT count(*) AS count FROM faces WHERE number BETWEEN ? AND ?').get(low, high)!,
      )
      if (Number(count) !== numbers.length)
        problems.push(`rows ${low}..${high}: ${count} faces, ${numbers.length} embeddings`)
      after = high
      faces += numbers.length
      await setImmediate()
    }
    const { count } = store.read((db) => db.sql('SELECT count(*) AS count FROM faces').get()!)
    if (Number(count) !== faces) problems.push(`${count} faces and ${faces} embeddings`)
  } catch (error) {
    if (!(error instanceof FaceNetError) || error.code !== 'ERR_FACENET_IO') throw error
    problems.push(error.message)
  }
  return { faces, problems }
}
