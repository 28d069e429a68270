/**
 * Torch7's serialisation (`torch.save`, binary, of 64-bit little-endian machines; https://github.com/torch/torch7, File.lua and
 * generic/Tensor.c). An object is an int32 of its type, and then
 *
 * | type | |
 * |---|---|
 * | 0 nil, 1 number, 2 string, 5 boolean | nothing; a double; a length and bytes; an int32 |
 * | 3 table | its index, how many entries, key and value of each |
 * | 4 object of a class | its index, `V 1`, the name of the class, and what the class writes: a table, but for tensors and storages |
 * | 6, 7, 8 function | byte code and what it closes over: stepped over, never run |
 *
 * An index that was seen before stands for that object, which may be one that is not finished: objects can hold themselves.
 * All that is read takes bytes of the file, so neither work nor memory is more than in proportion to its length.
 */
import { invalidModel } from '../../errors.js'
import { elementCount } from '../../files/model/tensor.js'
import { stridedCopy } from './torch.js'

/** A table of Lua, or the fields of an object. Keys are strings and numbers. */
export type Table = Map<string | number, Torch7Value>
export type Torch7Value = undefined | number | string | boolean | Table | Torch7Object | Torch7Tensor | Storage | Code

/** Of a class that is not of numbers: `nn.Sequential` and the like. */
export class Torch7Object {
  fields: Table = new Map()
  constructor(
    readonly className: string,
    readonly version: number,
  ) {}
}

/** A function: what it does is not looked at. */
export class Code {}

/** The numbers of tensors, where they lie in the file. */
export class Storage {
  bytes: Uint8Array = new Uint8Array()
  private values: Float32Array | undefined
  constructor(readonly type: NumberType) {}

  /** All of it, decoded once: every tensor of a network may be a view into one storage. Undefined where there are whole numbers. */
  floats(): Float32Array | undefined {
    this.values ??= this.type.floats?.(new Uint8Array(this.bytes).buffer)
    return this.values
  }
}

export class Torch7Tensor {
  sizes: number[] = []
  strides: number[] = []
  offset = 0
  storage: Storage | undefined

  /** Its elements, row after row. Throws where the storage does not have them, or they are whole numbers. */
  floats(what: string): Float32Array {
    const { sizes, strides, offset, storage } = this
    const count = sizes.length === 0 ? 0 : elementCount(sizes)
    if (count === 0) return new Float32Array()
    const values = storage?.floats()
    if (!values) throw invalidModel(what, 'a tensor of floats', storage ? 'one of whole numbers' : 'one without')
    const { length } = values
    const last = sizes.reduce((end, size, axis) => end + (size - 1) * strides[axis]!, offset)
    if (!(count <= length && last < length && offset >= 0 && strides.every((stride) => stride >= 0))) {
      throw invalidModel(what, `elements within the ${length} of its storage`, `${count} up to ${last}`)
    }
    return stridedCopy(values, offset, sizes, strides, count)
  }
}

interface NumberType {
  bytes: number
  /** Missing for whole numbers. */
  floats?: (buffer: ArrayBuffer) => Float32Array
}

const float: NumberType = { bytes: 4, floats: (buffer) => new Float32Array(buffer) }
const numberTypes: ReadonlyMap<string, NumberType> = new Map(
  Object.entries({
    Float: float,
    Cuda: float,
    Double: { bytes: 8, floats: (buffer) => Float32Array.from(new Float64Array(buffer)) },
    Byte: { bytes: 1 },
    Char: { bytes: 1 },
    Short: { bytes: 2 },
    Int: { bytes: 4 },
    Long: { bytes: 8 },
  } satisfies Record<string, NumberType>),
)

/** Deeper than any network; a file of a few megabytes could otherwise be a million tables in each other. */
const maxDepth = 200
/** Torch has no tensors of more. */
const maxDimensions = 16

/** The object that a file holds. `file` stands for the bytes in errors. */
export function readTorch7(bytes: Uint8Array, file: string): Torch7Value {
  const [first] = bytes
  // As text a file begins with the digit of a type and the end of a line.
  if (first !== undefined && first >= 0x30 && first <= 0x38 && bytes[1] === 0x0a) {
    throw invalidModel(file, "Torch7's binary format, as torch.save(path, net) writes it", 'its ascii format')
  }
  return new Reader(bytes, file).object(0)
}

class Reader {
  private readonly view: DataView
  private readonly known = new Map<number, Torch7Value>()
  private at = 0

