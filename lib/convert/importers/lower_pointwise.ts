/** Functions of one value. Where ONNX leaves out an attribute, its default is ours too. */
import { invalidModel } from '../../errors.js'
import { dimsOf, sameOrder } from './layout.js'
import type { Lower, Lowering } from './lowering.js'
import { unsupported } from './operators.js'
import { describeNode, floatAttribute, type SourceNode, stringAttribute } from './source.js'

type Attributeless = 'relu' | 'relu6' | 'sigmoid' | 'hard_swish' | 'tanh' | 'softplus'

const simple =
  (op: Attributeless): Lower =>
  (lowering, node) => {
    lowering.emit(node, lowering.nodeName(node), { op }, [lowering.value(node, 0)])
  }

/** Only those of `keys` that the node has. */
function given<Key extends string>(node: SourceNode, ...keys: Key[]): { [K in Key]?: number } {
  const entries = keys.filter((key) => node.attributes.has(key)).map((key) => [key, floatAttribute(node, key, 0)])
  return Object.fromEntries(entries)
}

const hardSigmoid: Lower = (lowering, node) => {
  const attributes = given(node, 'alpha', 'beta')
  lowering.emit(node, lowering.nodeName(node), { op: 'hard_sigmoid', attributes }, [lowering.value(node, 0)])
}

const selu: Lower = (lowering, node) => {
  const attributes = given(node, 'alpha', 'gamma')
  lowering.emit(node, lowering.nodeName(node), { op: 'selu', attributes }, [lowering.value(node, 0)])
}

const withAlpha =
  (op: 'elu' | 'swish'): Lower =>
  (lowering, node) => {
    lowering.emit(node, lowering.nodeName(node), { op, attributes: given(node, 'alpha') }, [lowering.value(node, 0)])
  }

const gelu: Lower = (lowering, node) => {
  const approximate = stringAttribute(node, 'approximate', 'none')
  if (approximate !== 'none' && approximate !== 'tanh') {
    throw unsupported(node, 'approximate', 'none or tanh', approximate)
  }
  const op = approximate === 'tanh' ? 'gelu_tanh' : 'gelu'
  lowering.emit(node, lowering.nodeName(node), { op }, [lowering.value(node, 0)])
}

/** Bounds are inputs, attributes before opset 11. */
const clip: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const bound = (index: number, key: 'min' | 'max') => {
    const constant = lowering.optionalConstant(node, index)
    if (!constant) return given(node, key)[key]
    if (constant.data.length === 1) return constant.data[0]
    throw invalidModel(`${key} of ${describeNode(node)}`, 'one number', constant.dims.join('x'))
  }
  const [min, max] = [bound(1, 'min'), bound(2, 'max')]
  const open = (limit: number | undefined) => limit === undefined || Math.abs(limit) >= 3.4e38
  const attributes = { ...(!open(min) && { min }), ...(!open(max) && { max }) }
  if (min !== undefined && max !== undefined && min > max) {
    throw unsupported(
      node,
      'min and max',
      'a min that is not above max',
      `${min} and ${max} of ${dimsOf(value).join('x')}`,
    )
  }
  if (Object.keys(attributes).length === 0) lowering.pass(node, value)
  else lowering.emit(node, lowering.nodeName(node), { op: 'clip', attributes }, [value])
}

/** Max and Min of an activation and one number, or of two activations. */
const bound =
  (key: 'min' | 'max'): Lower =>
  (lowering, node) => {
    const [a, b, ...more] = node.inputs
    const index = lowering.isActivation(a ?? '') ? 0 : 1
    if (b === undefined || more.length > 0) throw unsupported(node, 'inputs', 'two', node.inputs.join(', '))
    if (index === 0 && lowering.isActivation(b)) {
      extremum(lowering, node, key === 'min' ? 'maximum' : 'minimum')
      return
    }
    const { data, dims } = lowering.constant(node, 1 - index)
    if (data.length !== 1) throw unsupported(node, 'the constant', 'one number', dims.join('x'))
    lowering.emit(node, lowering.nodeName(node), { op: 'clip', attributes: { [key]: data[0]! } }, [
      lowering.value(node, index),
    ])
  }

function extremum(lowering: Lowering, node: SourceNode, op: 'maximum' | 'minimum'): void {
  const [first, second] = [lowering.value(node, 0), lowering.value(node, 1)]
  if (!sameOrder(first, second)) {
    const dims = `${dimsOf(first).join('x')} and ${dimsOf(second).join('x')}`
    throw unsupported(node, 'inputs', 'one shape', dims)
  }
  lowering.emit(node, lowering.nodeName(node), { op }, [first, second])
}

export const pointwiseOps: readonly (readonly [string, Lower])[] = [
  ['Relu', simple('relu')],
  ['Relu6', simple('relu6')],
  ['Sigmoid', simple('sigmoid')],
  ['HardSigmoid', hardSigmoid],
  ['Swish', withAlpha('swish')],
  ['HardSwish', simple('hard_swish')],
  ['Tanh', simple('tanh')],
  ['Elu', withAlpha('elu')],
  ['Selu', selu],
  ['Softplus', simple('softplus')],
  ['Gelu', gelu],
  ['Clip', clip],
  ['Max', bound('min')],
  ['Min', bound('max')],
]
