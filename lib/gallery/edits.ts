/** What people say of the people in a gallery: names, merges, splits. All edits of a call are one transaction. */
import * as v from 'valibot'
import { invalidArgument } from '../errors.js'
import { knownFace } from './faces.js'
import { checkName, findPerson, forgetEmptyPeople, knownPerson, personOfName } from './people.js'
import type { Connection } from './sqlite.js'
import { type Store, signWriter } from './store.js'

const text = v.pipe(v.string(), v.nonEmpty())
const faces = v.pipe(v.array(text), v.nonEmpty())

const schema = v.array(
  v.variant('edit', [
    v.strictObject({ edit: v.literal('name'), person: text, name: text }),
    v.strictObject({ edit: v.literal('merge'), people: v.pipe(v.array(text), v.nonEmpty()), into: text }),
    v.strictObject({ edit: v.literal('split'), faces, name: v.optional(text) }),
    v.strictObject({ edit: v.literal('assign'), faces, person: text }),
    v.strictObject({ edit: v.literal('reject'), faces, person: text }),
    v.strictObject({ edit: v.picklist(['lock', 'unlock', 'hide', 'show']), person: text }),
  ]),
)

/** People are named by their names or as `person-12`, faces by their ids. */
export type GalleryEdit =
  /** Gives a person a name that nobody has. */
  | { edit: 'name'; person: string; name: string }
  /** Puts all faces of these people to one, who keeps the name, and gets one of theirs where there is none. */
  | { edit: 'merge'; people: readonly string[]; into: string }
  /** Makes these faces a person of their own. */
  | { edit: 'split'; faces: readonly string[]; name?: string }
  /** Says whose faces they are: of a person who is there, or of a new name. */
  | { edit: 'assign'; faces: readonly string[]; person: string }
  /** Says that the faces are not of this person, to whom clustering will not put them again. */
  | { edit: 'reject'; faces: readonly string[]; person: string }
  /** Nobody is put to a locked person by clustering; a hidden one is not listed. */
  | { edit: 'lock' | 'unlock' | 'hide' | 'show'; person: string }

export async function applyEdits(store: Store, given: readonly GalleryEdit[]): Promise<void> {
  const parsed = v.safeParse(schema, given)
  if (!parsed.success) {
    const [issue] = parsed.issues
    const where = v.getDotPath(issue)
    throw invalidArgument(where ? `edits.${where}` : 'edits', 'a list of edits', issue.message)
  }
  await store.write((db) => {
    signWriter(db)
    for (const [i, edit] of parsed.output.entries()) applyEdit(db, edit, `edits[${i}]`)
    forgetEmptyPeople(db)
  })
  store.emptyLog()
}

const flags = { lock: 'locked = 1', unlock: 'locked = 0', hide: 'hidden = 1', show: 'hidden = 0' } as const

function applyEdit(db: Connection, edit: GalleryEdit, at: string): void {
  switch (edit.edit) {
    case 'name':
      rename(db, knownPerson(db, edit.person, `${at}.person`), edit.name, `${at}.name`)
      break
    case 'merge':
      merge(db, edit.people, edit.into, at)
      break
    case 'split':
      split(db, edit.faces, edit.name, at)
      break
    case 'assign': {
      const person = personOfName(db, edit.person, `${at}.person`)
      for (const id of edit.faces) put(db, knownFace(db, id), person)
      break
    }
    case 'reject': {
      const person = knownPerson(db, edit.person, `${at}.person`)
      for (const id of edit.faces) reject(db, knownFace(db, id), person)
      break
    }
    default: {
      const person = knownPerson(db, edit.person, `${at}.person`)
      db.sql(`UPDATE people SET ${flags[edit.edit]} WHERE person = ?`).run(person)
    }
  }
}

function rename(db: Connection, person: number, name: string, at: string): void {
  const other = findPerson(db, checkName(name, at))
  if (other !== undefined && other !== person) {
    throw invalidArgument(at, 'a name that nobody has; the edit merge makes two people one', JSON.stringify(name))
  }
  db.sql('UPDATE people SET name = ? WHERE person = ?').run(name, person)
}

function merge(db: Connection, people: readonly string[], into: string, at: string): void {
  const target = knownPerson(db, into, `${at}.into`)
  for (const [i, each] of people.entries()) {
    const person = knownPerson(db, each, `${at}.people[${i}]`)
    if (person === target) continue
    const { name } = db.sql('SELECT name FROM people WHERE person = ?').get(person)!
    db.sql('UPDATE faces SET person = ? WHERE person = ?').run(target, person)
    db.sql('UPDATE OR IGNORE rejections SET person = ? WHERE person = ?').run(target, person)
    db.sql('DELETE FROM people WHERE person = ?').run(person)
    db.sql('UPDATE people SET name = ? WHERE person = ? AND name IS NULL').run(name ?? null, target)
  }
  db.sql(
    'DELETE FROM rejections WHERE EXISTS (SELECT 1 FROM faces f WHERE f.number = rejections.number AND f.person = rejections.person)',
  ).run()
}

/** The people they were with are not theirs. */
function split(db: Connection, ids: readonly string[], name: string | undefined, at: string): void {
  const numbers = ids.map((id) => knownFace(db, id))
  if (name !== undefined && findPerson(db, checkName(name, `${at}.name`)) !== undefined) {
    throw invalidArgument(
      `${at}.name`,
      'a name that nobody has; the edit assign puts faces to a person',
      JSON.stringify(name),
    )
  }
  const person = Number(db.sql('INSERT INTO people (name) VALUES (?)').run(name ?? null).lastInsertRowid)
  for (const number of numbers) {
    const { person: before } = db.sql('SELECT person FROM faces WHERE number = ?').get(number)!
    if (before !== null) reject(db, number, Number(before))
    put(db, number, person)
  }
}

function put(db: Connection, number: number, person: number): void {
  db.sql('UPDATE faces SET person = ? WHERE number = ?').run(person, number)
  db.sql('DELETE FROM rejections WHERE number = ? AND person = ?').run(number, person)
}

function reject(db: Connection, number: number, person: number): void {
  db.sql('UPDATE faces SET person = NULL WHERE number = ? AND person = ?').run(number, person)
  db.sql('INSERT OR IGNORE INTO rejections VALUES (?, ?)').run(number, person)
}
