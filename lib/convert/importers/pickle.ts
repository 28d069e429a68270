/**
 * Python's pickles as data. A pickle is a program that may call any function it names; this reader looks names up in a list of
 * the caller's and refuses all others, so nothing but those few constructors of ours is ever called.
 */
import { BufferReader, Parser } from 'pickleparser'
import { invalidModel } from '../../errors.js'

/** Stands for a class or a function of Python. They are frozen: a pickle cannot leave anything on them. */
// biome-ignore lint/suspicious/noExplicitAny: what a pickle passes is checked by whoever uses the result.
export type PickleFunction = (...args: any[]) => unknown

/** By full name: `collections.OrderedDict`. */
export type AllowList = Readonly<Record<string, PickleFunction>>

/** Bytes that hold one pickle after another, or something else behind a pickle; `position` is where the next one begins. */
export class PickleReader extends BufferReader {
  /** All reads go by it. Lengths of bytes are signed in a pickle: a negative one would lead back, and round for ever. */
  override skip(size: number): void {
    if (!(size >= 0)) throw new RangeError(`a length of ${size} bytes`)
    super.skip(size)
  }

  /** Python 2's strings are bytes, which NumPy put its numbers in: each becomes the character of its code. */
  override string(size: number, encoding: 'ascii' | 'utf-8'): string {
    return encoding === 'utf-8' ? super.string(size, encoding) : Buffer.from(this.bytes(size)).toString('latin1')
  }
}

export interface UnpickleOptions {
  /** Answers for what is stored outside of the pickle. */
  persistent?: (id: unknown) => unknown
  /** What to give instead, where a pickle names something else. */
  advice?: string
}

/** Dictionaries become Maps, tuples and lists arrays. */
export function unpickle(
  reader: PickleReader,
  file: string,
  allowed: AllowList,
  { persistent = () => refuse(file, 'no reference to anything outside', 'one'), advice }: UnpickleOptions = {},
): unknown {
  const names = `names among ${Object.keys(allowed).join(', ')}`
  const expected = advice ? `${advice}, with ${names}` : names
  const parser = new Parser({
    nameResolver: {
      resolve: (module, name) => {
        const full = `${module}.${name}`
        const found = Object.hasOwn(allowed, full) ? allowed[full] : undefined
        return Object.freeze(found ?? refuse(file, expected, full))
      },
    },
    persistentResolver: { resolve: persistent },
    unpicklingTypeOfDictionary: 'Map',
  })
  try {
    return parser.read(reader)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) throw cause
    throw invalidModel(file, 'a sound pickle', String(cause), cause)
  }
}

function refuse(file: string, expected: string, received: string): never {
  throw invalidModel(`pickle of ${file}`, expected, received)
}

/** What unpickling left, as a Map whose keys are strings. */
export function mapOf(value: unknown, what: string): Map<string, unknown> {
  if (!(value instanceof Map) || ![...value.keys()].every((key) => typeof key === 'string')) {
    throw invalidModel(what, 'a dictionary by names', value)
  }
  return value
}

/** A tuple of sizes. */
export function sizesOf(value: unknown, what: string): number[] {
  const sound = Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
  if (!sound) throw invalidModel(what, 'sizes', value)
  return value
}
