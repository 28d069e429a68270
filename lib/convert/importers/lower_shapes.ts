/** Ops that move values about: padding, joining, stretching, and the reshapes that leave nothing behind. */
import { invalidModel } from '../../errors.js'
import { elementCount } from '../../files/model/tensor.js'
import { broadcastDims, integers, resolveReshape, squeezedDims, uniformValue } from './constants.js'
import { channelsLast, dimsOf, heldLike, isChannelAxis, isHeldAs, maps, reshaped, transposed } from './layout.js'
import type { Lower, Value } from './lowering.js'
import { unsupported } from './operators.js'
import { describeNode, floatAttribute, intAttribute, intsAttribute, stringAttribute } from './source.js'

export const concat: Lower = (lowering, node) => {
  const values = node.inputs.map((_, index) => lowering.value(node, index))
  if (!node.attributes.has('axis')) throw unsupported(node, 'axis', 'that of the channels', 'none')
  const given = intAttribute(node, 'axis', 1)
  const [first] = values as [Value]
  const axis = given < 0 ? given + first.dims.length : given
  const others = (value: Value) =>
    dimsOf(value)
      .map((extent, i) => (i === axis ? 'C' : extent))
      .join('x')
  const sound = values.every(
    (value) => isChannelAxis(value, axis) && others(value) === others(first) && sameForm(value, first),
  )
  if (!sound) {
    throw unsupported(
      node,
      'axis',
      'the channels of inputs that are alike in all else',
      `${given} of ${values.map((value) => dimsOf(value).join('x')).join(' and ')}`,
    )
  }
  const alike = values.find((value) => value.shape[2] > 1) ?? first
  lowering.emit(
    node,
    lowering.nodeName(node),
    { op: 'concat' },
    values,
    (shape) => heldLike(alike, shape) ?? first.dims,
  )
}

/** Whether two activations are held in the same way but for the number of their channels. */
function sameForm(a: Value, b: Value): boolean {
  const dims = heldLike(a, b.shape)
  return dims !== undefined && isHeldAs(() => dims, b)
}

/** Around the image; a constant after the last channel too. */
export const pad: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const rank = dimsOf(value).length
  const given = lowering.optionalConstant(node, 1)
  const pads = given ? Array.from(given.data) : intsAttribute(node, 'pads', intsAttribute(node, 'paddings', []))
  const named = node.inputs[3] ? Array.from(lowering.constant(node, 3).data) : [...Array(rank).keys()]
  const axes = named.map((axis) => (axis < 0 ? axis + rank : axis))
  const filler = node.inputs[2] ? uniformValue(lowering.constant(node, 2)) : floatAttribute(node, 'value', 0)
  const mode = stringAttribute(node, 'mode', 'constant')
  if (mode !== 'constant' && mode !== 'edge' && mode !== 'reflect') {
    throw unsupported(node, 'mode', 'constant, edge or reflect', mode)
  }
  if (mode === 'constant' && !(filler !== undefined && Number.isFinite(filler))) {
    throw unsupported(node, 'value', 'one finite number', String(filler))
  }
  if (new Set(axes).size !== axes.length || axes.some((axis) => !(axis >= 0 && axis < rank))) {
    throw unsupported(node, 'axes', `each of 0..${rank - 1} at most once`, named.join())
  }
  if (pads.length !== 2 * axes.length || pads.some((count) => !Number.isSafeInteger(count) || count < 0)) {
    throw invalidModel(`pads of ${describeNode(node)}`, `${2 * axes.length} integers >= 0`, `[${pads.join(', ')}]`)
  }
  const along = (axis: number, end: 0 | 1) => {
    const index = axes.indexOf(axis)
    return index < 0 ? 0 : pads[index + end * axes.length]!
  }
  const [channel, row, column] = isHeldAs(channelsLast, value) ? [3, 1, 2] : [1, 2, 3]
  const channels = along(channel, 1)
  const held = isHeldAs(maps, value) || isHeldAs(channelsLast, value)
  if (!held || along(0, 0) || along(0, 1) || along(channel, 0) || (channels && mode !== 'constant')) {
    throw invalidModel(
      `pads of ${describeNode(node)}`,
      `pixels around the image${mode === 'constant' ? ' or after the last channel' : ''}`,
      `[${pads.join(', ')}]`,
    )
  }
  const padding = [along(row, 0), along(column, 0), along(row, 1), along(column, 1)] as const
  const around = padding.some((count) => count > 0)
  const attributes = { ...(around && { padding }), ...(channels > 0 && { channels }) }
  const emit = (body: Parameters<typeof lowering.emit>[2]) =>
    lowering.emit(node, lowering.nodeName(node), body, [value])
  if (!around && channels === 0) lowering.pass(node, value)
  else if (mode !== 'constant') emit({ op: `${mode}_pad`, attributes: { padding } })
  else if (filler === 0) emit({ op: 'zero_pad', attributes })
  else emit({ op: 'constant_pad', attributes: { ...attributes, value: filler! } })
}

