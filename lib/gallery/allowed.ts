/** Which face may be put to which person. */
import type { Store } from './store.js'

interface Face {
  number: number
  image: string | null
}

export class Allowed {
  /** Photographs that a person is in, each as `person image`. */
  readonly #in = new Set<string>()
  readonly #locked: Set<number>
  /** Of which face it was said that it is not whose, as `number person`. */
  readonly #rejected: Set<string>

  constructor(store: Store) {
    const locked = store.read((db) => db.sql('SELECT person FROM people WHERE locked = 1').all())
    const rejected = store.read((db) => db.sql('SELECT number, person FROM rejections').all())
    this.#locked = new Set(locked.map(({ person }) => Number(person)))
    this.#rejected = new Set(rejected.map(({ number, person }) => `${number} ${person}`))
  }

  /** A person is in a photograph once, a locked person gets nobody, and what was rejected stays so. */
  may({ number, image }: Face, person: number): boolean {
    if (this.#locked.has(person) || this.#rejected.has(`${number} ${person}`)) return false
    return image === null || !this.#in.has(`${person} ${image}`)
  }

  /** Says that a face is this person's. */
  take({ image }: Face, person: number): void {
    if (image !== null) this.#in.add(`${person} ${image}`)
  }
}
