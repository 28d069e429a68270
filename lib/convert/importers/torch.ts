/**
 * PyTorch's state dictionaries (`torch.save(model.state_dict(), path)`): since PyTorch 1.6 a zip of a pickle and a file for
 * each storage, before that a row of pickles with the storages behind them.
 */
import { type UnzipFileFilter, type Unzipped, unzipSync } from 'fflate'
import { FaceNetError, invalidModel } from '../../errors.js'
import { elementCount, f32Tensor, type Tensor, toFloat32 } from '../../files/model/tensor.js'
import { halfToFloat } from '../../files/model/tensor_reader.js'
import { type AllowList, ElementBudget, functionOf, mapOf, PickleReader, sizesOf, unpickle } from './pickle.js'

/** Tensors by name; those that are not of floats (counters of batches) are left out. */
export function readAll(entries: ReadonlyMap<string, () => Tensor | undefined>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  for (const [name, read] of entries) {
    const tensor = read()
    if (tensor) tensors.set(name, tensor)
  }
  return tensors
}

/**
 * By name, what reads a tensor: undefined where it is not of floats. Checkpoints that have a `state_dict` are that. `file` stands for
 * the bytes in errors.
 */
export function openStateDict(bytes: Uint8Array, file: string): Map<string, () => Tensor | undefined> {
  const { root, storages } = isZip(bytes) ? readZip(bytes, file) : readLegacy(bytes, file)
  const entries = mapOf(root, file)
  const inner = ['state_dict', 'model_state_dict']
    .map((name) => entries.get(name))
    .find((value) => value instanceof Map)
  const budget = new ElementBudget(file, bytes.length)
  const tensors = new Map<string, () => Tensor | undefined>()
  for (const [name, value] of inner ? mapOf(inner, file) : entries) {
    if (!(value instanceof PickledTensor)) throw invalidModel(`${name} of ${file}`, 'a tensor', value)
    tensors.set(name, () => value.read(`${name} of ${file}`, storages, budget))
  }
  return tensors
}

type Storages = ReadonlyMap<string, Uint8Array>

interface StateDict {
  root: unknown
  storages: Storages
}

/** Of whole modules, which are pickles of the program's own classes. */
const advice = 'a state dictionary, as torch.save(model.state_dict(), path) writes it'

const isZip = (bytes: Uint8Array) => bytes[0] === 0x50 && bytes[1] === 0x4b

/** `<name>/data.pkl`, and `<name>/data/<key>` for each storage. None is compressed. */
function readZip(bytes: Uint8Array, file: string): StateDict {
  const storages = new Map<string, Uint8Array>()
  let [pickle, total]: [Uint8Array | undefined, number] = [undefined, 0]
  const wanted = /(?:^|\/)(?:data\.pkl|data\/[^/]+|byteorder)$/
  const entries = unzipped(bytes, file, ({ name, compression, originalSize }) => {
    if (!wanted.test(name)) return false
    total += originalSize
    if (compression !== 0 || total > bytes.length) throw invalidModel(`${name} of ${file}`, 'a stored entry', 'another')
    return true
  })
  for (const [name, content] of Object.entries(entries)) {
    if (name.endsWith('data.pkl')) pickle = content
    else if (!name.endsWith('byteorder')) storages.set(name.slice(name.lastIndexOf('/') + 1), content)
    else if (Buffer.from(content).toString('latin1') !== 'little')
      throw invalidModel(file, 'little-endian data', 'other')
  }
  if (!pickle) throw invalidModel(file, 'a file of PyTorch, with a data.pkl', 'another zip')
  return { root: unpickle(new PickleReader(pickle), file, allowed, { persistent: storageOf, advice }), storages }
}

function unzipped(bytes: Uint8Array, file: string, filter: UnzipFileFilter): Unzipped {
  try {
    return unzipSync(bytes, { filter })
  } catch (cause) {
    throw cause instanceof FaceNetError ? cause : invalidModel(file, 'a whole zip', String(cause), cause)
  }
}

/** The first pickle: the number that PyTorch's old files begin with, which is wider than what the parser reads. */
const legacyMagic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex')

/** Pickles of a magic number, a version, facts of the machine, the dictionary and the storages' keys; then the storages. */
function readLegacy(bytes: Uint8Array, file: string): StateDict {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!view.subarray(0, legacyMagic.length).equals(legacyMagic)) {
    throw invalidModel(file, 'a file of PyTorch', 'other bytes')
  }
  const types = new Map<string, StorageType>()
  const noted = (id: unknown) => {
    const storage = storageOf(id)
    types.set(storage.key, storage.type)
    return storage
  }
  const reader = new PickleReader(bytes)
  reader.skip(legacyMagic.length)
  unpickle(reader, file, allowed)
  unpickle(reader, file, allowed)
  const root = unpickle(reader, file, allowed, { persistent: noted, advice })
  const keys = unpickle(reader, file, allowed)
  if (!Array.isArray(keys)) throw invalidModel(`storages of ${file}`, 'a list of keys', keys)
  const storages = new Map<string, Uint8Array>()
  let at = reader.position
  for (const key of keys) {
    const elementBytes = types.get(key)?.bytes
    if (!elementBytes || at + 8 > bytes.length) throw invalidModel(`storage of ${file}`, 'one that the file holds', key)
    const end = at + 8 + Number(view.readBigInt64LE(at)) * elementBytes
    if (!(end >= at + 8 && end <= bytes.length)) throw invalidModel(file, 'whole storages', 'a file that ends before')
    storages.set(key, bytes.subarray(at + 8, end))
    at = end
  }
  return { root, storages }
}

