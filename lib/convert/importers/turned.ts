/** Weights whose source has their axes in another order. */
import { invalidModel } from '../../errors.js'
import { elementCount, type Tensor } from '../../files/model/tensor.js'

export function requireShape(name: string, tensor: Tensor, shape: readonly number[]): void {
  if (tensor.shape.join('x') !== shape.join('x')) throw invalidModel(name, shape.join('x'), tensor.shape.join('x'))
}

/** The axes of a four-dimensional array in another order: axis i of the result is axis `order[i]` of `values`. */
export function permuted(values: Float32Array, dims: readonly number[], order: readonly number[]): Float32Array {
  const strides = dims.map((_, axis) => elementCount(dims.slice(axis + 1)))
  const [d0, d1, d2, d3] = order.map((axis) => dims[axis]!) as [number, number, number, number]
  const [s0, s1, s2, s3] = order.map((axis) => strides[axis]!) as [number, number, number, number]
  const result = new Float32Array(values.length)
  let at = 0
  for (let i = 0; i < d0; i++)
    for (let j = 0; j < d1; j++)
      for (let k = 0; k < d2; k++)
        for (let l = 0; l < d3; l++) result[at++] = values[i * s0 + j * s1 + k * s2 + l * s3]!
  return result
}
