/** The state of translating a node list into a graph: what each source tensor has become, and what has been emitted. */
import type { GraphDescription, GraphNode, WindowAttributes } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import { maxGraphNodes } from '../../files/model/graph_schema.js'
import { f32Tensor, type Tensor, toFloat32 } from '../../files/model/tensor.js'
import { outputShape, type Shape } from '../networks/shapes.js'
import { type Affine, composed, extendRule, type InputRule, shortest } from './affine.js'
import { FoldBudget } from './fold_budget.js'
import {
  type Dimensions,
  dimsOf,
  type Held,
  heldLike,
  isHeldAs,
  maps,
  shuffledOrder,
  sourceOrder,
  unshuffled,
} from './layout.js'
import { unsupported } from './operators.js'
import { type Constant, describeNode, type SourceModel, type SourceNode } from './source.js'

/** An activation of the source: the node of ours that makes it, and how the source holds it. */
export interface Value extends Held {
  node: string
  /** Whether anything else reads it: then the node that makes it must stay as it is. */
  shared: boolean
  /** Bytes that the source still has as whole numbers. */
  bytes?: boolean
  /** Integers that stand for these values: only what makes floats of them again takes them. */
  integers?: { scale: number; zero: number }
  /** The shape to which the source has stretched this one pixel: only a product takes it. */
  stretched?: Shape
}

type Hold = (shape: Shape, batch: number) => Dimensions
type Body = GraphNode extends infer Node ? (Node extends GraphNode ? Omit<Node, 'name' | 'inputs'> : never) : never

/** Translates one source node. */
export type Lower = (lowering: Lowering, node: SourceNode) => void

export class Lowering {
  readonly rule: InputRule
  readonly constants: Map<string, Constant>
  readonly preprocess: string
  /** Activations that the source rounds to integers. */
  quantized = 0
  private readonly values = new Map<string, Value>()
  private readonly uses = new Map<string, number>()
  private readonly nodes = new Map<string, GraphNode>()
  private readonly names: Set<string>
  /** How many names were made of one: a search from the first on would take its time squared. */
  private readonly sameNames = new Map<string, number>()
  private readonly tensors = new Map<string, Tensor>()
  private readonly affines = new Map<string, Affine>()
  readonly budget = new FoldBudget()

  /** The input is bytes where the file says so. */
  constructor(model: SourceModel, input: Held, rule: InputRule) {
    this.rule = rule
    this.constants = new Map(model.constants)
    for (const name of [...model.nodes.flatMap(({ inputs }) => inputs), ...model.outputs]) {
      this.uses.set(name, (this.uses.get(name) ?? 0) + 1)
    }
    this.names = new Set([model.input.name])
    this.preprocess = this.unique('preprocess')
    this.bind(model.input.name, {
      ...input,
      node: this.preprocess,
      shared: false,
      bytes: model.input.type === 'uint8',
    })
  }

  /**
   * The activation that a node reads, its channels in order. Throws where it is missing, a constant or bytes, which integer
   * arithmetic would wrap.
   */
  value(node: SourceNode, index: number): Value {
    return this.ofFloats(node, this.moved(node, index))
  }

  /** The same for a node that stretches by itself what the source has stretched. */
  stretchable(node: SourceNode, index: number): Value {
    return this.ofFloats(node, this.found(node, index))
  }

  /** The same for a node that makes floats of integers. */
  quantizable(node: SourceNode, index: number): Value {
    return this.found(node, index)
  }

  private ofFloats(node: SourceNode, value: Value): Value {
    if (value.bytes) throw unsupported(node, 'input', 'floats: a Cast of the bytes in front', 'bytes')
    if (value.integers) throw unsupported(node, 'input', 'floats: a DequantizeLinear in front', 'integers')
    return this.inOrder(node, value)
  }

  /** The same for a node that only moves values about: in whatever way they are held. */
  moved(node: SourceNode, index: number): Value {
    const value = this.found(node, index)
    if (value.integers) throw unsupported(node, 'input', 'floats: a DequantizeLinear in front', 'integers')
    if (!value.stretched) return value
    throw unsupported(node, 'input', 'an activation that is not expanded, as a product may have it', 'an Expand of one')
  }