  constructor(
    private readonly bytes: Uint8Array,
    private readonly file: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  object(depth: number): Torch7Value {
    if (depth > maxDepth) throw this.wrong(`objects at most ${maxDepth} deep`, 'deeper ones')
    const type = this.int()
    switch (type) {
      case 0:
        return undefined
      case 1:
        return this.view.getFloat64(this.take(8), true)
      case 2:
        return this.text()
      case 3:
        return this.once((keep) => this.table(keep(new Map()), depth))
      case 4:
        return this.once((keep) => this.instance(keep, depth))
      case 5:
        return this.int() !== 0
      case 6:
        return this.code(depth)
      case 7:
      case 8:
        return this.once((keep) => keep(this.code(depth)))
      default:
        throw this.wrong('the type of an object, 0 to 8', `${type}`)
    }
  }

  /** `read` keeps what it makes before it reads on, since that may refer to it. */
  private once<T extends Torch7Value>(read: (keep: <Kept extends Torch7Value>(value: Kept) => Kept) => T): Torch7Value {
    const index = this.int()
    if (this.known.has(index)) return this.known.get(index)
    return read((value) => {
      this.known.set(index, value)
      return value
    })
  }

  private table(table: Table, depth: number): Table {
    const count = this.int()
    if (count < 0) throw this.wrong('a number of entries', `${count}`)
    for (let i = 0; i < count; i++) {
      const key = this.object(depth + 1)
      const value = this.object(depth + 1)
      // Tables whose keys are of other kinds are no modules; their entries are not looked at.
      if (typeof key === 'string' || typeof key === 'number') table.set(key, value)
    }
    return table
  }

  private instance(keep: <Kept extends Torch7Value>(value: Kept) => Kept, depth: number): Torch7Value {
    const header = this.text()
    const [, version] = /^V (\d{1,9})$/.exec(header) ?? []
    const className = version === undefined ? header : this.text()
    const [, kind, role] = /^torch\.(\w+?)(Tensor|Storage)$/.exec(className) ?? []
    const numbers = kind === undefined ? undefined : numberTypes.get(kind)
    if (numbers)
      return role === 'Tensor' ? this.tensor(keep(new Torch7Tensor()), depth) : this.storage(keep(new Storage(numbers)))
    // Classes in C write themselves in ways of their own.
    if (className.startsWith('torch.')) throw this.wrong('tensors, storages and modules of nn', `a ${className}`)
    const object = keep(new Torch7Object(className, Number(version ?? 0)))
    const fields = this.object(depth + 1)
    if (!(fields instanceof Map)) throw this.wrong(`the fields of ${className}`, 'something else')
    object.fields = fields
    return object
  }

  private tensor(tensor: Torch7Tensor, depth: number): Torch7Tensor {
    const dimensions = this.int()
    if (!(dimensions >= 0 && dimensions <= maxDimensions)) {
      throw this.wrong(`a tensor of at most ${maxDimensions} dimensions`, `${dimensions}`)
    }
    tensor.sizes = Array.from({ length: dimensions }, () => this.long())
    tensor.strides = Array.from({ length: dimensions }, () => this.long())
    // Counted from 1, as Lua does.
    tensor.offset = this.long() - 1
    const storage = this.object(depth + 1)
    if (storage !== undefined && !(storage instanceof Storage))
      throw this.wrong('the storage of a tensor', 'something else')
    if (!tensor.sizes.every((size) => size >= 0))
      throw this.wrong('a tensor whose sizes are not below 0', `${tensor.sizes}`)
    tensor.storage = storage
    return tensor
  }

  private storage(storage: Storage): Storage {
    const bytes = this.long() * storage.type.bytes
    if (!(bytes >= 0)) throw this.wrong('the length of a storage', `${bytes} bytes`)
    const start = this.take(bytes)
    storage.bytes = this.bytes.subarray(start, start + bytes)
    return storage
  }

  private code(depth: number): Code {
    this.take(this.length())
    this.object(depth + 1)
    return new Code()
  }

  private text(): string {
    const length = this.length()
    const start = this.take(length)
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, length).toString('latin1')
  }

  private length(): number {
    const length = this.int()
    if (length < 0) throw this.wrong('a length', `${length}`)
    return length
  }

  private int(): number {
    return this.view.getInt32(this.take(4), true)
  }

  /** What no double holds is no size either. */
  private long(): number {
    const value = Number(this.view.getBigInt64(this.take(8), true))
    if (!Number.isSafeInteger(value)) throw this.wrong('a whole number below 2^53', `${value}`)
    return value
  }

  /** Where `count` bytes begin, which are then read. */
  private take(count: number): number {
    const start = this.at
    if (count > this.bytes.length - start) {
      throw this.wrong(
        `${count} bytes`,
        `${this.bytes.length - start}: the file is cut short, or not of a 64-bit machine`,
      )
    }
    this.at += count
    return start
  }

  private wrong(expected: string, received: string) {
    return invalidModel(`${this.file}, byte ${this.at}`, expected, received)
  }
}
