/** The people of a gallery, by their names or, where they have none, by `person-12`. */
import { describe, invalidArgument } from '../errors.js'
import type { Connection } from './sqlite.js'

/** A person of a gallery. */
export interface GalleryPerson {
  /** The name; `person-12` where nobody has given one. */
  person: string
  /** Stays the same when the person is renamed. */
  number: number
  /** Null where nobody has given one. */
  name: string | null
  /** How many faces there are. */
  faces: number
  /** Clustering puts nobody to a locked person. */
  locked: boolean
  /** Hidden people are listed only where they are asked for. */
  hidden: boolean
}

/** Which people are listed. */
export interface GalleryPeopleOptions {
  /**
   * Whether hidden people are too.
   * @default false
   */
  hidden?: boolean
}

const unnamed = /^person-(\d{1,15})$/

/** How a person is called. */
export const personText = (number: number, name: string | null): string => name ?? `person-${number}`

/** A name that can be given to a person. */
export function checkName(value: unknown, argument: string): string {
  if (typeof value !== 'string' || value.trim() === '' || unnamed.test(value)) {
    throw invalidArgument(argument, 'a name that is not empty and not like person-12', describe(value))
  }
  return value
}

/** The number of a person by the name, or by `person-12`; undefined where there is none. */
export function findPerson(db: Connection, person: string): number | undefined {
  const [, number] = unnamed.exec(person) ?? []
  const row =
    number === undefined
      ? db.sql('SELECT person FROM people WHERE name = ?').get(person)
      : db.sql('SELECT person FROM people WHERE person = ?').get(Number(number))
  return row && Number(row.person)
}

/** The same, an error where there is none. */
export function knownPerson(db: Connection, person: unknown, argument: string): number {
  const found = typeof person === 'string' ? findPerson(db, person) : undefined
  if (found === undefined)
    throw invalidArgument(argument, 'the name of a person of the gallery, or person-12', describe(person))
  return found
}

/** Within a transaction: the same, who becomes one where the name is new. */
export function personOfName(db: Connection, person: string, argument: string): number {
  const found = findPerson(db, person)
  return (
    found ?? Number(db.sql('INSERT INTO people (name) VALUES (?)').run(checkName(person, argument)).lastInsertRowid)
  )
}

/** Within a transaction: people who have no face left are nobody. */
export function forgetEmptyPeople(db: Connection): void {
  db.exec('DELETE FROM people WHERE NOT EXISTS (SELECT 1 FROM faces WHERE faces.person = people.person)')
}

/** Those with most faces first. */
export function listPeople(db: Connection, { hidden = false }: GalleryPeopleOptions = {}): GalleryPerson[] {
  const rows = db
    .sql(
      'SELECT p.person AS number, p.name AS name, p.locked, p.hidden, count(f.number) AS faces FROM people p ' +
        'LEFT JOIN faces f ON f.person = p.person WHERE p.hidden <= ? GROUP BY p.person ORDER BY faces DESC, p.person',
    )
    .all(Number(hidden))
  return rows.map((row) => {
    const [number, name] = [Number(row.number), row.name === null ? null : String(row.name)]
    const state = { locked: row.locked === 1, hidden: row.hidden === 1 }
    return { person: personText(number, name), number, name, faces: Number(row.faces), ...state }
  })
}