  private found(node: SourceNode, index: number): Value {
    const name = node.inputs[index] ?? ''
    const value = this.values.get(name)
    if (!value)
      throw invalidModel(`input ${index} of ${describeNode(node)}`, 'an activation of an earlier node', this.what(name))
    return value
  }

  /** The same with its channels in their own order. */
  inOrder(node: SourceNode, value: Value): Value {
    const from = shuffledOrder(value)
    if (!from) return value
    const hold = () => unshuffled(value)
    const groups = shuffleGroups(from)
    return groups ? shuffleChannels(this, node, value, groups, hold) : selectChannels(this, node, value, from, hold)
  }

  /** An input that may be left out: undefined then. Throws where it is an activation. */
  optionalConstant(node: SourceNode, index: number): Constant | undefined {
    const name = node.inputs[index]
    return name ? this.constant(node, index) : undefined
  }

  constant(node: SourceNode, index: number): Constant {
    const name = node.inputs[index] ?? ''
    const constant = this.constants.get(name)
    if (!constant) throw invalidModel(`input ${index} of ${describeNode(node)}`, 'a constant', this.what(name))
    return constant
  }

  /** Keeps the constants that a node stands for. */
  fold(node: SourceNode, made: readonly Constant[]): void {
    made.forEach((constant, i) => {
      this.constants.set(node.outputs[i]!, constant)
    })
  }

  isRead(name: string): boolean {
    return name !== '' && this.uses.has(name)
  }

  isActivation(name: string): boolean {
    return this.values.has(name)
  }

  private what(name: string): string {
    if (name === '') return 'none'
    return this.values.has(name)
      ? `the activation ${name}`
      : this.constants.has(name)
        ? `the constant ${name}`
        : `the unknown ${name}`
  }

  /** Says what a source tensor has become. */
  bind(name: string, value: Value): void {
    this.values.set(name, { ...value, shared: value.shared || (this.uses.get(name) ?? 0) > 1 })
  }

  /** The same activation, held in another way. */
  pass(node: SourceNode, value: Value, held: Held = value): void {
    this.bind(node.outputs[0]!, { ...value, dims: held.dims })
  }

  unique(base: string): string {
    let name = base
    let count = this.sameNames.get(base) ?? 1
    while (this.names.has(name)) name = `${base}_${++count}`
    this.sameNames.set(base, count)
    this.names.add(name)
    return name
  }

  /** The name a source node gives rise to: its own, or its weights' (`conv0.weight`: conv0), or that of what it makes. */
  nodeName(node: SourceNode, weights?: string): string {
    return this.unique(node.name || weights?.match(/^(.+)\.\w+$/)?.[1] || node.outputs[0]!)
  }

  store(name: string, shape: readonly number[], values: ArrayLike<number>): string {
    this.tensors.set(name, f32Tensor(shape, values instanceof Float32Array ? values : Float32Array.from(values)))
    return name
  }

  /** Adds a node and binds what `source` makes to it, held like the first input unless told. Throws where the inputs do not fit. */
  emit(source: SourceNode, name: string, body: Body, inputs: readonly Value[], hold?: Hold): Value {
    const value = this.add(source, name, body, inputs, hold)
    this.bind(source.outputs[0]!, value)
    return value
  }

  /** The same for a node that is one step of several: nothing is bound to it. */
  add(source: SourceNode, name: string, body: Body, inputs: readonly Value[], hold?: Hold): Value {
    const node = { ...body, name, inputs: inputs.map((input) => input.node) } as GraphNode
    const [first] = inputs as [Value]
    const shape = outputShape(
      node,
      inputs.map((input) => input.shape),
    )
    const same = shape.join() === first.shape.join()
    const dims = hold ? hold(shape, first.batch) : same ? first.dims : heldLike(first, shape)
    if (!dims) throw unsupported(source, 'input', 'N x C x H x W or N x C', dimsOf(first).join('x'))
    this.nodes.set(name, node)
    if (this.nodes.size > maxGraphNodes) throw invalidModel('graph', `at most ${maxGraphNodes} layers`, 'more')
    return { node: name, shape, dims, batch: first.batch, shared: false }
  }

