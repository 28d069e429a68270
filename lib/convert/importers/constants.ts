/** Constants, and what nodes say of shapes and axes by them. */
import { invalidModel } from '../../errors.js'
import { elementCount } from '../../files/model/tensor.js'
import { type Constant, describeNode, intAttribute, intsAttribute, type SourceNode } from './source.js'

export function scalar(value: number): Constant {
  return { dims: [], data: Float32Array.of(value) }
}

export function integers(values: readonly number[]): Constant {
  return { dims: [values.length], data: Float64Array.from(values) }
}

/** The one value of a constant that has one, or whose values are all equal; undefined otherwise. */
export function uniformValue(constant: Constant | undefined): number | undefined {
  const first = constant?.data[0]
  return first !== undefined && constant?.data.every((value) => value === first) ? first : undefined
}

/** NumPy has at most so many dimensions; the networks that are read have 6. */
export const maxRank = 64

/** Throws where there are more: each element's place is computed from all of them. */
export function checkRank(node: SourceNode, rank: number): void {
  if (rank > maxRank) throw invalidModel(describeNode(node), `at most ${maxRank} dimensions`, rank)
}

/** Target of a Reshape: 0 copies a dimension, one -1 takes what is left. */
export function resolveReshape(node: SourceNode, dims: readonly number[], shape: Constant): number[] {
  const allowZero = intAttribute(node, 'allowzero', 0) !== 0
  checkRank(node, shape.data.length)
  const target = Array.from(shape.data, (extent, i) => (extent === 0 && !allowZero ? (dims[i] ?? 0) : extent))
  const total = elementCount(dims)
  const known = elementCount(target.filter((extent) => extent !== -1))
  const resolved = target.map((extent) => (extent === -1 ? total / known : extent))
  if (elementCount(resolved) !== total || !resolved.every((extent) => Number.isSafeInteger(extent) && extent >= 0)) {
    throw invalidModel(`shape of ${describeNode(node)}`, `${total} elements`, `[${target.join(', ')}]`)
  }
  return resolved
}

/** Axes are an input from opset 13 on, an attribute before. */
export function axesOf(node: SourceNode, rank: number, input: Constant | undefined): number[] | undefined {
  if (!input && !node.attributes.has('axes')) return undefined
  checkRank(node, input?.data.length ?? 0)
  const axes = input ? Array.from(input.data) : intsAttribute(node, 'axes', [])
  checkRank(node, axes.length)
  const positive = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b)
  if (positive.some((axis) => !Number.isInteger(axis) || axis < 0 || axis >= rank)) {
    throw invalidModel(`axes of ${describeNode(node)}`, `-${rank}..${rank - 1}`, `[${axes.join(', ')}]`)
  }
  return positive
}

export function squeezedDims(node: SourceNode, dims: readonly number[], axesInput: Constant | undefined): number[] {
  if (node.op === 'Squeeze') {
    const axes = axesOf(node, dims.length, axesInput)
    const dropped = dims.filter((extent, axis) => (axes ? axes.includes(axis) : extent === 1))
    if (dropped.some((extent) => extent !== 1)) {
      throw invalidModel(`axes of ${describeNode(node)}`, 'dimensions of 1', dims.join('x'))
    }
    return dims.filter((extent, axis) => !(axes ? axes.includes(axis) : extent === 1))
  }
  checkRank(node, axesInput?.data.length ?? 0)
  const added = axesInput ? axesInput.data.length : intsAttribute(node, 'axes', []).length
  const result = [...dims]
  for (const axis of axesOf(node, dims.length + added, axesInput) ?? []) result.splice(axis, 0, 1)
  return result
}

/** Values that a small constant may be stretched or filled to. */
const growthLimit = 1 << 20

/** Throws where a constant of these dimensions would be far larger than what it is made of: the largest input, unless told. */
export function checkGrowth(
  node: SourceNode,
  dims: readonly number[],
  inputs: readonly Constant[],
  of = (lengths: number[]) => Math.max(...lengths),
): number {
  const largest = Math.max(growthLimit, of(inputs.map(({ data }) => data.length)))
  const count = elementCount(dims)
  const sound = dims.every((extent) => Number.isSafeInteger(extent) && extent >= 0) && count <= largest
  if (!sound) throw invalidModel(`inputs of ${describeNode(node)}`, `at most ${largest} values`, dims.join('x'))
  return count
}

/** The dimensions of two constants that numpy would combine. */
export function broadcastDims(node: SourceNode, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  checkRank(node, rank)
  const [left, right] = [a, b].map((dims) => [...Array<number>(rank - dims.length).fill(1), ...dims])
  return left!.map((extent, axis) => {
    const other = right![axis]!
    if (extent === other || other === 1) return extent
    if (extent === 1) return other
    throw invalidModel(`inputs of ${describeNode(node)}`, 'shapes that fit', `${a.join('x')} and ${b.join('x')}`)
  })
}

/** Whole numbers are Float64Array, all others Float32Array. */
export const isWhole = ({ data }: Constant): boolean => data instanceof Float64Array

/** Maps a flat index into `dims` to one into `from`, whose axes of 1 are stretched, and which may have fewer of them. */
export function broadcastIndex(from: readonly number[], dims: readonly number[]): (index: number) => number {
  const own = [...Array<number>(dims.length - from.length).fill(1), ...from]
  return (index) => {
    let [rest, result, stride] = [index, 0, 1]
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      if (own[axis] !== 1) result += (rest % dims[axis]!) * stride
      rest = Math.floor(rest / dims[axis]!)
      stride *= own[axis]!
    }
    return result
  }
}

export type Combine = (a: number, b: number) => number

/** Two inputs broadcast as numpy does: dimensions aligned at the right, 1 stretched. */
export function broadcast(
  node: SourceNode,
  combine: Combine,
  a: Constant,
  b: Constant,
  type: Float64ArrayConstructor | Float32ArrayConstructor = Float32Array,
): Constant {
  const dims = broadcastDims(node, a.dims, b.dims)
  const data = new type(checkGrowth(node, dims, [a, b]))
  const [left, right] = [broadcastIndex(a.dims, dims), broadcastIndex(b.dims, dims)]
  for (let i = 0; i < data.length; i++) data[i] = combine(a.data[left(i)]!, b.data[right(i)]!)
  return { dims, data }
}
