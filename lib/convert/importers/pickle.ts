/**
 * Python's pickles as data. A pickle is a program that may call any function it names; this reader looks names up in a list of
 * the caller's and refuses all others, so nothing but those few constructors of ours is ever called.
 */
import { BufferReader, Parser } from 'pickleparser'
import { FaceNetError, invalidModel } from '../../errors.js'

/** Stands for a class or a function of Python. They are frozen: a pickle cannot leave anything on them. */
// biome-ignore lint/suspicious/noExplicitAny: what a pickle passes is checked by whoever uses the result.
export type PickleFunction = (...args: any[]) => unknown

/** By full name: `collections.OrderedDict`. */
export type AllowList = Readonly<Record<string, PickleFunction>>

/** Instructions of a pickle: some sixty for each tensor of a state dictionary. Each may leave an object of some hundred bytes. */
const maxInstructions = 500_000
/** Entries that all `BUILD`s of a pickle may copy, if each copied all that was made before it. */
const maxCopied = 2 ** 23
/** Arguments of one call. */
const maxArguments = 32
/**
 * Bytes of a whole number: the parser makes wider ones in time that grows with their square. Above six they are not exact, which
 * seeds and other numbers beside the weights need not be.
 */
const maxIntegerBytes = 64

const [mark, dict, build, long1, long4] = [0x28, 0x64, 0x62, 0x8a, 0x8b]

/**
 * Bytes that hold one pickle after another, or something else behind a pickle; `position` is where the next one begins. Counts what the
 * parser is made to do, which a few bytes could otherwise ask for without end.
 */
export class PickleReader extends BufferReader {
  private instruction = -1
  private atInstruction = false
  private count = 0
  private copied = 0

  /** The parser asks before each instruction. */
  override hasNext(): boolean {
    this.atInstruction = true
    return super.hasNext()
  }

  override byte(): number {
    const value = super.byte()
    if (this.atInstruction) this.begin(value)
    return value
  }

  private begin(instruction: number): void {
    const before = this.instruction
    this.instruction = instruction
    this.atInstruction = false
    if (++this.count > maxInstructions) throw new RangeError(`more than ${maxInstructions} instructions`)
    if (instruction === build) this.copied += this.count
    if (this.copied > maxCopied) throw new RangeError(`BUILD of more than ${maxCopied} entries`)
    // Python writes it for empty dictionaries only, and the parser would lose what another one holds.
    if (instruction === dict && before !== mark) throw new RangeError('DICT of entries')
  }

  /** All reads go by it. Lengths of bytes are signed in a pickle: a negative one would lead back, and round for ever. */
  override skip(size: number): void {
    if (!(size >= 0)) throw new RangeError(`a length of ${size} bytes`)
    super.skip(size)
  }

  override bytes(length: number): ReturnType<BufferReader['bytes']> {
    const isInteger = this.instruction === long1 || this.instruction === long4
    if (isInteger && length > maxIntegerBytes) throw new RangeError(`a whole number of ${length} bytes`)
    return super.bytes(length)
  }

  override uint64(): number {
    const [low, high] = [this.uint32(), this.uint32()]
    if (high >= 2 ** 21) throw new RangeError('a length that no file has')
    return low + high * 2 ** 32
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
        return callable(full, found ?? refuse(file, expected, full))
      },
    },
    persistentResolver: { resolve: persistent },
    unpicklingTypeOfDictionary: 'Map',
  })
  try {
    return parser.read(reader)
  } catch (cause) {
    if (cause instanceof FaceNetError) throw cause
    throw invalidModel(file, 'a sound pickle', String(cause), cause)
  }
}

function refuse(file: string, expected: string, received: string): never {
  throw invalidModel(`pickle of ${file}`, expected, received)
}

/** Of a tensor, in elements: one of none costs something too. */
const leastCharge = 16

const originals = new WeakMap<object, PickleFunction>()

/** Calls with a list of any length would cost a few bytes each. */
function callable(name: string, original: PickleFunction): PickleFunction {
  const checked: PickleFunction = (...args) => {
    if (args.length > maxArguments) throw new RangeError(`${name} with ${args.length} arguments`)
    return original(...args)
  }
  originals.set(checked, original)
  return Object.freeze(checked)
}

/** The function of the allow-list that a value of a pickle is; undefined where it is none. */
export function functionOf(value: unknown): PickleFunction | undefined {
  return typeof value === 'function' ? originals.get(value) : undefined
}

/**
 * How many elements a file's tensors may have together: eight bytes for each of its own. Tensors may share what is stored, as tied
 * weights do; a file of a few megabytes could otherwise name it a thousand times.
 */
export class ElementBudget {
  private left: number
  private readonly most: number

  constructor(
    private readonly file: string,
    bytes: number,
  ) {
    this.most = bytes * 2
    this.left = this.most
  }

  /** Throws where that is too many. */
  take(elements: number): void {
    this.left -= Math.max(elements, leastCharge)
    if (this.left < 0)
      throw invalidModel(`tensors of ${this.file}`, `${this.most} elements at most`, 'more: they share storages')
  }
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