  /** y = x * scale + shift: into the input rule, a bias or an affine that is already there where one can take it. */
  applyAffine(source: SourceNode, value: Value, next: Affine): void {
    const node = this.nodes.get(value.node)
    const shiftOnly = next.scale.every((scale) => scale === 1)
    if (
      value.node === this.preprocess &&
      !value.shared &&
      !this.rule.perImage &&
      next.scale.every((scale) => scale !== 0)
    ) {
      extendRule(this.rule, next)
    } else if (!value.shared && node?.op === 'affine') {
      this.affines.set(node.name, composed(this.affines.get(node.name)!, next))
    } else if (
      !value.shared &&
      shiftOnly &&
      (node?.op === 'fully_connected' || node?.op === 'conv2d') &&
      !node.tensors.bias
    ) {
      node.tensors = { ...node.tensors, bias: this.store(`${node.name}.bias`, [next.shift.length], next.shift) }
    } else {
      const name = this.nodeName(
        source,
        source.inputs.find((input) => this.constants.has(input)),
      )
      this.affines.set(name, next)
      this.emit(source, name, { op: 'affine', tensors: {} }, [value])
      return
    }
    this.pass(source, value)
  }

  /** What a value is scaled by, where that is one number and nothing else reads it: then the scaling is taken out. */
  takeFactor(value: Value): { value: Value; factor: number } | undefined {
    const affine = this.affines.get(value.node)
    const factor = affine?.scale[0]
    const plain = affine?.scale.every((scale) => scale === factor) && affine.shift.every((shift) => shift === 0)
    if (value.shared || factor === undefined || !plain) return undefined
    const [input] = this.nodes.get(value.node)!.inputs
    this.nodes.delete(value.node)
    this.affines.delete(value.node)
    return { value: { ...value, node: input! }, factor }
  }

  /** The padding of a spatial zero_pad that only this window reads: it is taken out, and the window pads instead. */
  takePadding(value: Value): { value: Value; padding: WindowAttributes['padding'] } | undefined {
    const node = this.nodes.get(value.node)
    if (!isHeldAs(maps, value)) return undefined
    if (value.shared || node?.op !== 'zero_pad' || node.attributes.channels || !node.attributes.padding)
      return undefined
    const { padding } = node.attributes
    const [top, left, bottom, right] = padding
    const [height, width, channels] = value.shape
    this.nodes.delete(node.name)
    const shape: Shape = [height - top - bottom, width - left - right, channels]
    return { value: { ...value, node: node.inputs[0]!, shape, dims: maps(shape, value.batch) }, padding }
  }

  /** Some channels of what a 1x1 convolution makes, by one that has no others. Undefined where no such convolution makes it. */
  partOfConvolution(source: SourceNode, name: string, value: Value, from: Int32Array, hold: Hold): Value | undefined {
    const node = this.nodes.get(value.node)
    if (node?.op !== 'conv2d' || node.attributes.groups) return undefined
    const { kernel, stride, padding } = node.attributes
    if ([...kernel, ...stride].some((extent) => extent !== 1) || padding.some((count) => count > 0)) return undefined
    const rows = (tensor: string, length: number) => {
      const stored = toFloat32(this.tensors.get(tensor)!)
      const taken = new Float32Array(from.length * length)
      from.forEach((channel, c) => {
        taken.set(stored.subarray(channel * length, (channel + 1) * length), c * length)
      })
      return taken
    }
    const { weight, bias } = node.tensors
    const [, channels = 0] = this.tensors.get(weight)!.shape
    const tensors = {
      weight: this.store(`${name}.weight`, [from.length, channels, 1, 1], rows(weight, channels)),
      ...(bias && { bias: this.store(`${name}.bias`, [from.length], rows(bias, 1)) }),
    }
    const body = { op: 'conv2d', attributes: { ...node.attributes, outChannels: from.length }, tensors } as const
    const [height, width] = value.shape
    return this.add(source, name, body, [{ ...value, node: node.inputs[0]!, shape: [height, width, channels] }], hold)
  }

