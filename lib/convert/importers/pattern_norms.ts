/** Lengths, L2 pools and maxout, of the steps they are computed in. */
import { invalidModel } from '../../errors.js'
import { uniformValue } from './constants.js'
import { clampOf } from './pattern_activations.js'
import type { Patterns, Replacement, Rule } from './pattern_graph.js'
import { type AttributeValue, intAttribute, intsAttribute, type SourceNode } from './source.js'

/** x * x or x ** 2. Returns the name of x. */
export function squared(name: string | undefined, patterns: Patterns): string | undefined {
  const node = patterns.producer(name, 'Mul', 'Pow')
  const [a, b] = node?.inputs ?? []
  const isSquare = node?.op === 'Mul' ? a === b : patterns.number(b) === 2
  return node && isSquare ? a : undefined
}

/** The axes of a reduction, with what it reads. */
export function reductionAxes(node: SourceNode, patterns: Patterns): number[] {
  const input = node.inputs[1] ? patterns.constants.get(node.inputs[1]) : undefined
  return input ? Array.from(input.data) : intsAttribute(node, 'axes', [])
}

interface Length {
  input: string
  axes: number[]
  epsilon: number
  /** The shape it was stretched to. */
  shape?: string
}

/** ||x||, with or without a lower bound, possibly stretched to x's shape. */
function lengthOf(name: string | undefined, patterns: Patterns): Length | undefined {
  const node = patterns.producer(name, 'Expand', 'Unsqueeze', 'Clip', 'Max', 'Add', 'ReduceL2', 'Sqrt', 'Pow')
  if (!node) return undefined
  const [input, second] = node.inputs
  switch (node.op) {
    case 'Expand': {
      const length = lengthOf(input, patterns)
      return length && { ...length, shape: second }
    }
    case 'Unsqueeze': {
      const reduction = patterns.producer(input, 'ReduceL2')
      return reduction && !keepsAxes(reduction) && sameAxis(reduction, node, patterns)
        ? { input: reduction.inputs[0]!, axes: reductionAxes(reduction, patterns), epsilon: 0 }
        : undefined
    }
    case 'ReduceL2':
      return keepsAxes(node) ? { input: input!, axes: reductionAxes(node, patterns), epsilon: 0 } : undefined
    case 'Pow':
    case 'Sqrt': {
      const root = node.op === 'Sqrt' || patterns.number(second) === 0.5
      const sum = root ? squareSum(input, patterns) : undefined
      return sum && { ...sum, epsilon: Math.sqrt(sum.epsilon) }
    }
    default:
      return withFloor(node, patterns, lengthOf)
  }
}

/** 1 / ||x||, by a Reciprocal, a quotient or a power. */
function reciprocalLength(name: string | undefined, patterns: Patterns): Length | undefined {
  const node = patterns.producer(name, 'Reciprocal', 'Div', 'Pow', 'Expand')
  const [first, second] = node?.inputs ?? []
  switch (node?.op) {
    case 'Reciprocal':
      return lengthOf(first, patterns)
    case 'Div':
      return patterns.number(first) === 1 ? lengthOf(second, patterns) : undefined
    case 'Expand': {
      const length = reciprocalLength(first, patterns)
      return length && { ...length, shape: second }
    }
    case 'Pow': {
      const exponent = patterns.number(second)
      if (exponent === -1) return lengthOf(first, patterns)
      const sum = exponent === -0.5 ? squareSum(first, patterns) : undefined
      return sum && { ...sum, epsilon: Math.sqrt(sum.epsilon) }
    }
    default:
      return undefined
  }
}

/** Whether an Unsqueeze puts back the one dimension that a reduction of a vector has taken away. */
function sameAxis(reduction: SourceNode, unsqueeze: SourceNode, patterns: Patterns): boolean {
  const [reduced, added] = [reductionAxes(reduction, patterns), reductionAxes(unsqueeze, patterns)]
  const isLast = (axes: number[]) => axes.length === 1 && (axes[0] === 1 || axes[0] === -1)
  return isLast(reduced) && isLast(added)
}

/** A reduction whose result still lines up with what it was made of. */
export const keepsAxes = (node: SourceNode) => intAttribute(node, 'keepdims', 1) !== 0

