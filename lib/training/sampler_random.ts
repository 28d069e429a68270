/** Random numbers that are a function of what they are for: a seed, a step, an image. Nothing has to be stored to go on. */
import { sfc32 } from './random.js'

export interface Random {
  /** 0..1, the end left out. */
  uniform(): number
  /** 0..below - 1. */
  integer(below: number): number
}

/** sfc32, started from a hash of the numbers of `place`, each a 32-bit integer. */
export function randomAt(...place: readonly number[]): Random {
  const next = sfc32(hash(0x811c9dc5, place), hash(0x9e3779b9, place), hash(0x85ebca6b, place))
  const uniform = () => next() / 2 ** 32
  return { uniform, integer: (below) => Math.floor(uniform() * below) }
}

/** Fisher and Yates, in place. With `count`, only the first so many elements are drawn. */
export function shuffle<T extends number[] | Int32Array>(values: T, random: Random, count = values.length): T {
  for (let i = 0; i < Math.min(count, values.length - 1); i++) {
    const j = i + random.integer(values.length - i)
    const kept = values[i]!
    values[i] = values[j]!
    values[j] = kept
  }
  return values
}

/** MurmurHash3's mixing of 32-bit words, with its finish. */
function hash(start: number, words: readonly number[]): number {
  let value = start
  for (const word of words) {
    let mixed = Math.imul(word, 0xcc9e2d51)
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
    value ^= mixed
    value = (Math.imul((value << 13) | (value >>> 19), 5) + 0xe6546b64) | 0
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}
