/** Constants whose values are moved about: transposed, cut, gathered, stretched, joined. */
import { invalidModel } from '../../errors.js'
import { elementCount } from '../../files/model/tensor.js'
import { broadcastDims, broadcastIndex, checkGrowth, isWhole } from './constants.js'
import { type Constant, describeNode, intAttribute, intsAttribute, type SourceNode } from './source.js'

type Dims = readonly number[]

/** A constant of these dimensions; `place` finds the value of each index in `from`. */
function view(node: SourceNode, from: Constant, dims: Dims, place: (index: number) => number): Constant {
  const count = checkGrowth(node, dims, [from])
  const { data: values } = from
  const data = isWhole(from) ? new Float64Array(count) : new Float32Array(count)
  for (let i = 0; i < count; i++) data[i] = values[place(i)]!
  return { dims: [...dims], data }
}

/** Of an index into `dims`, the sum of what `step` says for each axis. */
function byAxes(dims: Dims, step: (axis: number, at: number) => number): (index: number) => number {
  return (index) => {
    let [rest, result] = [index, 0]
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      result += step(axis, rest % dims[axis]!)
      rest = Math.floor(rest / dims[axis]!)
    }
    return result
  }
}

const stridesOf = (dims: Dims) => dims.map((_, axis) => elementCount(dims.slice(axis + 1)))

export function transpose(node: SourceNode, from: Constant): Constant {
  const { dims } = from
  const perm = intsAttribute(node, 'perm', [...dims.keys()].reverse(), dims.length)
  if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
    throw invalidModel(`perm of ${describeNode(node)}`, `an order of ${dims.length} axes`, `[${perm.join(', ')}]`)
  }
  const strides = stridesOf(dims)
  const out = perm.map((axis) => dims[axis]!)
  return view(
    node,
    from,
    out,
    byAxes(out, (axis, at) => at * strides[perm[axis]!]!),
  )
}

/** Where a Slice begins on each axis, its step, and how many it takes. Bounds outside the axis are moved to its ends. */
export function sliceOf(node: SourceNode, dims: Dims, inputs: readonly (Constant | undefined)[]) {
  const [, starts, ends, axes, steps] = inputs
  const numbers = (given: Constant | undefined, key: string, otherwise: number[]): number[] => {
    if (given) return Array.from(given.data)
    // Before opset 10 they are attributes, where "to the end" need not be exact either.
    const value = node.attributes.get(key)
    return Array.isArray(value) ? [...value] : otherwise
  }
  const from = numbers(starts, 'starts', [])
  const to = numbers(ends, 'ends', [])
  const along = numbers(axes, 'axes', [...from.keys()]).map((axis) => (axis < 0 ? axis + dims.length : axis))
  const by = numbers(
    steps,
    'steps',
    from.map(() => 1),
  )
  const sound =
    from.length > 0 &&
    [to, along, by].every((list) => list.length === from.length) &&
    new Set(along).size === along.length
  if (!sound || along.some((axis) => dims[axis] === undefined) || by.some((step) => step === 0)) {
    throw invalidModel(describeNode(node), 'starts, ends, axes and steps of one length', `${from} ${to} ${along} ${by}`)
  }
  return dims.map((extent, axis) => {
    const i = along.indexOf(axis)
    if (i < 0) return { start: 0, step: 1, count: extent }
    const step = by[i]!
    const bound = (value: number, least: number, most: number) =>
      Math.min(most, Math.max(least, value < 0 ? value + extent : value))
    const start = step > 0 ? bound(from[i]!, 0, extent) : bound(from[i]!, 0, extent - 1)
    const end = step > 0 ? bound(to[i]!, 0, extent) : bound(to[i]!, -1, extent - 1)
    return { start, step, count: Math.max(0, Math.ceil((end - start) / step)) }
  })
}

export function slice(node: SourceNode, from: Constant, inputs: readonly (Constant | undefined)[]): Constant {
  const parts = sliceOf(node, from.dims, inputs)
  const strides = stridesOf(from.dims)
  const dims = parts.map(({ count }) => count)
  return view(
    node,
    from,
    dims,
    byAxes(dims, (axis, at) => (parts[axis]!.start + at * parts[axis]!.step) * strides[axis]!),
  )
}