export const reshape: Lower = (lowering, node) => {
  const value = lowering.moved(node, 0)
  const shape = lowering.optionalConstant(node, 1) ?? integers(intsAttribute(node, 'shape', []))
  lowering.pass(node, value, reshaped(node, value, resolveReshape(node, dimsOf(value), shape)))
}

export const squeeze: Lower = (lowering, node) => {
  const value = lowering.moved(node, 0)
  const dims = squeezedDims(node, dimsOf(value), lowering.optionalConstant(node, 1))
  lowering.pass(node, value, reshaped(node, value, dims))
}

/** One pixel for all of an image, as `expand_as` before a product. Nothing is copied: the product takes the one pixel. */
export const expand: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const dims = dimsOf(value)
  const target = broadcastDims(node, dims, Array.from(lowering.constant(node, 1).data))
  if (target.join() === dims.join()) {
    lowering.pass(node, value)
    return
  }
  const [, , height = 0, width = 0] = target
  const onePixel = value.shape[0] * value.shape[1] === 1 && isHeldAs(maps, value)
  if (!onePixel || target.slice(0, 2).join() !== dims.slice(0, 2).join() || target.length !== 4) {
    throw unsupported(node, 'shape', 'N x C x 1 x 1 to N x C x H x W', `${dims.join('x')} to ${target.join('x')}`)
  }
  lowering.bind(node.outputs[0]!, { ...value, stretched: [height, width, value.shape[2]] })
}

/** To two dimensions: those before `axis`, and the rest. */
export const flatten: Lower = (lowering, node) => {
  const value = lowering.moved(node, 0)
  const dims = dimsOf(value)
  const given = intAttribute(node, 'axis', 1)
  const axis = given < 0 ? given + dims.length : given
  if (axis < 0 || axis > dims.length) throw unsupported(node, 'axis', `0..${dims.length}`, String(given))
  lowering.pass(node, value, reshaped(node, value, [elementCount(dims.slice(0, axis)), elementCount(dims.slice(axis))]))
}

/** From opset 15 on a part of the shape may be asked for; bounds outside it are moved to its ends. */
export const shapeOf: Lower = (lowering, node) => {
  const dims = dimsOf(lowering.moved(node, 0))
  const [start, end] = [intAttribute(node, 'start', 0), intAttribute(node, 'end', dims.length)]
  lowering.fold(node, [integers(dims.slice(start, end))])
}

export const sizeOf: Lower = (lowering, node) => {
  const count = elementCount(dimsOf(lowering.moved(node, 0)))
  lowering.fold(node, [{ dims: [], data: Float64Array.of(count) }])
}

export const transpose: Lower = (lowering, node) => {
  const value = lowering.moved(node, 0)
  lowering.pass(node, value, transposed(node, value))
}
