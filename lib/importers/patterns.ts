/**
 * Puts layers together again that converters took apart. Each rule looks at a node and the producers before it, and says
 * what the node stands for; what nobody reads afterwards is dropped. The ops made here, beside ONNX's own:
 *
 * - `Relu6`
 * - `L2Normalize` (attribute `epsilon`): x / max(||x||, epsilon) over the channels
 * - `L2Pool`: AveragePool's attributes; sqrt of the mean of squares
 * - `GlobalL2Pool`: the same over the whole image
 * - `Maxout` (attribute `pieces`)
 */
import { invalidModel } from '../errors.js'
import { broadcast, foldConstant, scalar, uniformValue } from './constants.js'
import {
  type AttributeValue,
  type Constant,
  floatAttribute,
  intAttribute,
  intsAttribute,
  type SourceModel,
  type SourceNode,
} from './source.js'

interface Replacement {
  op: string
  inputs: string[]
  attributes?: ReadonlyMap<string, AttributeValue>
}

/** Elements that folding may make in all, 1 GiB of floats: a small hostile file could otherwise ask for any amount. */
const defaultFoldLimit = 2 ** 28

type Rule = (node: SourceNode, patterns: Patterns) => Replacement | undefined

export function recognisePatterns(model: SourceModel, foldLimit = defaultFoldLimit): SourceModel {
  const patterns = new Patterns(model, foldLimit)
  for (const node of model.nodes) patterns.add(node)
  return patterns.finish()
}

/** The nodes so far, by what they make. */
class Patterns {
  readonly constants: Map<string, Constant>
  private readonly model: SourceModel
  private readonly nodes: SourceNode[] = []
  private readonly producers = new Map<string, SourceNode>()
  private readonly foldLimit: number
  private folded = 0

  constructor(model: SourceModel, foldLimit: number) {
    this.model = model
    this.foldLimit = foldLimit
    this.constants = new Map(model.constants)
  }

  add(node: SourceNode): void {
    if (this.fold(node)) return
    let made = node
    for (const rule of rules) {
      const replacement = rule(node, this)
      if (!replacement) continue
      made = { ...node, attributes: new Map(), ...replacement }
      break
    }
    this.nodes.push(made)
    for (const output of made.outputs) this.producers.set(output, made)
  }

  /** The node that makes `name`, where it has one of these ops. */
  producer(name: string | undefined, ...ops: string[]): SourceNode | undefined {
    const node = name === undefined ? undefined : this.producers.get(name)
    return node && ops.includes(node.op) ? node : undefined
  }

  /** One input of a node as a constant, the other by its name; undefined where not exactly one of two is constant. */
  constantOperand(node: SourceNode): { constant: Constant; other: string } | undefined {
    const [a, b, ...more] = node.inputs
    if (a === undefined || b === undefined || more.length > 0) return undefined
    const [left, right] = [this.constants.get(a), this.constants.get(b)]
    if (left && !right) return { constant: left, other: b }
    return right && !left ? { constant: right, other: a } : undefined
  }

  /** The value of an input that is one number. */
  number(name: string | undefined): number | undefined {
    return name ? uniformValue(this.constants.get(name)) : undefined
  }

  newConstant(base: string, constant: Constant): string {
    let name = base
    while (this.constants.has(name) || this.producers.has(name)) name += '_'
    this.constants.set(name, constant)
    return name
  }

  finish(): SourceModel {
    const needed = new Set(this.model.outputs)
    const kept = this.nodes.reverse().filter((node) => {
      if (!node.outputs.some((output) => needed.has(output))) return false
      for (const input of node.inputs) needed.add(input)
      return true
    })
    const constants = [...this.constants].filter(([name]) => needed.has(name))
    return { ...this.model, nodes: kept.reverse(), constants: new Map(constants) }
  }

  private fold(node: SourceNode): boolean {
    const inputs = node.inputs.filter((name) => name !== '').map((name) => this.constants.get(name))
    if (inputs.includes(undefined) || node.outputs.length !== 1) return false
    const constant = foldConstant(node, inputs as Constant[])
    if (!constant) return false
    this.folded += constant.data.length
    if (this.folded > this.foldLimit)
      throw invalidModel('constants of the graph', `${this.foldLimit} computed values`, 'more')
    this.constants.set(node.outputs[0]!, constant)
    return true
  }
}

/** y = min(max(x, low), high), in whatever way it is written; a missing bound is infinite. */
interface Clamp {
  input: string
  low: number
  high: number
}

function clampOf(node: SourceNode | undefined, patterns: Patterns): Clamp | undefined {
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
  const value = uniformValue(operand?.constant)
  if (!operand || value === undefined) return undefined
  return { ...none, input: operand.other, ...(node.op === 'Max' ? { low: value } : { high: value }) }
}

