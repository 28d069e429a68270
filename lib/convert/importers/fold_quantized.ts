/** Constants to integers and back, as quantised models hold their weights. */
import { invalidModel } from '../../errors.js'
import { dataType } from '../../files/model/onnx_schema.js'
import { broadcast } from './constants.js'
import { unsupported } from './operators.js'
import { type Constant, describeNode, intAttribute, type SourceNode } from './source.js'

/** Numbers of the integers that values are rounded to. */
const ranges: Readonly<Record<number, readonly [low: number, high: number]>> = {
  [dataType.uint8]: [0, 255],
  [dataType.int8]: [-128, 127],
  [dataType.uint16]: [0, 65_535],
  [dataType.int16]: [-32_768, 32_767],
}

export function rangeOf(node: SourceNode, zero: Constant | undefined): readonly [low: number, high: number] {
  const type = zero ? (zero.type ?? 0) : intAttribute(node, 'output_dtype', 0) || dataType.uint8
  const range = ranges[type]
  if (range) return range
  throw unsupported(node, 'zero point', 'integers of 8 or 16 bits', `type ${type}`)
}

/** A scale or a zero point, one number or one an index of `axis`, in a shape that lines up with `x`. */
function along(node: SourceNode, x: Constant, constant: Constant): Constant {
  if (constant.data.length === 1) return { dims: [], data: constant.data }
  const axis = intAttribute(node, 'axis', 1)
  const behind = x.dims.length - 1 - (axis < 0 ? axis + x.dims.length : axis)
  return { dims: [constant.data.length, ...Array<number>(Math.max(0, behind)).fill(1)], data: constant.data }
}

function requireNoBlocks(node: SourceNode): void {
  const blocks = intAttribute(node, 'block_size', 0)
  if (blocks !== 0) throw invalidModel(`block_size of ${describeNode(node)}`, '0', blocks)
}

/** (x - zero point) * scale */
export function dequantized(node: SourceNode, x: Constant, scale: Constant, zero: Constant | undefined): Constant {
  requireNoBlocks(node)
  const shifted = zero ? broadcast(node, (value, from) => value - from, x, along(node, x, zero), Float64Array) : x
  return broadcast(node, (value, factor) => value * factor, shifted, along(node, x, scale), Float32Array)
}

/** x / scale, rounded to even, plus the zero point, within the range of its type. */
export function quantized(node: SourceNode, x: Constant, scale: Constant, zero: Constant | undefined): Constant {
  requireNoBlocks(node)
  const [low, high] = rangeOf(node, zero)
  const steps = broadcast(
    node,
    (value, step) => roundEven(Math.fround(value / step)),
    x,
    along(node, x, scale),
    Float64Array,
  )
  const shifted = zero
    ? broadcast(node, (value, from) => value + from, steps, along(node, x, zero), Float64Array)
    : steps
  return { dims: shifted.dims, data: shifted.data.map((value) => Math.min(high, Math.max(low, value))) }
}

function roundEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below
}
