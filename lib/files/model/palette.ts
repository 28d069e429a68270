/**
 * Tensors of few values, stored in a byte an element: weights that were once rounded to 8 bits keep that size, and their bits. A tensor
 * `x` is then U8, and its elements are indices into the fp32 values of `x@palette`. The metadata says so: `storage` is `palette`.
 */
import { invalidModel } from '../../errors.js'
import type { ReadRange, SafetensorsEntry, SafetensorsHeader } from './safetensors.js'
import { f32Tensor, type Tensor, type Tensors } from './tensor.js'

/** What is written: tensors, and indices into palettes. */
export type StoredTensor = Tensor | { dtype: 'u8'; shape: number[]; data: Uint8Array }

/** The metadata of a file with palettes. */
export const paletteStorage = { storage: 'palette' } as const

const paletteOf = (name: string) => `${name}@palette`
/** A palette of fewer elements saves nothing worth a second tensor. */
const fewestElements = 1024
const mostValues = 256

/** Each fp32 tensor of at most 256 values as indices and palette; the others as they are. */
export function toPalettes(tensors: Tensors): Map<string, StoredTensor> {
  const stored = new Map<string, StoredTensor>()
  for (const [name, tensor] of tensors) {
    const indexed = tensor.dtype === 'f32' && tensor.data.length >= fewestElements ? indexOf(tensor.data) : undefined
    if (!indexed || tensors.has(paletteOf(name))) stored.set(name, tensor)
    else {
      stored.set(name, { dtype: 'u8', shape: tensor.shape, data: indexed.indices })
      stored.set(paletteOf(name), f32Tensor([indexed.values.length], indexed.values))
    }
  }
  return stored
}

/** Values are told apart by their bits: 0 and -0 are two. */
function indexOf(data: Float32Array): { indices: Uint8Array; values: Float32Array } | undefined {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
  const known = new Map<number, number>()
  const indices = new Uint8Array(data.length)
  for (let i = 0; i < bits.length; i++) {
    let index = known.get(bits[i]!)
    if (index === undefined) {
      index = known.size
      if (index === mostValues) return undefined
      known.set(bits[i]!, index)
    }
    indices[i] = index
  }
  return { indices, values: new Float32Array(Uint32Array.from(known.keys()).buffer) }
}

/** Whether a file's tensors have to be read whole before they are used. In files of others an entry of that name says nothing. */
export function hasPalettes({ metadata }: Pick<SafetensorsHeader, 'metadata'>): boolean {
  if (metadata.get('format') !== 'facenet-native') return false
  const storage = metadata.get('storage')
  if (storage !== undefined && storage !== paletteStorage.storage) {
    throw invalidModel('storage', `${paletteStorage.storage}, or no entry`, storage)
  }
  return storage !== undefined
}

/** The tensors of a file with palettes, each element looked up; `readOne` reads those without. */
export async function readPalettes(
  { tensors }: SafetensorsHeader,
  read: ReadRange,
  readOne: (entry: SafetensorsEntry, read: ReadRange) => Promise<Tensor>,
): Promise<Map<string, Tensor>> {
  const entries = new Map(tensors.map((entry) => [entry.name, entry]))
  const palettes = new Set(tensors.filter(({ dtype }) => dtype === 'U8').map(({ name }) => paletteOf(name)))
  const values = new Map<string, Tensor>()
  for (const entry of tensors) {
    if (entry.dtype === 'U8') values.set(entry.name, await readIndexed(entry, entries, read))
    else if (!palettes.has(entry.name)) values.set(entry.name, await readOne(entry, read))
  }
  return values
}

async function readIndexed(
  { name, shape, offset, bytes }: SafetensorsEntry,
  entries: ReadonlyMap<string, SafetensorsEntry>,
  read: ReadRange,
): Promise<Tensor> {
  const entry = entries.get(paletteOf(name))
  const count = entry?.dtype === 'F32' && entry.shape.length === 1 ? entry.shape[0]! : 0
  if (!entry || count === 0 || count > mostValues) {
    const received = entry ? `${entry.dtype} ${entry.shape.join('x')}` : 'none'
    throw invalidModel(paletteOf(name), `an F32 tensor of 1 to ${mostValues} values`, received)
  }
  const palette = new Float32Array(new Uint8Array(await read(entry.offset, entry.bytes)).buffer)
  const indices = await read(offset, bytes)
  const data = new Float32Array(indices.length)
  for (let i = 0; i < data.length; i++) {
    const index = indices[i]!
    if (index >= count) throw invalidModel(name, `indices below ${count}, the length of its palette`, `${index}`)
    data[i] = palette[index]!
  }
  return f32Tensor(shape, data)
}
