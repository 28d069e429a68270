/** Attention of channels, of the steps it is computed in. */
import type { Patterns, Rule } from './pattern_graph.js'
import { type AttributeValue, floatAttribute, intAttribute, intsAttribute, type SourceNode } from './source.js'

/** N x heads x d x pixels, in units over the pixels. */
function unitRows(name: string | undefined, patterns: Patterns) {
  const node = patterns.producer(name, 'L2Normalize')
  const axes = node && intsAttribute(node, 'axes', [])
  if (!node || axes?.length !== 1 || !isLast(axes[0]!)) return undefined
  return { input: node.inputs[0]!, stretched: node.inputs[1] ?? '', epsilon: floatAttribute(node, 'epsilon', 0) }
}

const isLast = (axis: number) => axis === -1 || axis === 3

/** softmax(scale q kᵀ) v with queries and keys of unit length; with one scale a head, one for all, or none. */
export const recogniseAttention: Rule = (node, patterns) => {
  if (node.op !== 'MatMul') return undefined
  const softmax = patterns.producer(node.inputs[0], 'Softmax')
  if (!softmax || !isLast(intAttribute(softmax, 'axis', softmax.opset && softmax.opset < 13 ? 1 : -1))) return undefined
  const { input, scale } = scaled(softmax.inputs[0]!, patterns)
  const product = patterns.producer(input, 'MatMul')
  const turned = patterns.producer(product?.inputs[1], 'Transpose')
  if (!product || !turned || intsAttribute(turned, 'perm', []).join() !== '0,1,3,2') return undefined
  const [q, k] = [unitRows(product.inputs[0], patterns), unitRows(turned.inputs[0], patterns)]
  if (!q || !k || q.epsilon !== k.epsilon) return undefined
  return {
    op: 'CrossCovarianceAttention',
    inputs: [q.input, k.input, node.inputs[1]!, scale, q.stretched, k.stretched],
    attributes: new Map<string, AttributeValue>([['epsilon', q.epsilon]]),
  }
}

function scaled(name: string, patterns: Patterns): { input: string; scale: string } {
  const product = patterns.producer(name, 'Mul')
  const operand = product && patterns.constantOperand(product)
  return operand ? { input: operand.other, scale: otherInput(product, operand.other) } : { input: name, scale: '' }
}

const otherInput = ({ inputs: [a, b] }: SourceNode, name: string): string => (a === name ? b! : a!)
