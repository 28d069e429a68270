/** The state of translating a node list into a graph: what each source tensor has become, and what has been emitted. */
import type { GraphDescription, GraphNode, WindowAttributes } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import { f32Tensor, type Tensor } from '../../files/model/tensor.js'
import { outputShape, type Shape } from '../networks/shapes.js'
import { channelAxis, dimsOf, type Held, type Layout } from './layout.js'
import { type Constant, describeNode, type SourceModel, type SourceNode } from './source.js'

/** An activation of the source: the node of ours that makes it, and how the source holds it. */
export interface Value extends Held {
  node: string
  /** Whether anything else reads it: then the node that makes it must stay as it is. */
  shared: boolean
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

  constructor(model: SourceModel, input: Held, rule: InputRule) {
    this.rule = rule
    this.constants = new Map(model.constants)
    for (const name of [...model.nodes.flatMap(({ inputs }) => inputs), ...model.outputs]) {
      this.uses.set(name, (this.uses.get(name) ?? 0) + 1)
    }
    this.names = new Set([model.input.name])
    this.preprocess = this.unique('preprocess')
    this.bind(model.input.name, { ...input, node: this.preprocess, shared: false })
  }

  /** The activation that a node reads. Throws where it is missing or a constant. */
  value(node: SourceNode, index: number): Value {
    const name = node.inputs[index] ?? ''
    const value = this.values.get(name)
    if (!value)
      throw invalidModel(`input ${index} of ${describeNode(node)}`, 'an activation of an earlier node', this.what(name))
    return value
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
  pass(node: SourceNode, value: Value, layout: Layout = value.layout): void {
    this.bind(node.outputs[0]!, { ...value, layout })
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

  /** Adds a node and binds what `source` makes to it. Throws where the inputs do not fit. */
  emit(source: SourceNode, name: string, body: Body, inputs: readonly Value[], layout = inputs[0]!.layout): Value {
    const node = { ...body, name, inputs: inputs.map((input) => input.node) } as GraphNode
    const shape = outputShape(
      node,
      inputs.map((input) => input.shape),
    )
    this.nodes.set(name, node)
    const value: Value = { node: name, shape, layout, shared: false }
    this.bind(source.outputs[0]!, value)
    return value
  }

  /** The values of a constant that has one value a channel of `value`, or one for all: always C of them. */
  perChannel(source: SourceNode, constant: Constant, value: Held): Float64Array {
    const rank = dimsOf(value).length
    const axis = channelAxis(value)
    const channels = value.shape[2]
    const dims = [...Array(Math.max(0, rank - constant.dims.length)).fill(1), ...constant.dims] as number[]
    const along = dims.every((extent, i) => extent === 1 || (i === axis && extent === channels))
    if (dims.length > rank || !along) {
      throw invalidModel(
        `constant of ${describeNode(source)}`,
        `one value or ${channels}, one a channel`,
        constant.dims.join('x'),
      )
    }
    return Float64Array.from({ length: channels }, (_, c) => constant.data[constant.data.length === 1 ? 0 : c]!)
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
    if (value.shared || node?.op !== 'zero_pad' || node.attributes.channels || !node.attributes.padding)
      return undefined
    const { padding } = node.attributes
    const [top, left, bottom, right] = padding
    const [height, width, channels] = value.shape
    this.nodes.delete(node.name)
    const shape: Shape = [height - top - bottom, width - left - right, channels]
    return { value: { ...value, node: node.inputs[0]!, shape }, padding }
  }

  finish(model: SourceModel, size: Shape): { graph: GraphDescription; tensors: Map<string, Tensor> } {
    const outputs = model.outputs.map((name) => this.values.get(name)?.node)
    if (outputs.some((name) => name === undefined || name === this.preprocess)) {
      throw invalidModel('outputs', 'what a node makes of the image', model.outputs.join(', '))
    }
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
      outputs: outputs as string[],
    }
    return { graph, tensors: this.tensors }
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