/** `torch.FloatStorage` and the like. `floats` is missing where there are none. */
class StorageType {
  constructor(
    readonly bytes: number,
    readonly floats?: (buffer: ArrayBuffer) => Float32Array,
  ) {}
}

class StorageReference {
  constructor(
    readonly type: StorageType,
    readonly key: string,
  ) {}
}

/** Storages are named by ('storage', type, key, device, elements, ...). */
function storageOf(id: unknown): StorageReference {
  const [kind, type, key] = Array.isArray(id) ? id : []
  const known = storageTypes.get(functionOf(type))
  if (kind !== 'storage' || !known || typeof key !== 'string') throw invalidModel('reference', 'a storage', id)
  return new StorageReference(known, key)
}

class PickledTensor {
  constructor(
    private readonly storage: unknown,
    private readonly offset: unknown,
    private readonly shape: unknown,
    private readonly strides: unknown,
  ) {}

  read(what: string, storages: Storages, budget: ElementBudget): Tensor | undefined {
    const { storage, offset } = this
    if (!(storage instanceof StorageReference)) throw invalidModel(`storage of ${what}`, 'a storage', storage)
    const bytes = storages.get(storage.key)
    if (!bytes) throw invalidModel(`storage of ${what}`, 'one that the file holds', storage.key)
    if (!storage.type.floats) return undefined
    const shape = sizesOf(this.shape, `shape of ${what}`)
    const strides = sizesOf(this.strides, `strides of ${what}`)
    const { bytes: width } = storage.type
    const length = Math.floor(bytes.length / width)
    const first = typeof offset === 'number' ? offset : Number.NaN
    const last = shape.reduce((end, size, axis) => end + (size - 1) * strides[axis]!, first)
    const count = elementCount(shape)
    const sound = shape.length === strides.length && Number.isSafeInteger(first) && first >= 0
    if (!sound || !(last < length) || count > length) {
      throw invalidModel(what, `elements within the ${length} of its storage`, `${count} up to ${last}`)
    }
    if (count === 0) return f32Tensor(shape, new Float32Array(0))
    budget.take(last + 1 - first)
    const values = storage.type.floats(new Uint8Array(bytes.subarray(first * width, (last + 1) * width)).buffer)
    return f32Tensor(shape, stridedCopy(values, 0, shape, strides, count))
  }
}

/** Row-major copy of a view: PyTorch keeps a transposed tensor as it lay, with other strides. */
export function stridedCopy(
  values: Float32Array,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
  count: number,
): Float32Array {
  const rows = shape.map((_, axis) => elementCount(shape.slice(axis + 1)))
  if (rows.every((stride, axis) => stride === strides[axis])) return values.slice(offset, offset + count)
  const result = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    let [rest, at] = [i, offset]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * strides[axis]!
      rest = Math.floor(rest / shape[axis]!)
    }
    result[i] = values[at]!
  }
  return result
}

const types = {
  'torch.FloatStorage': new StorageType(4, (buffer) => new Float32Array(buffer)),
  'torch.DoubleStorage': new StorageType(8, (buffer) => Float32Array.from(new Float64Array(buffer))),
  'torch.HalfStorage': new StorageType(2, (buffer) => Float32Array.from(new Uint16Array(buffer), halfToFloat)),
  'torch.BFloat16Storage': new StorageType(2, (buffer) =>
    toFloat32({ dtype: 'bf16', shape: [], data: new Uint16Array(buffer) }),
  ),
  'torch.LongStorage': new StorageType(8),
}

/** In a pickle a class is what can be called; none of these ever is. */
const storageClasses = Object.keys(types).map((name) => [name, () => new StorageType(0)] as const)
const storageTypes = new Map<unknown, StorageType>(
  storageClasses.map(([name, mark]) => [mark, types[name as keyof typeof types]]),
)

const allowed: AllowList = {
  'collections.OrderedDict': () => new Map(),
  'torch._utils._rebuild_tensor_v2': (storage, offset, shape, strides) =>
    new PickledTensor(storage, offset, shape, strides),
  'torch._utils._rebuild_parameter': (data) => data,
  ...Object.fromEntries(storageClasses),
}
