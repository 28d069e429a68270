/** Reads the tensors of a safetensors file into memory as fp32 or bf16; other float types become fp32. */
import { invalidModel } from '../../errors.js'
import { hasPalettes, readPalettes } from './palette.js'
import {
  type ReadRange,
  readHeaderFrom,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type Source,
  withSource,
} from './safetensors.js'
import type { Tensor } from './tensor.js'

/** A safetensors file with its tensors in memory. */
export interface TensorFile extends SafetensorsHeader {
  /** The tensors by name. */
  values: Map<string, Tensor>
}

/**
 * Reads all tensors of a safetensors file into memory. F16 and F64 become fp32.
 *
 * @param source path or bytes of the file.
 * @throws FaceNetError ERR_FACENET_IO; ERR_FACENET_MODEL_INVALID where it is no safetensors file or holds integers.
 *
 * @example
 * ```ts
 * const { values } = await readTensors('m.safetensors')
 * console.log(values.get('conv1.weight')?.shape)
 * ```
 */
export function readTensors(source: Source): Promise<TensorFile> {
  return withSource(source, async (fileBytes, read) => {
    const header = await readHeaderFrom(fileBytes, read)
    return { ...header, values: await readAllTensors(header, read) }
  })
}

export async function readAllTensors(header: SafetensorsHeader, read: ReadRange): Promise<Map<string, Tensor>> {
  if (hasPalettes(header)) return readPalettes(header, read, readTensor)
  const values = new Map<string, Tensor>()
  for (const entry of header.tensors) values.set(entry.name, await readTensor(entry, read))
  return values
}

async function readTensor({ name, dtype, shape, offset, bytes }: SafetensorsEntry, read: ReadRange): Promise<Tensor> {
  // A copy, so that the view is aligned wherever the tensor lies in the file.
  const { buffer } = new Uint8Array(await read(offset, bytes))
  switch (dtype) {
    case 'F32':
      return { dtype: 'f32', shape, data: new Float32Array(buffer) }
    case 'BF16':
      return { dtype: 'bf16', shape, data: new Uint16Array(buffer) }
    case 'F16':
      return { dtype: 'f32', shape, data: Float32Array.from(new Uint16Array(buffer), halfToFloat) }
    case 'F64':
      return { dtype: 'f32', shape, data: Float32Array.from(new Float64Array(buffer)) }
    default:
      throw invalidModel(`dtype of ${name}`, 'F32, BF16, F16 or F64', dtype)
  }
}

/** IEEE 754 binary16: 1 sign bit, 5 bits of exponent (bias 15), 10 bits of fraction. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
