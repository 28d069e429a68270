/** Ops that take some of the channels, or all of them in another order. */
import { axisOf, sliceOf, splitSizes } from './fold_views.js'
import { dimsOf, heldLike, isChannelAxis, takenChannels } from './layout.js'
import type { Lower, Lowering, Value } from './lowering.js'
import { unsupported } from './operators.js'
import { selectChannels } from './select_channels.js'
import type { SourceNode } from './source.js'

/** Channels by their places on an axis of the source. */
interface ChannelAxis {
  value: Value
  axis: number
  extent: number
}

/** Of the image, blue, green and red exchanged; of other activations any channels. */
function take(
  lowering: Lowering,
  node: SourceNode,
  { value, axis, extent }: ChannelAxis,
  indices: readonly number[],
): Value {
  const part = extent < value.shape[2] ? takenChannels(value, axis, indices) : undefined
  if (part) return selectChannels(lowering, node, value, Int32Array.from(part.from), () => part.dims)
  const from = indices
  const { rule } = lowering
  if (from.length === value.shape[2] && from.every((channel, c) => channel === c)) return value
  if (value.node === lowering.preprocess && !value.shared && from.join() === '2,1,0' && rule.color !== 'grey') {
    rule.color = rule.color === 'rgb' ? 'bgr' : 'rgb'
    rule.mean = [...rule.mean].reverse()
    rule.scale = [...rule.scale].reverse()
    return value
  }
  if (value.bytes) throw unsupported(node, 'input', 'floats: a Cast of the bytes in front', 'bytes')
  return selectChannels(lowering, node, value, Int32Array.from(from), (shape) => {
    const dims = heldLike(value, shape)
    if (!dims) throw unsupported(node, 'input', 'N x C x H x W or N x C', dimsOf(value).join('x'))
    return dims
  })
}

/** All of the channels, or one factor of them: groups x C/groups as two axes. */
function channelsOf(lowering: Lowering, node: SourceNode, axis: number): ChannelAxis {
  const value = lowering.inOrder(node, lowering.moved(node, 0))
  const vector = value.shape[0] * value.shape[1] === 1 || value.dims.length === 4
  const extent = dimsOf(value)[axis]!
  const isPart = !isChannelAxis(value, axis) && takenChannels(value, axis, []) !== undefined
  if (isPart || (vector && isChannelAxis(value, axis))) return { value, axis, extent }
  throw unsupported(node, 'axis', 'that of the channels', `${axis} of ${dimsOf(value).join('x')}`)
}

export const gather: Lower = (lowering, node) => {
  const axis = axisOf(node, lowering.moved(node, 0).dims.length, 0)
  const channels = channelsOf(lowering, node, axis)
  const { dims, data } = lowering.constant(node, 1)
  const { extent } = channels
  const from = Array.from(data, (index) => (index < 0 ? index + extent : index))
  const one = dims.length === 0 && extent < channels.value.shape[2]
  const sound = (dims.length === 1 || one) && from.every((channel) => channel >= 0 && channel < extent)
  if (!sound) throw unsupported(node, 'indices', `a list of 0..${extent - 1}`, Array.from(data).join())
  const taken = take(lowering, node, channels, from)
  lowering.pass(node, taken, one ? { ...taken, dims: taken.dims.filter((_, i) => i !== axis) } : taken)
}

export const slice: Lower = (lowering, node) => {
  const value = lowering.moved(node, 0)
  const extents = dimsOf(value)
  const inputs = node.inputs.map((_, index) => (index === 0 ? undefined : lowering.optionalConstant(node, index)))
  const parts = sliceOf(node, extents, inputs)
  const cut = parts.flatMap(({ start, step, count }, axis) =>
    start === 0 && step === 1 && count === extents[axis] ? [] : [axis],
  )
  const [axis] = cut
  if (axis === undefined) {
    lowering.pass(node, value)
    return
  }
  if (cut.length > 1) throw unsupported(node, 'axes', 'that of the channels', cut.join())
  const channels = channelsOf(lowering, node, axis)
  const { start, step, count } = parts[axis]!
  if (count < 1) throw unsupported(node, 'ends', 'at least one channel', 'none')
  const from = Array.from({ length: count }, (_, i) => start + i * step)
  lowering.pass(node, take(lowering, node, channels, from))
}

export const split: Lower = (lowering, node) => {
  const axis = axisOf(node, lowering.moved(node, 0).dims.length, 0)
  const channels = channelsOf(lowering, node, axis)
  let begin = 0
  splitSizes(node, channels.extent, lowering.optionalConstant(node, 1)).forEach((size, i) => {
    const from = Array.from({ length: size }, (_, c) => begin + c)
    begin += size
    const output = node.outputs[i]!
    if (lowering.isRead(output)) lowering.bind(output, take(lowering, node, channels, from))
  })
}
