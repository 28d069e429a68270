/** Tensors of ONNX files, inside the file or in one beside it, which are read only where something asks for their values. */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { cannotRead, invalidModel } from '../../errors.js'
import { dataType, type OnnxTensor } from '../../files/model/onnx_schema.js'
import { elementCount, toFloat32 } from '../../files/model/tensor.js'
import { halfToFloat } from '../../files/model/tensor_reader.js'
import { maxRank } from './constants.js'
import type { Constant } from './source.js'

/**
 * `folder`: where the model lies, if it is a file. What is wrong with the tensor is thrown when its dimensions or values are
 * asked for: one that nothing uses harms nobody.
 */
export function readTensor(tensor: OnnxTensor, folder?: string): Constant {
  const known = made.get(tensor) ?? makeConstant(tensor, folder)
  made.set(tensor, known)
  return known
}

/** The body of a function has its tensors once, however often it is called. */
const made = new WeakMap<OnnxTensor, Constant>()

function makeConstant(tensor: OnnxTensor, folder?: string): Constant {
  let dims: number[] | undefined
  let data: Constant['data'] | undefined
  return {
    type: tensor.dataType,
    get dims() {
      dims ??= dimsOf(tensor)
      return dims
    },
    get data() {
      data ??= dataOf(tensor, this.dims, folder)
      return data
    },
  }
}

function dimsOf({ name, dims }: OnnxTensor): number[] {
  if (dims.length > maxRank) throw invalidModel(`dims of ${name}`, `at most ${maxRank} dimensions`, dims.length)
  const sizes = dims.map(Number)
  if (!sizes.every((extent) => extent >= 0) || !Number.isSafeInteger(elementCount(sizes))) {
    throw invalidModel(`dims of ${name}`, 'a size that fits in memory', dims.join('x'))
  }
  return sizes
}

function dataOf(tensor: OnnxTensor, dims: readonly number[], folder?: string): Constant['data'] {
  const count = elementCount(dims)
  const data = decode(tensor, count, folder)
  if (data.length === count) return data
  throw invalidModel(`data of ${tensor.name}`, `${count} values for ${dims.join('x')}`, `${data.length}`)
}

interface Encoding {
  bytes: number
  /** Bytes of the file, aligned. */
  packed: (buffer: ArrayBuffer) => Constant['data']
  /** The field that holds the values where they are not bytes. */
  field: (tensor: OnnxTensor) => Constant['data']
}

/** int64 counts and indexes: what is beyond 2^53 (slices to "the end") becomes the nearest double, which no size can be. */
const whole = (values: Iterable<bigint | number> & ArrayLike<bigint | number>) => Float64Array.from(values, Number)
const asFloat = (bits: number) => toFloat32({ dtype: 'bf16', shape: [], data: Uint16Array.of(bits) })[0]!
const integers = (bytes: number, packed: Encoding['packed']): Encoding => ({
  bytes,
  packed,
  field: ({ int32Data }) => whole(int32Data),
})

const encodings: Readonly<Record<number, Encoding>> = {
  [dataType.float]: {
    bytes: 4,
    packed: (buffer) => new Float32Array(buffer),
    field: ({ floatData }) => Float32Array.from(floatData),
  },
  [dataType.double]: {
    bytes: 8,
    packed: (buffer) => Float32Array.from(new Float64Array(buffer)),
    field: ({ doubleData }) => Float32Array.from(doubleData),
  },
  [dataType.float16]: {
    bytes: 2,
    packed: (buffer) => Float32Array.from(new Uint16Array(buffer), halfToFloat),
    field: ({ int32Data }) => Float32Array.from(int32Data, halfToFloat),
  },
  [dataType.bfloat16]: {
    bytes: 2,
    packed: (buffer) => toFloat32({ dtype: 'bf16', shape: [], data: new Uint16Array(buffer) }),
    field: ({ int32Data }) => Float32Array.from(int32Data, asFloat),
  },
  [dataType.int64]: {
    bytes: 8,
    packed: (buffer) => whole(new BigInt64Array(buffer)),
    field: ({ int64Data }) => whole(int64Data),
  },
  [dataType.uint64]: {
    bytes: 8,
    packed: (buffer) => whole(new BigUint64Array(buffer)),
    field: ({ uint64Data }) => whole(uint64Data),
  },
  [dataType.uint32]: {
    bytes: 4,
    packed: (buffer) => whole(new Uint32Array(buffer)),
    field: ({ uint64Data }) => whole(uint64Data),
  },
  [dataType.int32]: integers(4, (buffer) => whole(new Int32Array(buffer))),
  [dataType.int16]: integers(2, (buffer) => whole(new Int16Array(buffer))),
  [dataType.uint16]: integers(2, (buffer) => whole(new Uint16Array(buffer))),
  [dataType.int8]: integers(1, (buffer) => whole(new Int8Array(buffer))),
  [dataType.uint8]: integers(1, (buffer) => whole(new Uint8Array(buffer))),
  [dataType.bool]: integers(1, (buffer) => whole(new Uint8Array(buffer))),
}

