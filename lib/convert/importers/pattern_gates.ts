/** Activations that are a product of a value with a function of it: swish, hard swish, GELU; and the hard sigmoid of steps. */
import type { Patterns, Replacement, Rule } from './pattern_graph.js'
import { squared } from './pattern_norms.js'
import { type AttributeValue, floatAttribute, type SourceNode } from './source.js'

/** Whether a constant is this number, as well as fp32 or fp16 tell. */
const isNear = (value: number | undefined, expected: number) =>
  value !== undefined && Math.abs(value - expected) <= Math.abs(expected) * 2 ** -11

/** What a product or a quotient with one number multiplies by that number: x, and the factor. */
function scaledBy(node: SourceNode | undefined, patterns: Patterns): { input: string; factor: number } | undefined {
  if (node?.op !== 'Mul' && node?.op !== 'Div') return undefined
  const operand = patterns.constantOperand(node)
  if (operand?.constant.data.length !== 1 || (node.op === 'Div' && operand.other !== node.inputs[0])) return undefined
  const [value] = operand.constant.data as unknown as [number]
  return { input: operand.other, factor: node.op === 'Mul' ? value : 1 / value }
}

/** x, where `name` is x + `addend`. */
function sumWith(name: string | undefined, addend: number, patterns: Patterns): string | undefined {
  const operand = patterns.constantOperand(patterns.producer(name, 'Add') ?? empty)
  return operand?.constant.data.length === 1 && operand.constant.data[0] === addend ? operand.other : undefined
}
const empty: SourceNode = { op: '', name: '', inputs: [], outputs: [], attributes: new Map() }

const hardSigmoid = (input: string): Replacement => ({
  op: 'HardSigmoid',
  inputs: [input],
  attributes: new Map<string, AttributeValue>([
    ['alpha', 1 / 6],
    ['beta', 0.5],
  ]),
})

/** relu6(x + 3) / 6 */
export const recogniseHardSigmoid: Rule = (node, patterns) => {
  const scaled = scaledBy(node, patterns)
  const input = sumWith(patterns.producer(scaled?.input, 'Relu6')?.inputs[0], 3, patterns)
  return input !== undefined && isNear(scaled!.factor, 1 / 6) ? hardSigmoid(input) : undefined
}

/** x times a gate of x, in either order; hard swish also as (x relu6(x + 3)) / 6. */
export const recogniseGate: Rule = (node, patterns) => {
  const scaled = scaledBy(node, patterns)
  if (scaled) {
    const product = patterns.producer(scaled.input, 'Mul')
    if (product && isNear(scaled.factor, 1 / 6)) {
      const input = gatedBy(product, (gate) => sumWith(patterns.producer(gate, 'Relu6')?.inputs[0], 3, patterns))
      if (input !== undefined) return { op: 'HardSwish', inputs: [input] }
    }
    return product && scaled.factor === 0.5 ? geluOf(product.inputs, patterns, (input) => input) : undefined
  }
  if (node.op !== 'Mul') return undefined
  const swish = gatedBy(node, (gate) => patterns.producer(gate, 'Sigmoid')?.inputs[0])
  if (swish !== undefined) return { op: 'Swish', inputs: [swish] }
  const hard = gatedBy(node, (gate) => {
    const made = patterns.producer(gate, 'HardSigmoid')
    if (!made) return undefined
    const sound = isNear(floatAttribute(made, 'alpha', 0.2), 1 / 6) && floatAttribute(made, 'beta', 0.5) === 0.5
    return sound ? made.inputs[0] : undefined
  })
  if (hard !== undefined) return { op: 'HardSwish', inputs: [hard] }
  return scaledSwish(node, patterns) ?? halfOfGelu(node, patterns)
}

/** x, where a product is x times a gate that `of` says is made of x. */
function gatedBy(product: SourceNode, of: (gate: string) => string | undefined): string | undefined {
  const [a, b, ...more] = product.inputs
  if (a === undefined || b === undefined || more.length > 0) return undefined
  return of(b) === a ? a : of(a) === b ? b : undefined
}

/** x, where `name` is erf(x / sqrt 2). */
function errorFunctionOf(name: string | undefined, patterns: Patterns): string | undefined {
  const scaled = scaledBy(patterns.producer(patterns.producer(name, 'Erf')?.inputs[0], 'Mul', 'Div'), patterns)
  return scaled && isNear(scaled.factor, Math.SQRT1_2) ? scaled.input : undefined
}

/** x sigmoid(alpha x) */
function scaledSwish(node: SourceNode, patterns: Patterns): Replacement | undefined {
  let alpha = 1
  const input = gatedBy(node, (gate) => {
    const scaled = scaledBy(patterns.producer(patterns.producer(gate, 'Sigmoid')?.inputs[0], 'Mul', 'Div'), patterns)
    if (scaled) alpha = scaled.factor
    return scaled?.input
  })
  return input === undefined ? undefined : { op: 'Swish', inputs: [input], attributes: new Map([['alpha', alpha]]) }
}

/** x, where `name` is tanh(sqrt(2 / pi) (x + 0.044715 x³)). */
function tanhOfCubic(name: string | undefined, patterns: Patterns): string | undefined {
  const scaled = scaledBy(patterns.producer(patterns.producer(name, 'Tanh')?.inputs[0], 'Mul', 'Div'), patterns)
  const [a, b] = patterns.producer(scaled?.input, 'Add')?.inputs ?? []
  if (!scaled || !isNear(scaled.factor, Math.sqrt(2 / Math.PI))) return undefined
  return [
    [a, b],
    [b, a],
  ].find(([input, term]) => {
    const cubic = scaledBy(patterns.producer(term, 'Mul', 'Div'), patterns)
    return cubic && isNear(cubic.factor, 0.044715) && cubed(cubic.input, patterns) === input
  })?.[0]
}

/** x, where `name` is x³. */
function cubed(name: string, patterns: Patterns): string | undefined {
  const node = patterns.producer(name, 'Mul', 'Pow')
  if (node?.op === 'Pow') return patterns.number(node.inputs[1]) === 3 ? node.inputs[0] : undefined
  return node && gatedBy(node, (gate) => squared(gate, patterns))
}

/** A product of what `of` says is made of x with 1 + erf(x / sqrt 2), or its approximation by tanh. */
function geluOf(
  factors: readonly string[],
  patterns: Patterns,
  of: (name: string) => string | undefined,
): Replacement | undefined {
  const [a, b, ...more] = factors
  if (a === undefined || b === undefined || more.length > 0) return undefined
  for (const [factor, gate] of [
    [a, b],
    [b, a],
  ] as const) {
    const [input, inner] = [of(factor), sumWith(gate, 1, patterns)]
    if (input === undefined || inner === undefined) continue
    if (errorFunctionOf(inner, patterns) === input) return { op: 'Gelu', inputs: [input] }
    if (tanhOfCubic(inner, patterns) === input) {
      return { op: 'Gelu', inputs: [input], attributes: new Map([['approximate', 'tanh']]) }
    }
  }
  return undefined
}

/** (x / 2) (1 + erf(x / sqrt 2)) */
function halfOfGelu(node: SourceNode, patterns: Patterns): Replacement | undefined {
  return geluOf(node.inputs, patterns, (name) => {
    const scaled = scaledBy(patterns.producer(name, 'Mul', 'Div'), patterns)
    return scaled?.factor === 0.5 ? scaled.input : undefined
  })
}
