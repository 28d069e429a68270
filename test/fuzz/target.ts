/** What is fuzzed: inputs from a generator, and what is done with each. Allowed are success and a FaceNetError with a code of its own. */
import fc from 'fast-check'
import { UsageError } from '../../lib/cli/usage_error.js'
import { FaceNetError } from '../../lib/errors.js'

export interface Target {
  name: string
  /** Describes an input for a report as well: what fast-check prints of it makes it again. */
  inputs: fc.Arbitrary<unknown>
  run(input: never): unknown
  /** How many inputs a run of the tests tries. */
  tested: number
}

export function target<T>(name: string, inputs: fc.Arbitrary<T>, run: (input: T) => unknown, tested = 200): Target {
  return { name, inputs, run: run as (input: never) => unknown, tested }
}

/** Milliseconds that one input may take, on a machine that does other things too. */
export const mostTime = 10_000

export interface Counts {
  inputs: number
  made: number
  refused: number
}

/** Tries `count` inputs that a seed decides. Throws, with the smallest input that is found for it, what is not allowed. */
export async function tryInputs({ inputs, run }: Target, seed: number, count: number): Promise<Counts> {
  const counts = { inputs: 0, made: 0, refused: 0 }
  const property = fc.asyncProperty(inputs, async (input) => {
    counts.inputs++
    try {
      await run(input as never)
      counts.made++
    } catch (error) {
      if (!isAllowed(error)) throw error
      counts.refused++
    }
  })
  await fc.assert(property, { seed, numRuns: count, endOnFailure: false, verbose: 0 })
  return counts
}

function isAllowed(error: unknown): boolean {
  if (error instanceof FaceNetError) return error.code !== 'ERR_FACENET_INTERNAL'
  return error instanceof UsageError
}

/** One change of bytes. */
type Edit =
  | { kind: 'set'; at: number; bytes: Uint8Array }
  | { kind: 'insert'; at: number; bytes: Uint8Array }
  | { kind: 'cut'; at: number; length: number }
  | { kind: 'copy'; from: number; at: number; length: number }
  | { kind: 'end'; at: number }

const extremes = [0, 1, 127, 128, 255, 256, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
const numbers = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
  fc.constantFrom(...extremes).map((value) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(value))
    return new Uint8Array(bytes.subarray(0, 4))
  }),
  fc.constant(new Uint8Array(8).fill(0xff)),
)

/** A sound file with a few changes: where headers are read first most of what is random ends at once. */
export function changed(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  // No Buffer, whose `slice` does not copy.
  const sound = new Uint8Array(file)
  // Without the bias of fast-check for small numbers: nearly all changes would be of the first byte.
  const at = fc.noBias(fc.oneof(fc.nat(sound.length), fc.nat(Math.min(sound.length, 512))))
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), at, bytes: numbers }),
    fc.record({ kind: fc.constant('insert' as const), at, bytes: numbers }),
    fc.record({ kind: fc.constant('cut' as const), at, length: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('copy' as const), from: at, at, length: fc.integer({ min: 1, max: 64 }) }),
    fc.record({ kind: fc.constant('end' as const), at }),
  )
  return fc.array(edit, { maxLength: 3 }).map((edits) => edits.reduce(apply, sound))
}

function apply(bytes: Uint8Array, edit: Edit): Uint8Array {
  const at = Math.min(edit.at, bytes.length)
  switch (edit.kind) {
    case 'set': {
      const result = bytes.slice()
      result.set(edit.bytes.subarray(0, bytes.length - at), at)
      return result
    }
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), edit.bytes, bytes.subarray(at)])
    case 'cut':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + edit.length)])
    case 'copy': {
      const piece = bytes.subarray(edit.from, edit.from + edit.length)
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
    }
    case 'end':
      return bytes.slice(0, at)
  }
}

/** The same of a text, with lines and words of it moved about. */
export function changedText(sound: string): fc.Arbitrary<string> {
  const decoded = changed(Buffer.from(sound)).map((bytes) => Buffer.from(bytes).toString('utf8'))
  const words = fc.constantFrom(
    '\t',
    '\n',
    '\r\n',
    ' ',
    '-1',
    '0',
    '1e99',
    'NaN',
    '\u0000',
    '"',
    '{',
    '[',
    '__proto__',
    '\u202e',
  )
  const inserted = fc
    .tuple(decoded, fc.nat(sound.length), words)
    .map(([text, at, word]) => text.slice(0, at) + word + text.slice(at))
  return fc.oneof(fc.constant(sound), decoded, inserted, fc.string({ maxLength: 100, unit: 'binary' }))
}
