/** Functions of one value in ONNX, by their operators or, where an opset has none, by what they consist of. */
import type { GraphNode } from '../../../types/graph.js'
import type { OnnxBuilder } from './onnx_builder.js'

export type PointwiseOp =
  | 'sigmoid'
  | 'hard_sigmoid'
  | 'swish'
  | 'hard_swish'
  | 'tanh'
  | 'elu'
  | 'selu'
  | 'softplus'
  | 'gelu'
  | 'gelu_tanh'
  | 'clip'

/** Returns the name of the value: the node's own. */
export function emitPointwise(
  builder: OnnxBuilder,
  node: Extract<GraphNode, { op: PointwiseOp }>,
  input: string,
): string {
  const { name } = node
  switch (node.op) {
    case 'sigmoid':
      return builder.node('Sigmoid', name, [input])
    case 'hard_sigmoid': {
      const { alpha = 0.2, beta = 0.5 } = node.attributes ?? {}
      return builder.node('HardSigmoid', name, [input], { alpha: { float: alpha }, beta: { float: beta } })
    }
    case 'swish': {
      const { alpha = 1 } = node.attributes ?? {}
      const scaled =
        alpha === 1 ? input : builder.node('Mul', `${name}/scaled`, [input, builder.scalar(`${name}/alpha`, alpha)])
      return builder.node('Mul', name, [input, builder.node('Sigmoid', `${name}/gate`, [scaled])])
    }
    case 'hard_swish': {
      if (builder.opset >= 14) return builder.node('HardSwish', name, [input])
      const gate = builder.node('HardSigmoid', `${name}/gate`, [input], { alpha: { float: 1 / 6 } })
      return builder.node('Mul', name, [input, gate])
    }
    case 'tanh':
      return builder.node('Tanh', name, [input])
    case 'elu':
      return builder.node('Elu', name, [input], { alpha: { float: node.attributes?.alpha ?? 1 } })
    case 'selu': {
      const { alpha, gamma } = node.attributes ?? {}
      return builder.node('Selu', name, [input], {
        ...(alpha !== undefined && { alpha: { float: alpha } }),
        ...(gamma !== undefined && { gamma: { float: gamma } }),
      })
    }
    case 'softplus':
      return builder.node('Softplus', name, [input])
    case 'gelu':
      return emitGelu(builder, name, input)
    case 'gelu_tanh':
      return emitGeluTanh(builder, name, input)
    case 'clip': {
      const { min, max } = node.attributes
      const bounds = [
        min === undefined ? '' : builder.scalar(`${name}/min`, min),
        max === undefined ? '' : builder.scalar(`${name}/max`, max),
      ]
      return builder.node('Clip', name, [input, ...bounds])
    }
  }
}

/** x (1 + erf(x / sqrt 2)) / 2, as PyTorch writes it before there was an operator. */
function emitGelu(builder: OnnxBuilder, name: string, input: string): string {
  if (builder.opset >= 20) return builder.node('Gelu', name, [input])
  const scaled = builder.node('Div', `${name}/scaled`, [input, builder.scalar(`${name}/root`, Math.SQRT2)])
  const erf = builder.node('Erf', `${name}/erf`, [scaled])
  const gate = builder.node('Add', `${name}/gate`, [erf, builder.scalar(`${name}/one`, 1)])
  const product = builder.node('Mul', `${name}/product`, [input, gate])
  return builder.node('Mul', name, [product, builder.scalar(`${name}/half`, 0.5)])
}

/** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))) / 2, likewise. */
function emitGeluTanh(builder: OnnxBuilder, name: string, input: string): string {
  if (builder.opset >= 20) return builder.node('Gelu', name, [input], { approximate: { string: 'tanh' } })
  const number = (role: string, value: number) => builder.scalar(`${name}/${role}`, value)
  const square = builder.node('Mul', `${name}/square`, [input, input])
  const cube = builder.node('Mul', `${name}/cube`, [input, square])
  const term = builder.node('Mul', `${name}/term`, [number('kappa', 0.044715), cube])
  const sum = builder.node('Add', `${name}/sum`, [input, term])
  const inner = builder.node('Mul', `${name}/inner`, [number('beta', Math.sqrt(2 / Math.PI)), sum])
  const gate = builder.node('Add', `${name}/gate`, [number('one', 1), builder.node('Tanh', `${name}/tanh`, [inner])])
  const product = builder.node('Mul', `${name}/product`, [input, gate])
  return builder.node('Mul', name, [number('half', 0.5), product])
}
