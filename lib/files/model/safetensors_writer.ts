/** Writer of safetensors. The header is padded with spaces so that the first tensor starts at a multiple of 64 bytes. */
import { invalidArgument } from '../../errors.js'
import { type WriteChunk, type WriteOptions, writeAtomically } from '../atomic_write.js'
import type { StoredTensor } from './palette.js'
import { bytesOf, elementCount } from './tensor.js'

const alignment = 64

export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteOptions = {},
): Promise<void> {
  const header = encodeHeader(tensors, metadata)
  const produce = async (write: WriteChunk) => {
    await write(header)
    for (const { data } of tensors.values()) await write(bytesOf(data))
  }
  await writeAtomically(path, produce, options)
}

/** Length prefix and JSON. */
function encodeHeader(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  // Entries become own properties whatever their names: a tensor may be called `__proto__`.
  const entries: [string, unknown][] = [['__metadata__', metadata]]
  let end = 0
  for (const [name, tensor] of tensors) {
    checkTensor(name, tensor)
    const begin = end
    end += tensor.data.byteLength
    entries.push([name, { dtype: tensor.dtype.toUpperCase(), shape: tensor.shape, data_offsets: [begin, end] }])
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const bytes = new Uint8Array(Math.ceil((8 + json.length) / alignment) * alignment).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true)
  bytes.set(json, 8)
  return bytes
}

function checkTensor(name: string, { shape, data }: StoredTensor): void {
  if (name === '__metadata__') throw invalidArgument('tensors', "names other than '__metadata__'", name)
  if (elementCount(shape) !== data.length) {
    throw invalidArgument(`tensor ${name}`, `${elementCount(shape)} values for ${shape.join('x')}`, `${data.length}`)
  }
}