export function typeName(type: number): string {
  return Object.entries(dataType).find(([, number]) => number === type)?.[0] ?? `type ${type}`
}

function decode(tensor: OnnxTensor, count: number, folder?: string): Constant['data'] {
  const { name, rawData, dataLocation } = tensor
  const encoding = encodings[tensor.dataType]
  if (!encoding) {
    const known = Object.keys(encodings).map((type) => typeName(Number(type)))
    throw invalidModel(`data type of ${name}`, `one of ${known.join(', ')}`, typeName(tensor.dataType))
  }
  const { bytes, packed, field } = encoding
  if (dataLocation !== 0) return packed(readExternal(tensor, count * bytes, folder))
  if (rawData.length === 0) return field(tensor)
  if (rawData.length % bytes !== 0) {
    throw invalidModel(`data of ${name}`, `a multiple of ${bytes} bytes`, `${rawData.length}`)
  }
  // The bytes may start anywhere in the file; typed arrays want alignment.
  return packed(new Uint8Array(rawData).buffer)
}

/**
 * The bytes of a tensor in a file beside the model. Only a plain file in the model's own folder or below it, wherever links
 * lead: a model must not be able to have any other file read.
 */
function readExternal({ name, externalData }: OnnxTensor, bytes: number, folder?: string): ArrayBuffer {
  const entries = new Map(externalData.map(({ key, value }) => [key, value]))
  const location = entries.get('location') ?? ''
  if (folder === undefined)
    throw invalidModel(`tensor ${name}`, 'its data inside the ONNX file', `a reference to ${location}`)
  const path = insideFolder(name, folder, location)
  const offset = numberOf(name, 'offset', entries.get('offset') ?? '0')
  const length = numberOf(name, 'length', entries.get('length') ?? String(bytes))
  if (length !== bytes) throw invalidModel(`length of ${name} in ${location}`, `${bytes} bytes`, `${length}`)
  try {
    // Not a pipe or a device, which would be waited for: what was opened says what it is, as its name may have another by then.
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const found = fstatSync(file)
      if (!found.isFile()) throw outside(name, `${location}, which is no plain file`)
      if (offset + bytes > found.size) {
        throw invalidModel(
          `data of ${name}`,
          `bytes ${offset} to ${offset + bytes} of ${location}`,
          `a file of ${found.size} bytes`,
        )
      }
      const buffer = new Uint8Array(bytes)
      for (let done = 0; done < bytes; ) {
        const read = readSync(file, buffer, done, bytes - done, offset + done)
        if (read === 0) throw invalidModel(`data of ${name}`, `${bytes} bytes of ${location}`, `${done}`)
        done += read
      }
      return buffer.buffer
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw cannotRead(path, 'a readable file', cause)
  }
}

const outside = (name: string, received: string) =>
  invalidModel(`location of ${name}`, `a file in the model's own folder (copy it there)`, received)

function insideFolder(name: string, folder: string, location: string): string {
  if (location === '' || location.includes('\0') || isAbsolute(location) || /^[A-Za-z]:|\\/.test(location)) {
    throw outside(name, JSON.stringify(location))
  }
  const path = join(folder, location)
  const leaves = (from: string, to: string) => /^(\.\.)?$/.test(relative(from, to).split(sep)[0]!)
  if (leaves(folder, path)) throw outside(name, location)
  try {
    const [root, real] = [realpathSync(folder), realpathSync(path)]
    if (leaves(root, real) || isAbsolute(relative(root, real))) throw outside(name, location)
    return real
  } catch (cause) {
    throw cannotRead(path, 'a readable file', cause)
  }
}

function numberOf(name: string, key: string, text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(value)) throw invalidModel(`${key} of ${name}`, 'a whole number', JSON.stringify(text))
  return value
}