const recogniseClamp: Rule = (node, patterns) => {
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
      return operand && uniformValue(operand.constant) === 0 ? { input: operand.other, factors: [] } : undefined
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
const recognisePRelu: Rule = (node, patterns) => {
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

/** x * x or x ** 2. Returns the name of x. */
function squared(name: string | undefined, patterns: Patterns): string | undefined {
  const node = patterns.producer(name, 'Mul', 'Pow')
  const [a, b] = node?.inputs ?? []
  const isSquare = node?.op === 'Mul' ? a === b : patterns.number(b) === 2
  return node && isSquare ? a : undefined
}

/** The axes of a reduction, with what it reads. */
function reductionAxes(node: SourceNode, patterns: Patterns): number[] {
  const input = node.inputs[1] ? patterns.constants.get(node.inputs[1]) : undefined
  return input ? Array.from(input.data) : intsAttribute(node, 'axes', [])
}

interface Length {
  input: string
  axes: number[]
  epsilon: number
}

/** ||x||, with or without a lower bound, possibly stretched to x's shape. */
function lengthOf(name: string | undefined, patterns: Patterns): Length | undefined {
  const node = patterns.producer(name, 'Expand', 'Clip', 'Max', 'Add', 'ReduceL2', 'Sqrt')
  if (!node) return undefined
  if (node.op === 'Expand') return lengthOf(node.inputs[0], patterns)
  if (node.op === 'ReduceL2') return { input: node.inputs[0]!, axes: reductionAxes(node, patterns), epsilon: 0 }
  if (node.op === 'Sqrt') {
    const sum = squareSum(node.inputs[0], patterns)
    return sum && { ...sum, epsilon: Math.sqrt(sum.epsilon) }
  }
  return withFloor(node, patterns, lengthOf)
}

/** sum(x²), with or without a lower bound. */
function squareSum(name: string | undefined, patterns: Patterns): Length | undefined {
  const node = patterns.producer(name, 'Clip', 'Max', 'Add', 'ReduceSum', 'ReduceSumSquare')
  if (!node) return undefined
  if (node.op === 'Clip' || node.op === 'Max' || node.op === 'Add') return withFloor(node, patterns, squareSum)
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

const recogniseL2Normalize: Rule = (node, patterns) => {
  const [x] = node.inputs
  if (node.op === 'LpNormalization') {
    const p = intAttribute(node, 'p', 2)
    if (p !== 2) throw invalidModel(`p of LpNormalization ${node.name}`, '2', p)
    return l2Normalize(x!, [intAttribute(node, 'axis', -1)], 0)
  }
  let length: Length | undefined
  if (node.op === 'Div') length = lengthOf(node.inputs[1], patterns)
  if (node.op === 'Mul') {
    // x * (1 / ||x||), in either order.
    for (const [factor, other] of [node.inputs, [...node.inputs].reverse()]) {
      const reciprocal = patterns.producer(other, 'Reciprocal')
      const found = reciprocal && lengthOf(reciprocal.inputs[0], patterns)
      if (found && found.input === factor) return l2Normalize(factor, found.axes, found.epsilon)
    }
  }
  return length && length.input === x ? l2Normalize(x, length.axes, length.epsilon) : undefined
}

function l2Normalize(input: string, axes: number[], epsilon: number): Replacement {
  // Where the file gives none, a length of zero is the only one it matters for.
  const attributes = new Map<string, AttributeValue>([
    ['axes', axes],
    ['epsilon', epsilon || 1e-12],
  ])
  return { op: 'L2Normalize', inputs: [input], attributes }
}

/** sqrt of an average of squares. */
const recogniseL2Pool: Rule = (node, patterns) => {
  if (node.op !== 'Sqrt') return undefined
  const pool = patterns.producer(node.inputs[0], 'AveragePool', 'GlobalAveragePool')
  const input = squared(pool?.inputs[0], patterns)
  if (!pool || input === undefined) return undefined
  return { op: pool.op === 'AveragePool' ? 'L2Pool' : 'GlobalL2Pool', inputs: [input], attributes: pool.attributes }
}

/** N x C (x H x W) as N x J x pieces (x H x W), maximum over the pieces. */
const recogniseMaxout: Rule = (node, patterns) => {
  if (node.op !== 'ReduceMax' || intAttribute(node, 'keepdims', 1) !== 0) return undefined
  const reshape = patterns.producer(node.inputs[0], 'Reshape')
  const shape = reshape && patterns.constants.get(reshape.inputs[1]!)
  const axes = reductionAxes(node, patterns)
  const rank = shape?.data.length
  if (!shape || (rank !== 3 && rank !== 5) || axes.length !== 1 || (axes[0] !== 2 && axes[0] !== 2 - rank))
    return undefined
  return { op: 'Maxout', inputs: [reshape.inputs[0]!], attributes: new Map([['pieces', shape.data[2]!]]) }
}

const rules: readonly Rule[] = [recogniseClamp, recognisePRelu, recogniseL2Normalize, recogniseL2Pool, recogniseMaxout]
