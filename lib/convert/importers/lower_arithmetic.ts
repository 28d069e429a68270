/** Arithmetic with constants, which is affine, and sums of activations. */
import { invalidModel } from '../../errors.js'
import { dimsOf } from './layout.js'
import { type Affine, type Lower, type Lowering, unknownOp } from './lowering.js'
import { describeNode, type SourceNode } from './source.js'

/** Add, Sub, Mul, Div: of an activation with a constant, an affine; the sum of two activations, an add. */
export const arithmetic: Lower = (lowering, node) => {
  const [first, second] = node.inputs
  if (node.inputs.length !== 2) throw invalidModel(describeNode(node), 'two inputs', node.inputs.length)
  if (lowering.isActivation(first!) && lowering.isActivation(second!)) {
    if (node.op === 'Add' || node.op === 'Sum') add(lowering, node)
    else throw unknownOp(node, ' of two activations')
    return
  }
  const constantFirst = !lowering.isActivation(first!)
  const value = lowering.value(node, constantFirst ? 1 : 0)
  const constant = lowering.perChannel(node, lowering.constant(node, constantFirst ? 0 : 1), value)
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
  lowering.applyAffine(node, value, affine[node.op]!())
}

const zeros = ({ length }: Float64Array) => new Float64Array(length)
const ones = ({ length }: Float64Array) => new Float64Array(length).fill(1)

export const negate: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const scale = new Float64Array(value.shape[2]).fill(-1)
  lowering.applyAffine(node, value, { scale, shift: zeros(scale) })
}

function add(lowering: Lowering, node: SourceNode): void {
  const [a, b] = [lowering.value(node, 0), lowering.value(node, 1)]
  if (dimsOf(a).join() !== dimsOf(b).join()) {
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
