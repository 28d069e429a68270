/** Writes the few pickles that tests read: values, calls of named functions, and references to storages. */
import { zipSync } from 'fflate'

/** A call of a function by its name, and then, where there is one, the state it is given. */
export class Call {
  constructor(
    readonly module: string,
    readonly name: string,
    readonly args: readonly Value[],
    readonly state?: Value,
  ) {}
}
/** A class or a function by its name. */
export class Global {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
}
/** What is stored outside of the pickle. */
export class Persistent {
  constructor(readonly id: Value) {}
}
/** Arrays are tuples. */
export type Value =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | { readonly list: readonly Value[] }
  | Call
  | Global
  | Persistent

export interface Style {
  /** Bytes as Python 2 writes them (a string), as Python 3 does for Python 2 (a call), or as bytes. */
  bytes?: 'python2' | 'encoded' | 'bytes'
}

const byte = (...values: number[]) => Buffer.from(values)
const op = (character: string) => Buffer.from(character, 'latin1')

export function pickle(value: Value, style: Style = {}): Uint8Array {
  return Buffer.concat([byte(0x80, 2), encode(value, style), op('.')])
}

function encode(value: Value, style: Style): Buffer {
  if (value === null) return op('N')
  if (typeof value === 'boolean') return byte(value ? 0x88 : 0x89)
  if (typeof value === 'number') return sized('J', value, Buffer.alloc(0))
  if (typeof value === 'string') return sized('X', Buffer.byteLength(value), Buffer.from(value))
  if (value instanceof Uint8Array) return encodeBytes(value, style)
  if (value instanceof Map) {
    const items = [...value].flatMap(([key, item]) => [encode(key, style), encode(item, style)])
    return Buffer.concat([op('}('), ...items, op('u')])
  }
  if (value instanceof Global) return op(`c${value.module}\n${value.name}\n`)
  if (value instanceof Call) {
    const state = value.state === undefined ? [] : [encode(value.state, style), op('b')]
    return Buffer.concat([op(`c${value.module}\n${value.name}\n`), encode(value.args, style), op('R'), ...state])
  }
  if (value instanceof Persistent) return Buffer.concat([encode(value.id, style), op('Q')])
  if ('list' in value) return Buffer.concat([op(']('), ...value.list.map((item) => encode(item, style)), op('e')])
  return Buffer.concat([op('('), ...(value as readonly Value[]).map((item) => encode(item, style)), op('t')])
}

function encodeBytes(value: Uint8Array, style: Style): Buffer {
  if (style.bytes === 'encoded') {
    return encode(new Call('_codecs', 'encode', [Buffer.from(value).toString('latin1'), 'latin1']), style)
  }
  return sized(style.bytes === 'python2' ? 'T' : 'B', value.length, Buffer.from(value))
}

function sized(code: string, size: number, content: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(code, 'latin1')
  header.writeInt32LE(size, 1)
  return Buffer.concat([header, content])
}

export interface Array32 {
  shape: readonly number[]
  data: Float32Array
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength)

/** `np.save(path, { layer: { parameter: array } })`. */
export function npyDictionary(
  layers: Readonly<Record<string, Readonly<Record<string, Array32>>>>,
  style: Style,
): Uint8Array {
  const parameters = (all: Readonly<Record<string, Array32>>) =>
    new Map(Object.entries(all).map(([name, { shape, data }]) => [name, ndarray(shape, 'f4', bytesOf(data))]))
  const content = new Map(Object.entries(layers).map(([name, all]) => [name, parameters(all)]))
  return npy(pickle(ndarray([], 'O8', { list: [content] }), style))
}

/** The header of an array of objects, with this behind it. */
export function npy(content: Uint8Array): Uint8Array {
  const text = "{'descr': '|O', 'fortran_order': False, 'shape': (), }"
  const header = `${text.padEnd(117)}\n`
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1')
  start.writeUInt16LE(header.length, 8)
  return Buffer.concat([start, Buffer.from(header), content])
}

function ndarray(shape: readonly number[], code: string, content: Value): Value {
  const dtype = new Call('numpy', 'dtype', [code, 0, 1], [3, code[0] === 'O' ? '|' : '<', null, null, null, -1, -1, 0])
  const type = new Global('numpy', 'ndarray')
  const state = [1, shape, dtype, false, content]
  return new Call('numpy.core.multiarray', '_reconstruct', [type, [0], new Uint8Array([98])], state)
}

/** `torch.save(stateDict, path)`. A tensor's `strides` are those of its rows unless told. */
export type StateDict = Readonly<Record<string, Array32 & { strides?: readonly number[] }>>

function stateDict(tensors: StateDict, legacy: boolean): Value {
  return new Map(
    Object.entries(tensors).map(([name, { shape, strides, data }], index) => {
      const id = [
        'storage',
        new Global('torch', 'FloatStorage'),
        `${index}`,
        'cpu',
        data.length,
        ...(legacy ? [null] : []),
      ]
      const rows = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
      const hooks = new Call('collections', 'OrderedDict', [])
      const args = [new Persistent(id), 0, shape, strides ?? rows, false, hooks]
      return [name, new Call('torch._utils', '_rebuild_tensor_v2', args)]
    }),
  )
}

export function torchZip(tensors: StateDict): Uint8Array {
  const storages = Object.values(tensors).map(({ data }, index) => [`archive/data/${index}`, bytesOf(data)])
  const files = { 'archive/data.pkl': pickle(stateDict(tensors, false)), ...Object.fromEntries(storages) }
  return zipSync(
    { ...files, 'archive/byteorder': Buffer.from('little'), 'archive/version': Buffer.from('3\n') },
    { level: 0 },
  )
}

/** As PyTorch wrote them before 1.6. */
export function torchLegacy(tensors: StateDict): Uint8Array {
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex')
  const machine = new Map([['little_endian', true]])
  const keys = { list: Object.keys(tensors).map((_, index) => `${index}`) }
  const storages = Object.values(tensors).flatMap(({ data }) => {
    const count = Buffer.alloc(8)
    count.writeBigInt64LE(BigInt(data.length))
    return [count, bytesOf(data)]
  })
  return Buffer.concat([
    magic,
    pickle(1001),
    pickle(machine),
    pickle(stateDict(tensors, true)),
    pickle(keys),
    ...storages,
  ])
}