/** `axis` of an op on something of this rank. */
export function axisOf(node: SourceNode, rank: number, otherwise: number): number {
  const given = intAttribute(node, 'axis', otherwise)
  const axis = given < 0 ? given + rank : given
  if (axis >= 0 && axis < rank) return axis
  throw invalidModel(`axis of ${describeNode(node)}`, `${-rank}..${rank - 1}`, given)
}

export function gather(node: SourceNode, from: Constant, indices: Constant): Constant {
  const axis = axisOf(node, from.dims.length, 0)
  const extent = from.dims[axis]!
  const chosen = Array.from(indices.data, (index) => (index < 0 ? index + extent : index))
  if (chosen.some((index) => !(Number.isInteger(index) && index >= 0 && index < extent))) {
    throw invalidModel(`indices of ${describeNode(node)}`, `fewer than ${extent}`, chosen.join())
  }
  const inner = elementCount(from.dims.slice(axis + 1))
  const dims = [...from.dims.slice(0, axis), ...indices.dims, ...from.dims.slice(axis + 1)]
  return view(node, from, dims, (i) => {
    const [outer, rest] = [Math.floor(i / (chosen.length * inner)), i % (chosen.length * inner)]
    return (outer * extent + chosen[Math.floor(rest / inner)]!) * inner + (rest % inner)
  })
}

export function expand(node: SourceNode, from: Constant, shape: Constant): Constant {
  const dims = broadcastDims(node, from.dims, Array.from(shape.data))
  return view(node, from, dims, broadcastIndex(from.dims, dims))
}

export function tile(node: SourceNode, from: Constant, repeats: Constant): Constant {
  const dims = from.dims.map((extent, axis) => extent * repeats.data[axis]!)
  const strides = stridesOf(from.dims)
  return view(
    node,
    from,
    dims,
    byAxes(dims, (axis, at) => (at % from.dims[axis]!) * strides[axis]!),
  )
}

export function concatenate(node: SourceNode, inputs: readonly Constant[]): Constant {
  const [first] = inputs as [Constant]
  const axis = axisOf(node, first.dims.length, 0)
  const others = ({ dims }: Constant) => dims.map((extent, i) => (i === axis ? 'any' : extent)).join('x')
  const different = inputs.find((input) => others(input) !== others(first))
  if (different) throw invalidModel(`inputs of ${describeNode(node)}`, others(first), others(different))
  const total = inputs.reduce((sum, { dims }) => sum + dims[axis]!, 0)
  const dims = first.dims.map((extent, i) => (i === axis ? total : extent))
  const inner = elementCount(dims.slice(axis + 1))
  const count = checkGrowth(node, dims, inputs, (lengths) => lengths.reduce((sum, length) => sum + length, 0))
  const data = inputs.every(isWhole) ? new Float64Array(count) : new Float32Array(count)
  let begin = 0
  for (const input of inputs) {
    const run = input.dims[axis]! * inner
    for (let outer = 0; outer * run < input.data.length; outer++) {
      data.set(input.data.subarray(outer * run, (outer + 1) * run), outer * total * inner + begin)
    }
    begin += run
  }
  return { dims, data }
}

/** How many each output of a Split takes of an axis. */
export function splitSizes(node: SourceNode, extent: number, input: Constant | undefined): number[] {
  const parts = intAttribute(node, 'num_outputs', node.outputs.length)
  const each = Math.ceil(extent / parts)
  const even = Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(each, extent - i * each)))
  const sizes = input ? Array.from(input.data) : intsAttribute(node, 'split', even)
  const sound = sizes.length === node.outputs.length && sizes.every((size) => Number.isSafeInteger(size) && size >= 0)
  if (!sound || sizes.reduce((sum, size) => sum + size, 0) !== extent) {
    throw invalidModel(`split of ${describeNode(node)}`, `${node.outputs.length} parts of ${extent}`, sizes.join())
  }
  return sizes
}

export function split(node: SourceNode, from: Constant, input: Constant | undefined): Constant[] {
  const axis = axisOf(node, from.dims.length, 0)
  const strides = stridesOf(from.dims)
  let begin = 0
  return splitSizes(node, from.dims[axis]!, input).map((size) => {
    const dims = from.dims.map((extent, i) => (i === axis ? size : extent))
    const offset = begin * strides[axis]!
    begin += size
    return view(node, from, dims, (i) => offset + byAxes(dims, (each, at) => at * strides[each]!)(i))
  })
}
