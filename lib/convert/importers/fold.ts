/** Arithmetic on constants: what an exporter has the file compute step by step is computed here once. */
import { invalidModel } from '../../errors.js'
import { dataType } from '../../files/model/onnx_schema.js'
import { elementCount } from '../../files/model/tensor.js'
import {
  axesOf,
  broadcast,
  broadcastDims,
  broadcastIndex,
  type Combine,
  checkGrowth,
  checkRank,
  integers,
  isWhole,
  resolveReshape,
  scalar,
  squeezedDims,
} from './constants.js'
import { FoldBudget } from './fold_budget.js'
import { convolved, cumulativeSum } from './fold_layers.js'
import { dequantized, quantized } from './fold_quantized.js'
import { concatenate, expand, gather, slice, split, tile, transpose } from './fold_views.js'
import { type Constant, describeNode, intAttribute, type SourceNode } from './source.js'

type Inputs = readonly (Constant | undefined)[]

/** Names are a file's own: a record would answer to `constructor` too. */
const table = <T>(entries: Record<string, T>): ReadonlyMap<string, T> => new Map(Object.entries(entries))

const arithmetic = table<Combine>({
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Max: Math.max,
  Min: Math.min,
  Sum: (a, b) => a + b,
})
/** What is true is 1. */
const comparisons = table<Combine>({
  Equal: (a, b) => Number(a === b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
})
const functions = table<(a: number) => number>({
  Neg: (a) => -a,
  Sqrt: Math.sqrt,
  Reciprocal: (a) => 1 / a,
  Abs: Math.abs,
  Exp: Math.exp,
  Sin: Math.sin,
  Cos: Math.cos,
  Log: Math.log,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Not: (a) => Number(a === 0),
})
/** Where a reduction begins, and how each value goes into it. */
interface Reduction {
  first: number
  add: Combine
  mean?: true
}
const sum: Combine = (a, b) => a + b
const reductions = table<Reduction>({
  ReduceSum: { first: 0, add: sum },
  ReduceProd: { first: 1, add: (a, b) => a * b },
  ReduceMean: { first: 0, add: sum, mean: true },
  ReduceMax: { first: Number.NEGATIVE_INFINITY, add: Math.max },
  ReduceMin: { first: Number.POSITIVE_INFINITY, add: Math.min },
})

/**
 * What a node makes of constants, one for each output; undefined where the op is none of those that are folded. Inputs that are
 * left out are undefined.
 */
export function foldConstant(node: SourceNode, inputs: Inputs, budget = new FoldBudget()): Constant[] | undefined {
  const own = node.op === 'Constant' ? constantOf(node) : undefined
  if (own) return [own]
  budget.before(node, inputs)
  const made = node.op === 'Split' && inputs[0] ? split(node, inputs[0], inputs[1]) : fold(node, inputs)
  if (made === undefined) return undefined
  const all = Array.isArray(made) ? made : [made]
  budget.after(node, all)
  return all
}

function fold(node: SourceNode, inputs: Inputs): Constant | undefined {
  const { op } = node
  const [a, b, c] = inputs
  if (op === 'Clip' && a) return clip(node, a, b, c)
  if (!a) return undefined
  const given = inputs.filter((input) => input !== undefined)
  if (op === 'Mod' && b) return combined(node, modulo(node), a, b)
  const combine = arithmetic.get(op)
  if (combine && given.length > 1) return given.slice(1).reduce((sum, input) => combined(node, combine, sum, input), a)
  const compare = comparisons.get(op)
  if (compare && b) return broadcast(node, compare, a, b, Float64Array)
  const map = functions.get(op)
  if (map) return { dims: a.dims, data: a.data.map(map) }
  const reduce = reductions.get(op)
  if (reduce) return reduced(node, reduce, a, b)
  switch (op) {
    case 'Identity':
      return a
    case 'Cast':
      return cast(node, a)
    case 'Reshape':
      return b && { dims: resolveReshape(node, a.dims, b), data: a.data }
    case 'Flatten': {
      const axis = intAttribute(node, 'axis', 1)
      const at = axis < 0 ? axis + a.dims.length : axis
      return { dims: [elementCount(a.dims.slice(0, at)), elementCount(a.dims.slice(at))], data: a.data }
    }
    case 'Squeeze':
    case 'Unsqueeze':
      return { dims: squeezedDims(node, a.dims, b), data: a.data }
    case 'Shape':
      return integers(a.dims.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', a.dims.length)))
    case 'Size':
      return { dims: [], data: Float64Array.of(elementCount(a.dims)) }
    case 'Transpose':
      return transpose(node, a)
    case 'Concat':
      return concatenate(node, given)
    case 'Gather':
      return b && gather(node, a, b)
    case 'Slice':
      return slice(node, a, inputs)
    case 'Expand':
      return b && expand(node, a, b)
    case 'Tile':
      return b && tile(node, a, b)
    case 'ConstantOfShape':
      return constantOfShape(node, a)
    case 'Range':
      return b && c && range(node, a, b, c)
    case 'Where':
      return b && c && where(node, a, b, c)
    case 'CumSum':
      return b && cumulativeSum(node, a, b)
    case 'Conv':
      return b && convolved(node, a, b, c)
    case 'DequantizeLinear':
      return b && dequantized(node, a, b, c)
    case 'QuantizeLinear':
      return b && quantized(node, a, b, c)
    default:
      return undefined
  }
}

function constantOf({ attributes }: SourceNode): Constant | undefined {
  const value = attributes.get('value') ?? attributes.get('value_float') ?? attributes.get('value_floats')
  if (typeof value === 'number') return scalar(value)
  if (Array.isArray(value)) return { dims: [value.length], data: Float32Array.from(value) }
  if (typeof value === 'object' && 'data' in value) return value
  const whole = attributes.get('value_int') ?? attributes.get('value_ints')
  if (typeof whole === 'number') return { dims: [], data: Float64Array.of(whole) }
  return Array.isArray(whole) ? integers(whole) : undefined
}

const floats: readonly number[] = [dataType.float, dataType.float16, dataType.bfloat16, dataType.double]
const bits: Readonly<Record<number, number>> = {
  [dataType.int8]: 8,
  [dataType.int16]: 16,
  [dataType.int32]: 32,
  [dataType.int64]: 64,
  [dataType.uint8]: 8,
  [dataType.uint16]: 16,
  [dataType.uint32]: 32,
  [dataType.uint64]: 64,
}

function cast(node: SourceNode, { dims, data }: Constant): Constant {
  const to = intAttribute(node, 'to', 0)
  if (floats.includes(to)) return { dims, data: Float32Array.from(data) }
  if (to === dataType.bool) return { dims, data: Float64Array.from(data, (value) => Number(value !== 0)) }
  const width = bits[to]
  if (width === undefined) throw invalidModel(`to of ${describeNode(node)}`, 'a type of numbers', `type ${to}`)
  const values = Float64Array.from(data, Math.trunc)
  // Wider ones hold what an index or a size can be; in narrower ones a value that does not fit would wrap.
  if (width < 64 && values.some((value) => Math.abs(value) >= 2 ** width)) {
    throw invalidModel(`input of ${describeNode(node)}`, `values of ${width} bits`, 'larger ones')
  }
  return { dims, data: values }
}

/** Integers stay integers: a quotient is cut off, and what is beyond 2^53 would not be exact. */
function combined(node: SourceNode, combine: Combine, a: Constant, b: Constant): Constant {
  if (!isWhole(a) || !isWhole(b)) return broadcast(node, combine, a, b, Float32Array)
  const exact = (x: number, y: number) => {
    const value = Math.trunc(combine(x, y))
    if (Number.isSafeInteger(value) && Number.isSafeInteger(x) && Number.isSafeInteger(y)) return value
    throw invalidModel(`inputs of ${describeNode(node)}`, 'integers below 2^53', `${x} and ${y}`)
  }
  return broadcast(node, exact, a, b, Float64Array)
}

/** The remainder has the divisor's sign, or with `fmod` that of what is divided. */
function modulo(node: SourceNode): Combine {
  return intAttribute(node, 'fmod', 0) ? (a, b) => a % b : (a, b) => ((a % b) + b) % b
}

function clip(node: SourceNode, a: Constant, low: Constant | undefined, high: Constant | undefined): Constant {
  const bound = (given: Constant | undefined, key: string, otherwise: number) => {
    const value = given ? given.data[0] : (node.attributes.get(key) ?? otherwise)
    if (typeof value !== 'number') throw invalidModel(`${key} of ${describeNode(node)}`, 'a number', value)
    return value
  }
  const least = bound(low, 'min', Number.NEGATIVE_INFINITY)
  const most = bound(high, 'max', Number.POSITIVE_INFINITY)
  return { dims: a.dims, data: a.data.map((value) => Math.min(most, Math.max(least, value))) }
}

function reduced(
  node: SourceNode,
  { first, add, mean }: Reduction,
  a: Constant,
  input: Constant | undefined,
): Constant {
  const given = axesOf(node, a.dims.length, input) ?? []
  if (given.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0)) return a
  const axes = given.length === 0 ? [...a.dims.keys()] : given
  const kept = a.dims.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
  const place = broadcastIndex(kept, a.dims)
  const values = new Float64Array(elementCount(kept)).fill(first)
  for (let i = 0; i < a.data.length; i++) {
    const group = place(i)
    values[group] = add(values[group]!, a.data[i]!)
  }
  if (mean) {
    const each = a.data.length / values.length
    for (let group = 0; group < values.length; group++) values[group]! /= each
  }
  const dims = intAttribute(node, 'keepdims', 1) ? kept : a.dims.filter((_, axis) => !axes.includes(axis))
  return { dims, data: isWhole(a) ? Float64Array.from(values, Math.trunc) : Float32Array.from(values) }
}

function constantOfShape(node: SourceNode, shape: Constant): Constant {
  const value = node.attributes.get('value')
  const filler = typeof value === 'object' && 'data' in value ? value : scalar(0)
  checkRank(node, shape.data.length)
  const dims = Array.from(shape.data)
  const count = checkGrowth(node, dims, [])
  const type = isWhole(filler) ? Float64Array : Float32Array
  return { dims, data: new type(count).fill(filler.data[0]!) }
}

function range(node: SourceNode, start: Constant, limit: Constant, delta: Constant): Constant {
  const [from, to, by] = [start, limit, delta].map(({ data }) => data[0]!) as [number, number, number]
  const count = checkGrowth(node, [Math.max(0, Math.ceil((to - from) / by))], [])
  const type = isWhole(start) ? Float64Array : Float32Array
  return { dims: [count], data: new type(count).map((_, i) => from + i * by) }
}

function where(node: SourceNode, condition: Constant, a: Constant, b: Constant): Constant {
  const dims = broadcastDims(node, condition.dims, broadcastDims(node, a.dims, b.dims))
  const type = isWhole(a) && isWhole(b) ? Float64Array : Float32Array
  const data = new type(checkGrowth(node, dims, [condition, a, b]))
  const [which, left, right] = [condition, a, b].map((each) => broadcastIndex(each.dims, dims)) as [
    (i: number) => number,
    (i: number) => number,
    (i: number) => number,
  ]
  for (let i = 0; i < data.length; i++) data[i] = condition.data[which(i)] ? a.data[left(i)]! : b.data[right(i)]!
  return { dims, data }
}