  /** Takes out what nobody reads: convolutions that were replaced by parts of them. */
  private dropUnread(outputs: readonly Value[]): void {
    const read = new Set(outputs.map(({ node }) => node))
    for (const node of [...this.nodes.values()].reverse()) {
      if (read.has(node.name)) {
        for (const input of node.inputs) read.add(input)
        continue
      }
      this.nodes.delete(node.name)
      if ('tensors' in node) for (const tensor of Object.values(node.tensors)) this.tensors.delete(tensor as string)
    }
  }

  finish(
    model: SourceModel,
    size: Shape,
  ): { graph: GraphDescription; tensors: Map<string, Tensor>; outputs: readonly Value[] } {
    const outputs = model.outputs.map((name) => this.output(name, model.outputs))
    this.dropUnread(outputs)
    for (const [name, { scale, shift }] of this.affines) {
      const node = this.nodes.get(name)
      if (node?.op !== 'affine') continue
      const { length } = scale
      if (scale.some((value) => value !== 1)) node.tensors.scale = this.store(`${name}.scale`, [length], scale)
      if (shift.some((value) => value !== 0)) node.tensors.shift = this.store(`${name}.shift`, [length], shift)
    }
    const { color, mean, scale, perImage } = this.rule
    const preprocess: GraphNode = {
      name: this.preprocess,
      op: 'preprocess',
      inputs: [model.input.name],
      attributes: perImage
        ? { mode: 'per-image', color }
        : { mode: 'fixed', color, mean: shortest(mean), scale: shortest(scale) },
    }
    const graph: GraphDescription = {
      name: model.name,
      input: { name: model.input.name, height: size[0], width: size[1], channels: 3, dtype: 'u8' },
      nodes: [preprocess, ...this.nodes.values()],
      outputs: outputs.map(({ node }) => node),
    }
    return { graph, tensors: this.tensors, outputs }
  }

  private output(name: string, all: readonly string[]): Value {
    const found = this.values.get(name)
    const node = { op: 'output', name, inputs: [], outputs: [name], attributes: new Map() }
    const value = found && this.inOrder(node, found)
    if (!value || value.stretched || value.integers || value.node === this.preprocess) {
      throw invalidModel('outputs', 'what a node makes of the image', all.join(', '))
    }
    if (!sourceOrder(value)) throw invalidModel(`output ${name}`, 'the batch in front', dimsOf(value).join('x'))
    return value
  }
}

/** Channel 0 of every group, then channel 1 of every group, ... */
function shuffleChannels(lowering: Lowering, source: SourceNode, value: Value, groups: number, hold: Hold): Value {
  const name = lowering.unique(`${source.name || source.outputs[0]}/shuffled`)
  return lowering.add(source, name, { op: 'channel_shuffle', attributes: { groups } }, [value], hold)
}

/** Groups of the channel_shuffle that takes channel `from[c]` to c; undefined where it is another order. */
function shuffleGroups(from: Int32Array): number | undefined {
  const groups = from.length / from[1]!
  const taken = (c: number) => (c % groups) * from[1]! + Math.floor(c / groups)
  return Number.isInteger(groups) && from.every((channel, c) => channel === taken(c)) ? groups : undefined
}

/**
 * The channels of these numbers, in this order: a 1x1 convolution that takes each from its place, or what makes them where that is a
 * 1x1 convolution, with some of its weights.
 */
export function selectChannels(
  lowering: Lowering,
  source: SourceNode,
  value: Value,
  from: Int32Array,
  hold: Hold,
): Value {
  const name = lowering.unique(`${source.name || source.outputs[0]}/channels`)
  const part = lowering.partOfConvolution(source, name, value, from, hold)
  if (part) return part
  const channels = value.shape[2]
  const weights = new Float32Array(from.length * channels)
  from.forEach((channel, c) => {
    weights[c * channels + channel] = 1
  })
  const weight = lowering.store(`${name}.weight`, [from.length, channels, 1, 1], weights)
  const attributes = { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: from.length } as const
  return lowering.add(source, name, { op: 'conv2d', attributes, tensors: { weight } }, [value], hold)
}