/** sum(x²), with or without a lower bound. */
function squareSum(name: string | undefined, patterns: Patterns): Length | undefined {
  const node = patterns.producer(name, 'Clip', 'Max', 'Add', 'ReduceSum', 'ReduceSumSquare')
  if (!node) return undefined
  if (node.op === 'Clip' || node.op === 'Max' || node.op === 'Add') return withFloor(node, patterns, squareSum)
  if (!keepsAxes(node)) return undefined
  const input = node.op === 'ReduceSum' ? squared(node.inputs[0], patterns) : node.inputs[0]
  return input === undefined ? undefined : { input, axes: reductionAxes(node, patterns), epsilon: 0 }
}

/** An epsilon that is added changes lengths near 1 by itself: below half a unit in the last place of fp32 it is a floor. */
const negligible = 2 ** -25

function withFloor(
  node: SourceNode,
  patterns: Patterns,
  inner: (name: string | undefined, patterns: Patterns) => Length | undefined,
): Length | undefined {
  if (node.op === 'Add') {
    const operand = patterns.constantOperand(node)
    const epsilon = uniformValue(operand?.constant)
    const length = operand && inner(operand.other, patterns)
    return length && epsilon !== undefined && epsilon >= 0 && epsilon <= negligible ? { ...length, epsilon } : undefined
  }
  const clamp = clampOf(node, patterns)
  const length = clamp && inner(clamp.input, patterns)
  const sound = clamp && clamp.high === Number.POSITIVE_INFINITY && clamp.low >= 0
  return length && sound ? { ...length, epsilon: clamp.low } : undefined
}

export const recogniseL2Normalize: Rule = (node, patterns) => {
  const [x] = node.inputs
  if (node.op === 'LpNormalization') {
    const p = intAttribute(node, 'p', 2)
    if (p !== 2) throw invalidModel(`p of LpNormalization ${node.name}`, '2', p)
    return l2Normalize(x!, [intAttribute(node, 'axis', -1)], 0)
  }
  if (node.op === 'Div') {
    const length = lengthOf(node.inputs[1], patterns)
    return length && length.input === x ? l2Normalize(x, length.axes, length.epsilon, length.shape) : undefined
  }
  if (node.op !== 'Mul') return undefined
  // x * (1 / ||x||), in either order.
  for (const [factor, other] of [node.inputs, [...node.inputs].reverse()]) {
    const length = reciprocalLength(other, patterns)
    if (length && length.input === factor) return l2Normalize(factor, length.axes, length.epsilon, length.shape)
  }
  return undefined
}

function l2Normalize(input: string, axes: number[], epsilon: number, shape?: string): Replacement {
  // Where the file gives none, a length of zero is the only one it matters for.
  const attributes = new Map<string, AttributeValue>([
    ['axes', axes],
    ['epsilon', epsilon || 1e-12],
  ])
  return { op: 'L2Normalize', inputs: shape === undefined ? [input] : [input, shape], attributes }
}

/** sqrt of an average of squares. */
export const recogniseL2Pool: Rule = (node, patterns) => {
  if (node.op !== 'Sqrt') return undefined
  const pool = patterns.producer(node.inputs[0], 'AveragePool', 'GlobalAveragePool')
  const input = squared(pool?.inputs[0], patterns)
  if (!pool || input === undefined) return undefined
  return { op: pool.op === 'AveragePool' ? 'L2Pool' : 'GlobalL2Pool', inputs: [input], attributes: pool.attributes }
}

/** N x C (x H x W) as N x J x pieces (x H x W), maximum over the pieces. */
export const recogniseMaxout: Rule = (node, patterns) => {
  if (node.op !== 'ReduceMax' || intAttribute(node, 'keepdims', 1) !== 0) return undefined
  const reshape = patterns.producer(node.inputs[0], 'Reshape')
  const shape = reshape && patterns.constants.get(reshape.inputs[1]!)
  const axes = reductionAxes(node, patterns)
  const rank = shape?.data.length
  if (!shape || (rank !== 3 && rank !== 5) || axes.length !== 1 || (axes[0] !== 2 && axes[0] !== 2 - rank))
    return undefined
  return { op: 'Maxout', inputs: [reshape.inputs[0]!], attributes: new Map([['pieces', shape.data[2]!]]) }
}
