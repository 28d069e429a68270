/** Attention, as `patterns.ts` finds it. */
import { broadcastDims } from './constants.js'
import { byHeads, dimsOf, isHeldAs, sameOrder } from './layout.js'
import type { Lower, Lowering, Value } from './lowering.js'
import { unsupported } from './operators.js'
import { floatAttribute, type SourceNode } from './source.js'

/** Inputs: queries, keys, values, N x heads x d x pixels each; scale; what the lengths of queries and keys were stretched to. */
export const crossCovarianceAttention: Lower = (lowering, node) => {
  const values = [0, 1, 2].map((index) => lowering.value(node, index)) as [Value, Value, Value]
  const [first] = values
  const [, heads = 0] = dimsOf(first)
  if (!values.every((value) => isHeldAs(byHeads(heads), value) && sameOrder(value, first))) {
    const received = values.map((value) => dimsOf(value).join('x')).join(', ')
    throw unsupported(node, 'queries, keys and values', 'N x heads x channels x pixels', received)
  }
  for (const index of [4, 5]) {
    const stretched = lowering.optionalConstant(node, index)
    const dims = dimsOf(first).join()
    if (stretched && broadcastDims(node, dimsOf(first), Array.from(stretched.data)).join() !== dims)
      throw unsupported(node, 'shape', dims, Array.from(stretched.data).join())
  }
  const name = lowering.nodeName(node, node.inputs[3])
  const scale = lowering.store(`${name}.scale`, [heads], scaleOf(lowering, node, heads))
  const attributes = { heads, epsilon: floatAttribute(node, 'epsilon', 1e-12) }
  lowering.emit(node, name, { op: 'cross_covariance_attention', attributes, tensors: { scale } }, values)
}

function scaleOf(lowering: Lowering, node: SourceNode, heads: number): Float64Array {
  const constant = lowering.optionalConstant(node, 3)
  if (!constant) return new Float64Array(heads).fill(1)
  const { dims, data } = constant
  if (data.length === 1) return new Float64Array(heads).fill(data[0]!)
  const [pixels, channels, count, ...images] = [...dims].reverse()
  const oneEach = pixels === 1 && channels === 1 && count === heads && images.every((extent) => extent === 1)
  if (!oneEach || images.length > 1) throw unsupported(node, 'scale', `one or ${heads}x1x1`, dims.join('x'))
  return Float64Array.from(data)
}
