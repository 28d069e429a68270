/** Arithmetic on constants: what an exporter computed step by step is computed here once. */
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

const binary: Record<string, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Max: Math.max,
  Min: Math.min,
}

const unary: Record<string, (a: number) => number> = {
  Neg: (a) => -a,
  Sqrt: Math.sqrt,
  Reciprocal: (a) => 1 / a,
  Abs: Math.abs,
  Exp: Math.exp,
}

/** The constant that a node makes of constants; undefined where the op is none of those worth folding. */
export function foldConstant(node: SourceNode, inputs: readonly Constant[]): Constant | undefined {
  const [a, b] = inputs
  if (node.op === 'Constant') return constantOf(node)
  if (!a) return undefined
  const combine = binary[node.op]
  if (combine && b && inputs.length === 2) return broadcast(node, combine, a, b)
  const map = unary[node.op]
  if (map) return { dims: a.dims, data: a.data.map(map) }
  switch (node.op) {
    case 'Identity':
      return a
    case 'Cast':
      return cast(node, a)
    case 'Reshape':
      return b && { dims: resolveReshape(node, a.dims, b), data: a.data }
    case 'Squeeze':
    case 'Unsqueeze':
      return { dims: squeezedDims(node, a.dims, b), data: a.data }
    case 'Transpose':
      return transpose(node, a)
    case 'Concat':
      return inputs.every(({ dims }) => dims.length === 1) ? concatenateVectors(inputs) : undefined
    case 'Gather':
      return b && gather(node, a, b)
    default:
      return undefined
  }
}

function constantOf(node: SourceNode): Constant | undefined {
  const value =
    node.attributes.get('value') ?? node.attributes.get('value_float') ?? node.attributes.get('value_floats')
  if (typeof value === 'number') return scalar(value)
  if (Array.isArray(value)) return { dims: [value.length], data: Float32Array.from(value) }
  if (typeof value === 'object' && 'data' in value) return value
  const whole = node.attributes.get('value_int') ?? node.attributes.get('value_ints')
  if (typeof whole === 'number') return { dims: [], data: Float64Array.of(whole) }
  return Array.isArray(whole) ? integers(whole) : undefined
}

/** `to`: 6 and 7 are int32 and int64, 1, 10 and 11 the floats. */
function cast(node: SourceNode, { dims, data }: Constant): Constant | undefined {
  const to = intAttribute(node, 'to', 1)
  if (to === 6 || to === 7) return { dims, data: Float64Array.from(data, Math.trunc) }
  return to === 1 || to === 10 || to === 11 ? { dims, data: Float32Array.from(data) } : undefined
}

/** Values that two small constants may be stretched to. */
const outerLimit = 1 << 20

/** Two inputs broadcast as numpy does: dimensions aligned at the right, 1 stretched. */
export function broadcast(
  node: SourceNode,
  combine: (a: number, b: number) => number,
  a: Constant,
  b: Constant,
): Constant {
  const rank = Math.max(a.dims.length, b.dims.length)
  const [left, right] = [a, b].map(({ dims }) => [...Array(rank - dims.length).fill(1), ...dims] as number[])
  const dims = left!.map((extent, axis) => {
    const other = right![axis]!
    if (extent !== other && extent !== 1 && other !== 1) {
      throw invalidModel(
        `inputs of ${describeNode(node)}`,
        'shapes that fit',
        `${a.dims.join('x')} and ${b.dims.join('x')}`,
      )
    }
    return extent === 1 ? other : extent
  })
  const whole = a.data instanceof Float64Array && b.data instanceof Float64Array
  const largest = Math.max(a.data.length, b.data.length, outerLimit)
  if (elementCount(dims) > largest)
    throw invalidModel(`inputs of ${describeNode(node)}`, `${largest} values`, dims.join('x'))
  const data = new (whole ? Float64Array : Float32Array)(elementCount(dims))
  const [leftIndex, rightIndex] = [broadcastIndex(left!, dims), broadcastIndex(right!, dims)]
  for (let i = 0; i < data.length; i++) data[i] = combine(a.data[leftIndex(i)]!, b.data[rightIndex(i)]!)
  return { dims, data }
}

/** Maps a flat index into `dims` to one into `from`, whose axes of 1 are stretched. */
function broadcastIndex(from: readonly number[], dims: readonly number[]): (index: number) => number {
  return (index) => {
    let rest = index
    let result = 0
    let stride = 1
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      if (from[axis] !== 1) result += (rest % dims[axis]!) * stride
      rest = Math.floor(rest / dims[axis]!)
      stride *= from[axis]!
    }
    return result
  }
}

/** Target of a Reshape: 0 copies a dimension, one -1 takes what is left. */
export function resolveReshape(node: SourceNode, dims: readonly number[], shape: Constant): number[] {
  const allowZero = intAttribute(node, 'allowzero', 0) !== 0
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
  const axes = input ? Array.from(input.data) : intsAttribute(node, 'axes', [])
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
  const added = axesInput ? axesInput.data.length : intsAttribute(node, 'axes', []).length
  const result = [...dims]
  for (const axis of axesOf(node, dims.length + added, axesInput) ?? []) result.splice(axis, 0, 1)
  return result
}

function transpose(node: SourceNode, { dims, data }: Constant): Constant {
  const perm = intsAttribute(node, 'perm', [...dims.keys()].reverse(), dims.length)
  if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
    throw invalidModel(`perm of ${describeNode(node)}`, `an order of ${dims.length} axes`, `[${perm.join(', ')}]`)
  }
  const strides = dims.map((_, axis) => elementCount(dims.slice(axis + 1)))
  const out = perm.map((axis) => dims[axis]!)
  const result = data.slice()
  for (let i = 0; i < result.length; i++) {
    let rest = i
    let from = 0
    for (let axis = out.length - 1; axis >= 0; axis--) {
      from += (rest % out[axis]!) * strides[perm[axis]!]!
      rest = Math.floor(rest / out[axis]!)
    }
    result[i] = data[from]!
  }
  return { dims: out, data: result }
}

function concatenateVectors(inputs: readonly Constant[]): Constant {
  const whole = inputs.every(({ data }) => data instanceof Float64Array)
  const length = inputs.reduce((sum, { data }) => sum + data.length, 0)
  const data = new (whole ? Float64Array : Float32Array)(length)
  let end = 0
  for (const input of inputs) {
    data.set(input.data, end)
    end += input.data.length
  }
  return { dims: [length], data }
}

/** Of a vector only: what picks a dimension out of a shape. */
function gather(node: SourceNode, from: Constant, indices: Constant): Constant | undefined {
  if (from.dims.length !== 1) return undefined
  const data = indices.data.map((index) => {
    const value = from.data[index < 0 ? index + from.data.length : index]
    if (value === undefined)
      throw invalidModel(`indices of ${describeNode(node)}`, `fewer than ${from.data.length}`, index)
    return value
  })
  return {
    dims: indices.dims,
    data: from.data instanceof Float64Array ? Float64Array.from(data) : Float32Array.from(data),
  }
}
