/** Tensors in memory: what importers make, what model files are written from and what exporters read. */
import { types } from 'node:util'
import type { StoredDType, TensorEntry, WeightSource } from '../../../types/native.js'
import { invalidArgument, invalidModel } from '../../errors.js'
import { checkAttached } from '../../native/check_arguments.js'

/** `f32` values, or the upper 16 bits of fp32 values for `bf16`, in row-major order. */
export type Tensor = { shape: number[] } & ({ dtype: 'f32'; data: Float32Array } | { dtype: 'bf16'; data: Uint16Array })

/** Tensors by the names that a graph's nodes give them. */
export type Tensors = ReadonlyMap<string, Tensor>

export const elementBytes: Record<StoredDType, number> = { f32: 4, bf16: 2 }

export function f32Tensor(shape: readonly number[], data: Float32Array): Extract<Tensor, { dtype: 'f32' }> {
  return { dtype: 'f32', shape: [...shape], data }
}

/** A copy of a tensor that callers give. */
export function givenTensor(name: string, { shape, data }: { shape: readonly number[]; data: unknown }): Tensor {
  if (ArrayBuffer.isView(data)) checkAttached(data, `tensor ${name}`)
  if (types.isFloat32Array(data)) return { dtype: 'f32', shape: [...shape], data: data.slice() }
  if (types.isUint16Array(data)) return { dtype: 'bf16', shape: [...shape], data: data.slice() }
  throw invalidArgument(`tensor ${name}`, 'a Float32Array or a Uint16Array of data', data)
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1)
}

export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

export function toFloat32(tensor: Tensor): Float32Array {
  if (tensor.dtype === 'f32') return tensor.data
  const values = new Float32Array(tensor.data.length)
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < bits.length; i++) bits[i] = tensor.data[i]! << 16
  return values
}

/** Rounds to nearest, ties to even, as `native/core/dtype.h` does; a NaN stays a NaN. */
export function toBfloat16(tensor: Tensor): Tensor {
  if (tensor.dtype === 'bf16') return tensor
  const bits = new Uint32Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length)
  const data = Uint16Array.from(bits, (wide, i) =>
    Number.isNaN(tensor.data[i]) ? (wide >>> 16) | 0x40 : (wide + 0x7fff + ((wide >>> 16) & 1)) >>> 16,
  )
  return { dtype: 'bf16', shape: tensor.shape, data }
}

/** The tensor of a graph's node. Throws ERR_FACENET_MODEL_INVALID where it is not there. */
export function tensorOf(tensors: Tensors, name: string): Tensor {
  const tensor = tensors.get(name)
  if (!tensor) throw invalidModel(name, 'a tensor of this name', 'none')
  return tensor
}

/**
 * Tensors as one buffer, for opening a model that is in memory only. Each starts at a multiple of 64 bytes. The addon reads it where
 * it is, so it is for one call, and nobody else may have it.
 */
export function weightSource(tensors: Tensors): WeightSource {
  const entries: TensorEntry[] = []
  let end = 0
  for (const [name, { dtype, shape, data }] of tensors) {
    const offset = Math.ceil(end / 64) * 64
    entries.push({ name, dtype, shape, offset, bytes: data.byteLength })
    end = offset + data.byteLength
  }
  const buffer = new Uint8Array(end)
  for (const { name, offset } of entries) buffer.set(bytesOf(tensors.get(name)!.data), offset)
  return { tensors: entries, buffer }
}
