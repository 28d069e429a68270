/** Arithmetic with constants, which is affine, and sums and products of activations. */
import { invalidModel } from '../../errors.js'
import type { Affine } from './affine.js'
import { canScaleElements, describeElements, scaleElements } from './elements.js'
import { channelsLast, dimsOf, isHeldAs, maps, sameOrder } from './layout.js'
import type { Lower, Lowering, Value } from './lowering.js'
import { unknownOp, unsupported } from './operators.js'
import { channelValues, elementValues, refuse } from './per_channel.js'
import { type Constant, describeNode, intAttribute, type SourceNode } from './source.js'

/** Add, Sub, Mul, Div: of an activation with a constant, an affine; sum and product of two activations. */
export const arithmetic: Lower = (lowering, node) => {
  const [first, second] = node.inputs
  if (node.inputs.length !== 2) throw invalidModel(describeNode(node), 'two inputs', node.inputs.length)
  if (lowering.isActivation(first!) && lowering.isActivation(second!)) {
    if (node.op === 'Add' || node.op === 'Sum') add(lowering, node)
    else if (node.op === 'Mul') multiply(lowering, node)
    else throw unknownOp(node, ' of two activations')
    return
  }
  const constantFirst = !lowering.isActivation(first!)
  const value = lowering.value(node, constantFirst ? 1 : 0)
  const operand = aligned(node, lowering.constant(node, constantFirst ? 0 : 1), value)
  const channels = channelValues(operand, value)
  const elements = channels || !canScaleElements(value.shape) ? undefined : elementValues(operand, value)
  const constant = channels ?? elements ?? refuse(node, operand, value, describeElements)
  if (constantFirst && node.op === 'Div') throw unknownOp(node, ' of a constant by an activation')
  const signed = node.op === 'Sub'
  const affine: Record<string, () => Affine> = {
    Mul: () => ({ scale: constant, shift: zeros(constant) }),
    Div: () => ({ scale: constant.map((divisor) => 1 / divisor), shift: zeros(constant) }),
    Add: () => ({ scale: ones(constant), shift: constant }),
    Sum: () => ({ scale: ones(constant), shift: constant }),
    Sub: () => ({
      scale: constantFirst ? ones(constant).map(() => -1) : ones(constant),
      shift: signed && !constantFirst ? constant.map((c) => -c) : constant,
    }),
  }
  if (channels) lowering.applyAffine(node, value, affine[node.op]!())
  else scaleElements(lowering, node, value, affine[node.op]!())
}

/**
 * Before opset 7 the second operand is stretched only where `broadcast` says so, and its dimensions are those of the first
 * from `axis` on. Returned as numpy would have it: with 1s behind.
 */
function aligned(node: SourceNode, constant: Constant, value: Value): Constant {
  if (node.opset === undefined || node.opset >= 7) return constant
  const { dims, data } = constant
  const rank = dimsOf(value).length
  const stretched = intAttribute(node, 'broadcast', 0) !== 0
  if (!stretched && dims.length > 0 && dims.join() !== dimsOf(value).join()) {
    throw unsupported(node, 'broadcast', `1 for ${dims.join('x')} beside ${dimsOf(value).join('x')}`, '0')
  }
  const axis = intAttribute(node, 'axis', rank - dims.length)
  const behind = rank - dims.length - (axis < 0 ? axis + rank : axis)
  if (behind < 0) throw unsupported(node, 'axis', `0..${rank - dims.length}`, String(axis))
  return { dims: [...dims, ...new Array<number>(behind).fill(1)], data }
}

const zeros = ({ length }: Float64Array) => new Float64Array(length)
const ones = ({ length }: Float64Array) => new Float64Array(length).fill(1)

export const negate: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const scale = new Float64Array(value.shape[2]).fill(-1)
  lowering.applyAffine(node, value, { scale, shift: zeros(scale) })
}

/** Of one shape, or with one pixel for all, as squeeze-and-excitation has it. */
function multiply(lowering: Lowering, node: SourceNode): void {
  const [a, b] = [lowering.stretchable(node, 0), lowering.stretchable(node, 1)]
  const takes = (x: Value, factor: Value) =>
    !x.stretched &&
    (factor.stretched ? factor.stretched.join() === x.shape.join() && isHeldAs(maps, x) : fits(x, factor))
  const fits = (x: Value, factor: Value) =>
    sameOrder(x, factor) ||
    (factor.shape.join() === [1, 1, x.shape[2]].join() &&
      [maps, channelsLast].some((form) => isHeldAs(form, x) && isHeldAs(form, factor)))
  const inputs = takes(a, b) ? [a, b] : takes(b, a) ? [b, a] : undefined
  if (!inputs) {
    const dims = `${dimsOf(a).join('x')} and ${dimsOf(b).join('x')}`
    throw unsupported(node, 'inputs', 'one shape, or N x C x H x W and N x C x 1 x 1', dims)
  }
  lowering.emit(node, lowering.nodeName(node), { op: 'multiply' }, inputs)
}

function add(lowering: Lowering, node: SourceNode): void {
  const [a, b] = [lowering.value(node, 0), lowering.value(node, 1)]
  if (!sameOrder(a, b)) {
    throw invalidModel(
      `inputs of ${describeNode(node)}`,
      'one shape',
      `${dimsOf(a).join('x')} and ${dimsOf(b).join('x')}`,
    )
  }
  // A sum of something with itself reads one node twice, so neither side can be scaled apart.
  const scaled = a.node === b.node ? undefined : lowering.takeFactor(b)
  const swapped = scaled || a.node === b.node ? undefined : lowering.takeFactor(a)
  const inputs = scaled ? [a, scaled.value] : swapped ? [b, swapped.value] : [a, b]
  const factor = scaled?.factor ?? swapped?.factor
  const attributes = factor === undefined ? undefined : { factor }
  lowering.emit(node, lowering.nodeName(node), { op: 'add', ...(attributes && { attributes }) }, inputs)
}
