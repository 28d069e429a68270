/** The state of translating a node list into a graph: what each source tensor has become, and what has been emitted. */
import type { GraphDescription, GraphNode, WindowAttributes } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import { f32Tensor, type Tensor } from '../../files/model/tensor.js'
import { outputShape, type Shape } from '../networks/shapes.js'
import {
  type Dimensions,
  dimsOf,
  type Held,
  heldLike,
  isChannelAxis,
  isHeldAs,
  maps,
  shuffledGroups,
  sourceOrder,
  unshuffled,
} from './layout.js'
import { unsupported } from './operators.js'
import { foldLimit } from './pattern_graph.js'
import { type Constant, describeNode, type SourceModel, type SourceNode } from './source.js'

/** An activation of the source: the node of ours that makes it, and how the source holds it. */
export interface Value extends Held {
  node: string
  /** Whether anything else reads it: then the node that makes it must stay as it is. */
  shared: boolean
  /** Bytes that the source still has as whole numbers. */
  bytes?: boolean
}

/** Per channel: y = x * scale + shift. */
export interface Affine {
  scale: Float64Array
  shift: Float64Array
}

/** (pixel - mean) * scale, per channel of the network's input. */
export interface InputRule {
  color: 'rgb' | 'bgr' | 'grey'
  mean: number[]
  scale: number[]
  perImage: boolean
  /** Whether the file or the caller has said anything about mean and scale. */
  stated: boolean
}

type Hold = (shape: Shape, batch: number) => Dimensions
type Body = GraphNode extends infer Node ? (Node extends GraphNode ? Omit<Node, 'name' | 'inputs'> : never) : never

/** Translates one source node. */
export type Lower = (lowering: Lowering, node: SourceNode) => void

