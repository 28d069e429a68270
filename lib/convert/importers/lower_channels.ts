/** Ops that take some of the channels, or all of them in another order. */
import { axisOf, sliceOf, splitSizes } from './fold_views.js'
import { dimsOf, heldLike, isChannelAxis } from './layout.js'
import { type Lower, type Lowering, selectChannels, type Value } from './lowering.js'
import { unsupported } from './operators.js'
import type { SourceNode } from './source.js'

/** Of the image, blue, green and red exchanged; of other activations any channels. */
function take(lowering: Lowering, node: SourceNode, value: Value, from: readonly number[]): Value {
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

function channelsOf(lowering: Lowering, node: SourceNode, axis: number): Value {
  const value = lowering.inOrder(node, lowering.moved(node, 0))
  const vector = value.shape[0] * value.shape[1] === 1 || value.dims.length === 4
  if (vector && isChannelAxis(value, axis)) return value
  throw unsupported(node, 'axis', 'that of the channels', `${axis} of ${dimsOf(value).join('x')}`)
}

export const gather: Lower = (lowering, node) => {
  const axis = axisOf(node, lowering.moved(node, 0).dims.length, 0)
  const value = channelsOf(lowering, node, axis)
  const { dims, data } = lowering.constant(node, 1)
  const channels = value.shape[2]
  const from = Array.from(data, (index) => (index < 0 ? index + channels : index))
  const sound = dims.length === 1 && from.every((channel) => channel >= 0 && channel < channels)
  if (!sound) throw unsupported(node, 'indices', `a list of 0..${channels - 1}`, Array.from(data).join())
  lowering.pass(node, take(lowering, node, value, from))
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
  const value = channelsOf(lowering, node, axis)
  let begin = 0
  splitSizes(node, value.shape[2], lowering.optionalConstant(node, 1)).forEach((size, i) => {
    const from = Array.from({ length: size }, (_, c) => begin + c)
    begin += size
    const output = node.outputs[i]!
    if (lowering.isRead(output)) lowering.bind(output, take(lowering, node, value, from))
  })
}
