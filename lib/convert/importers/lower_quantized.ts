/**
 * Activations that a file rounds to 8 or 16 bits on their way (QuantizeLinear, then DequantizeLinear), which stay fp32 here. What
 * the integers cannot hold is cut off as in the file: quantisers leave a ReLU out where the range of integers ends at 0.
 */
import { uniformValue } from './constants.js'
import { rangeOf } from './fold_quantized.js'
import { dimsOf } from './layout.js'
import type { Lower, Lowering, Value } from './lowering.js'
import { unsupported } from './operators.js'
import type { SourceNode } from './source.js'

/** value = (integer - zero) * scale */
export interface Step {
  scale: number
  zero: number
}

function stepOf(lowering: Lowering, node: SourceNode): Step {
  const value = (index: number, otherwise: number | undefined) => {
    const constant = lowering.optionalConstant(node, index)
    return constant ? uniformValue(constant) : otherwise
  }
  const [scale, zero] = [value(1, undefined), value(2, 0)]
  if (scale !== undefined && scale > 0 && zero !== undefined) return { scale, zero }
  throw unsupported(node, 'scale and zero point', 'one of each, for an activation', 'others')
}

export const quantize: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const step = stepOf(lowering, node)
  const [low, high] = rangeOf(node, lowering.optionalConstant(node, 2))
  const bounds = { min: (low - step.zero) * step.scale, max: (high - step.zero) * step.scale }
  const inside = isWithin(lowering, value, bounds, step.scale / 2)
  const held = inside
    ? value
    : lowering.add(node, lowering.nodeName(node), { op: 'clip', attributes: bounds }, [value], () => value.dims)
  lowering.quantized++
  lowering.bind(node.outputs[0]!, { ...held, integers: step })
}

/** Of pixels it is known how far they reach. `slack`: what is rounded back into the range. */
function isWithin({ rule, preprocess }: Lowering, value: Value, bounds: { min: number; max: number }, slack: number) {
  if (value.node !== preprocess || rule.perImage) return false
  const at = (values: readonly number[], c: number) => values[values.length === 1 ? 0 : c]!
  const ends = [0, 1, 2].flatMap((c) => [0, 255].map((pixel) => (pixel - at(rule.mean, c)) * at(rule.scale, c)))
  return ends.every((end) => end >= bounds.min - slack && end <= bounds.max + slack)
}

/** Of what QuantizeLinear made by the same step; of an input of bytes, the numbers that they stand for. */
export const dequantize: Lower = (lowering, node) => {
  const { scale, zero } = stepOf(lowering, node)
  const value = lowering.quantizable(node, 0)
  if (value.bytes) {
    const factor = new Float64Array(value.shape[2]).fill(scale)
    lowering.applyAffine(node, { ...value, bytes: false }, { scale: factor, shift: factor.map((each) => -zero * each) })
    return
  }
  const { integers } = value
  if (integers?.scale !== scale || integers.zero !== zero) {
    const received = integers ? `${integers.scale} and ${integers.zero}` : `the floats of ${dimsOf(value).join('x')}`
    throw unsupported(node, 'input', `integers by the scale ${scale} and the zero point ${zero}`, received)
  }
  lowering.pass(node, { ...value, integers: undefined })
}