export class Lowering {
  readonly rule: InputRule
  readonly constants: Map<string, Constant>
  readonly preprocess: string
  private readonly values = new Map<string, Value>()
  private readonly uses = new Map<string, number>()
  private readonly nodes = new Map<string, GraphNode>()
  private readonly names: Set<string>
  private readonly tensors = new Map<string, Tensor>()
  private readonly affines = new Map<string, Affine>()
  private folded = 0

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
    const value = this.moved(node, index)
    if (value.bytes) throw unsupported(node, 'input', 'floats: a Cast of the bytes in front', 'bytes')
    return this.inOrder(node, value)
  }

  /** The same for a node that only moves values about: in whatever way they are held. */
  moved(node: SourceNode, index: number): Value {
    const name = node.inputs[index] ?? ''
    const value = this.values.get(name)
    if (!value)
      throw invalidModel(`input ${index} of ${describeNode(node)}`, 'an activation of an earlier node', this.what(name))
    return value
  }

  /** The same with its channels in their own order. */
  inOrder(node: SourceNode, value: Value): Value {
    const groups = shuffledGroups(value)
    if (groups === undefined) return value
    return shuffleChannels(this, node, value, groups, unshuffled(value))
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

  /** Keeps the constants that a node stands for. Throws where there are more than a network can have use for. */
  fold(node: SourceNode, made: readonly Constant[]): void {
    made.forEach((constant, i) => {
      this.folded += constant.data.length
      this.constants.set(node.outputs[i]!, constant)
    })
    if (this.folded > foldLimit) throw invalidModel('constants of the graph', `${foldLimit} computed values`, 'more')
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
    for (let i = 2; this.names.has(name); i++) name = `${base}_${i}`
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
    return { node: name, shape, dims, batch: first.batch, shared: false }
  }

  /**
   * The values of a constant, stretched as numpy does, that has one value a channel of `value` or one for all: always C of
   * them.
   */
  perChannel(source: SourceNode, constant: Constant, value: Held): Float64Array {
    const extents = dimsOf(value)
    const channels = value.shape[2]
    const { data } = constant
    if (data.length === 1 && constant.dims.length <= extents.length) return new Float64Array(channels).fill(data[0]!)
    const dims = [...Array(Math.max(0, extents.length - constant.dims.length)).fill(1), ...constant.dims] as number[]
    const fits = dims.length === extents.length && dims.every((extent, i) => extent === 1 || extent === extents[i])
    const alongChannels = fits && dims.every((extent, i) => extent === 1 || isChannelAxis(value, i))
    const values = alongChannels ? Float64Array.from(data) : fits ? uniformOverPixels(data, dims, value) : undefined
    if (values?.length === channels) return values
    throw unsupported(
      source,
      'constant',
      `one value or ${channels}, one a channel of ${extents.join('x')}`,
      constant.dims.join('x'),
    )
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
      this.extendRule(next)
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

  /** ((p - mean) * scale) * a + b = (p - (mean - b / (scale * a))) * (scale * a) */
  private extendRule({ scale, shift }: Affine): void {
    const { rule } = this
    const channels = shift.length
    const at = (values: number[], c: number) => values[values.length === 1 ? 0 : c]!
    const scales = Array.from({ length: channels }, (_, c) => at(rule.scale, c) * scale[c]!)
    rule.mean = Array.from({ length: channels }, (_, c) => at(rule.mean, c) - shift[c]! / scales[c]!)
    rule.scale = scales
    rule.stated = true
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

  finish(
    model: SourceModel,
    size: Shape,
  ): { graph: GraphDescription; tensors: Map<string, Tensor>; outputs: readonly Value[] } {
    const outputs = model.outputs.map((name) => this.output(name, model.outputs))
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
    if (!value || value.node === this.preprocess) {
      throw invalidModel('outputs', 'what a node makes of the image', all.join(', '))
    }
    if (!sourceOrder(value)) throw invalidModel(`output ${name}`, 'the batch in front', dimsOf(value).join('x'))
    return value
  }
}

function composed(first: Affine, next: Affine): Affine {
  return {
    scale: first.scale.map((scale, c) => scale * next.scale[c]!),
    shift: first.shift.map((shift, c) => shift * next.scale[c]! + next.shift[c]!),
  }
}

function shortest(values: number[]): number[] {
  return values.every((value) => value === values[0]) ? values.slice(0, 1) : values
}

/** Channel 0 of every group, then channel 1 of every group, ... */
function shuffleChannels(
  lowering: Lowering,
  source: SourceNode,
  value: Value,
  groups: number,
  dims: Dimensions,
): Value {
  const name = lowering.unique(`${source.name || source.outputs[0]}/shuffled`)
  return lowering.add(source, name, { op: 'channel_shuffle', attributes: { groups } }, [value], () => dims)
}

/** The channels of these numbers, in this order. */
export function selectChannels(
  lowering: Lowering,
  source: SourceNode,
  value: Value,
  from: Int32Array,
  hold?: Hold,
): Value {
  const channels = value.shape[2]
  const weights = new Float32Array(from.length * channels)
  from.forEach((channel, c) => {
    weights[c * channels + channel] = 1
  })
  const name = lowering.unique(`${source.name || source.outputs[0]}/channels`)
  const weight = lowering.store(`${name}.weight`, [from.length, channels, 1, 1], weights)
  const attributes = { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: from.length } as const
  return lowering.add(source, name, { op: 'conv2d', attributes, tensors: { weight } }, [value], hold)
}

/** One value a channel, where a constant has more but the same for all pixels of a channel; undefined where it has not. */
function uniformOverPixels(data: Constant['data'], dims: readonly number[], held: Held): Float64Array | undefined {
  const extents = dimsOf(held)
  const places = sourceOrder(held)
  const channels = held.shape[2]
  if (!places || (held.batch > 1 && dims[0] !== 1)) return undefined
  const values = new Float64Array(channels)
  const seen = new Uint8Array(channels)
  const strides = dims.map((extent, i) =>
    extent === 1 ? 0 : dims.slice(i + 1).reduce((total, each) => total * each, 1),
  )
  for (let i = 0; i < places.length; i++) {
    let [rest, at] = [i, 0]
    for (let axis = extents.length - 1; axis >= (held.batch > 1 ? 1 : 0); axis--) {
      at += (rest % extents[axis]!) * strides[axis]!
      rest = Math.floor(rest / extents[axis]!)
    }
    const c = places[i]! % channels
    if (seen[c] && values[c] !== data[at]) return undefined
    values[c] = data[at]!
    seen[c] = 1
  }
  return values
}
