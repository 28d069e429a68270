/** ReLU, ReLU6 and PReLU in the ways that converters write them. */
import { broadcast, scalar } from './constants.js'
import type { Patterns, Rule } from './pattern_graph.js'
import { type Constant, floatAttribute, type SourceNode } from './source.js'

/** y = min(max(x, low), high), in whatever way it is written; a missing bound is infinite. */
export interface Clamp {
  input: string
  low: number
  high: number
}

export function clampOf(node: SourceNode | undefined, patterns: Patterns): Clamp | undefined {
  const [input] = node?.inputs ?? []
  if (!node || input === undefined) return undefined
  const none = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  if (node.op === 'Relu') return { ...none, input, low: 0 }
  if (node.op === 'Clip') {
    const [, low, high] = node.inputs
    const bound = (name: string | undefined, key: string, otherwise: number) =>
      name ? patterns.number(name) : floatAttribute(node, key, otherwise)
    const [least, most] = [bound(low, 'min', none.low), bound(high, 'max', none.high)]
    return least === undefined || most === undefined ? undefined : { input, low: least, high: most }
  }
  if (node.op !== 'Max' && node.op !== 'Min') return undefined
  const operand = patterns.constantOperand(node)
  // One number: a constant of more values could stretch what it is compared with.
  const value = operand?.constant.data.length === 1 ? operand.constant.data[0] : undefined
  if (!operand || value === undefined) return undefined
  return { ...none, input: operand.other, ...(node.op === 'Max' ? { low: value } : { high: value }) }
}

export const recogniseClamp: Rule = (node, patterns) => {
  const outer = clampOf(node, patterns)
  if (!outer) return undefined
  const inner = clampOf(patterns.producer(outer.input, 'Relu', 'Clip', 'Max', 'Min'), patterns)
  const zeroToSix = ({ low, high }: Clamp) => low === 0 && high === 6
  if (zeroToSix(outer)) return { op: 'Relu6', inputs: [outer.input] }
  if (inner && zeroToSix({ ...inner, low: Math.max(inner.low, outer.low), high: Math.min(inner.high, outer.high) })) {
    return { op: 'Relu6', inputs: [inner.input] }
  }
  const relu = outer.low === 0 && outer.high === Number.POSITIVE_INFINITY
  return relu && node.op !== 'Relu' ? { op: 'Relu', inputs: [outer.input] } : undefined
}

/** A value as `factors` x min(x, 0). */
interface NegativePart {
  input: string
  factors: Constant[]
}

/** Recognises min(x, 0), x - |x|, relu(-x), and products of them with constants. */
function negativePart(name: string, patterns: Patterns): NegativePart | undefined {
  const node = patterns.producer(name, 'Mul', 'Neg', 'Div', 'Min', 'Sub', 'Relu')
  if (!node) return undefined
  const [a, b] = node.inputs
  switch (node.op) {
    case 'Mul':
    case 'Div': {
      const operand = patterns.constantOperand(node)
      if (!operand || (node.op === 'Div' && operand.other !== a)) return undefined
      const part = negativePart(operand.other, patterns)
      const { dims, data } = operand.constant
      const factor = node.op === 'Mul' ? operand.constant : { dims, data: data.map((value) => 1 / value) }
      return part && { ...part, factors: [...part.factors, factor] }
    }
    case 'Neg': {
      const part = negativePart(a!, patterns)
      return part && { ...part, factors: [...part.factors, scalar(-1)] }
    }
    case 'Min': {
      const operand = patterns.constantOperand(node)
      return operand && operand.constant.data.length === 1 && operand.constant.data[0] === 0
        ? { input: operand.other, factors: [] }
        : undefined
    }
    case 'Sub':
      return patterns.producer(b, 'Abs')?.inputs[0] === a ? { input: a!, factors: [scalar(2)] } : undefined
    default: {
      const negated = patterns.producer(a, 'Neg')
      return negated && { input: negated.inputs[0]!, factors: [scalar(-1)] }
    }
  }
}

/** relu(x) + slope * min(x, 0); also written with the difference of the two. */
export const recognisePRelu: Rule = (node, patterns) => {
  if (node.op === 'LeakyRelu') {
    const slope = scalar(floatAttribute(node, 'alpha', 0.01))
    return { op: 'PRelu', inputs: [node.inputs[0]!, patterns.newConstant(`${node.outputs[0]}.slope`, slope)] }
  }
  if (node.op !== 'Add' && node.op !== 'Sub') return undefined
  const [a, b] = node.inputs
  const orders =
    node.op === 'Add'
      ? [
          [a, b],
          [b, a],
        ]
      : [[a, b]]
  for (const [positive, negative] of orders) {
    const relu = patterns.producer(positive, 'Relu')
    const part = relu && negativePart(negative!, patterns)
    if (!part || part.input !== relu.inputs[0]) continue
    const sign = scalar(node.op === 'Add' ? 1 : -1)
    const slope = part.factors.reduce((product, factor) => broadcast(node, (x, y) => x * y, product, factor), sign)
    return { op: 'PRelu', inputs: [part.input, patterns.newConstant(`${node.outputs[0]}.slope`, slope)] }
  }
  return undefined
}
