/** The faces of whole photographs, many in a transaction; and photographs that have none. */
import type { DetectedFace } from '../detection/types.js'
import { concatenateRows } from '../embeddings/concatenate_rows.js'
import { appendRows, editRows } from './blocks.js'
import { sameFaces } from './face_key.js'
import { type CheckedFace, insertFace, updateFace } from './faces.js'
import type { Connection } from './sqlite.js'
import { type Store, signWriter } from './store.js'

/** A photograph whose faces are known, or of which it is known why there are none. */
export interface Photograph {
  image: string
  faces: CheckedFace[]
  missing?: { code: string; error: string }
}

export interface AddedPhotographs {
  faces: number
  images: number
  skipped: number
}

/** `again`: what is known of a photograph is brought up to date; else a photograph that is there is left as it is. */
export async function addPhotographs(
  store: Store,
  photographs: readonly Photograph[],
  dimensions: number,
  again: boolean,
): Promise<AddedPhotographs> {
  const added: AddedPhotographs = { faces: 0, images: 0, skipped: 0 }
  if (photographs.length === 0) return added
  const hasEdits = await store.write((db) => {
    signWriter(db)
    const inserted: { number: number; embedding: Float32Array }[] = []
    const edits = new Map<number, Float32Array>()
    for (const { image, faces, missing } of photographs) {
      if (missing) {
        noteMissing(db, image, missing)
        continue
      }
      const known = facesOf(db, image)
      if (known.length > 0 && !again) {
        added.skipped++
        continue
      }
      db.sql('DELETE FROM missing WHERE image = ?').run(image)
      const same = sameFaces(faces.map(boxOf), known.map(boxOf))
      for (const [i, face] of faces.entries()) {
        const { number } = known[same[i]!] ?? {}
        if (number === undefined) {
          if (db.sql('SELECT 1 FROM faces WHERE id = ?').get(face.id)) continue // Two boxes on the same pixels.
          inserted.push({ number: insertFace(db, face), embedding: face.embedding })
        } else {
          updateFace(db, number, {
            face: face.face,
            quality: face.quality,
            person: face.person,
            metadata: face.metadata,
          })
          edits.set(number, face.embedding)
        }
        added.faces++
      }
      added.images++
    }
    const numbers = Uint32Array.from(inserted, ({ number }) => number)
    appendRows(db, { numbers, embeddings: concatenateRows(inserted.map(({ embedding }) => embedding)) }, dimensions)
    editRows(db, edits, dimensions)
    return edits.size > 0
  })
  if (hasEdits) store.emptyLog()
  return added
}

/** Unless faces of it are known, of an earlier look. */
function noteMissing(db: Connection, image: string, { code, error }: { code: string; error: string }): void {
  if (facesOf(db, image).length > 0) return
  db.sql('INSERT OR REPLACE INTO missing VALUES (?, ?, ?)').run(image, code, error)
}

function facesOf(db: Connection, image: string) {
  return db
    .sql('SELECT number, face FROM faces WHERE image = ? ORDER BY number')
    .all(image)
    .map(({ number, face }) => ({ number: Number(number), face: face === null ? undefined : String(face) }))
}

const boxOf = ({ face }: { face?: string }) => (face === undefined ? undefined : (JSON.parse(face) as DetectedFace).box)
