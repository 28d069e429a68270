/** The graph that a translation emits: nodes by name, their tensors, and affines that are still composed. */
import type { GraphDescription, GraphNode, WindowAttributes } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import { maxGraphNodes } from '../../files/model/graph_schema.js'
import { f32Tensor, type Tensor, toFloat32 } from '../../files/model/tensor.js'
import { outputShape, type Shape } from '../networks/shapes.js'
import { type Affine, type InputRule, shortest } from './affine.js'
import { type Dimensions, dimsOf, type Held, heldLike, isHeldAs, maps } from './layout.js'
import { unsupported } from './operators.js'
import type { SourceModel, SourceNode } from './source.js'

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

export type Hold = (shape: Shape, batch: number) => Dimensions
export type Body = GraphNode extends infer Node
  ? Node extends GraphNode
    ? Omit<Node, 'name' | 'inputs'>
    : never
  : never

export class EmittedGraph {
  readonly preprocess: string
  protected readonly nodes = new Map<string, GraphNode>()
  protected readonly affines = new Map<string, Affine>()
  private readonly tensors = new Map<string, Tensor>()
  private readonly names: Set<string>
  /** How many names were made of one: a search from the first on would take its time squared. */
  private readonly sameNames = new Map<string, number>()

  constructor(
    input: string,
    readonly rule: InputRule,
  ) {
    this.names = new Set([input])
    this.preprocess = this.unique('preprocess')
  }

  unique(base: string): string {
    let name = base
    let count = this.sameNames.get(base) ?? 1
    while (this.names.has(name)) name = `${base}_${++count}`
    this.sameNames.set(base, count)
    this.names.add(name)
    return name
  }

  store(name: string, shape: readonly number[], values: ArrayLike<number>): string {
    this.tensors.set(name, f32Tensor(shape, values instanceof Float32Array ? values : Float32Array.from(values)))
    return name
  }

  /** Adds a node. What it makes is held like the first input unless told. Throws where the inputs do not fit. */
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

  /** The graph with these outputs and the tensors that it reads. */
  protected describe(
    { name, input }: SourceModel,
    size: Shape,
    outputs: readonly Value[],
  ): { graph: GraphDescription; tensors: Map<string, Tensor> } {
    this.dropUnread(outputs)
    this.storeAffines()
    const { color, mean, scale, perImage } = this.rule
    const preprocess: GraphNode = {
      name: this.preprocess,
      op: 'preprocess',
      inputs: [input.name],
      attributes: perImage
        ? { mode: 'per-image', color }
        : { mode: 'fixed', color, mean: shortest(mean), scale: shortest(scale) },
    }
    const graph: GraphDescription = {
      name,
      input: { name: input.name, height: size[0], width: size[1], channels: 3, dtype: 'u8' },
      nodes: [preprocess, ...this.nodes.values()],
      outputs: outputs.map(({ node }) => node),
    }
    return { graph, tensors: this.tensors }
  }

  private storeAffines(): void {
    for (const [name, { scale, shift }] of this.affines) {
      const node = this.nodes.get(name)
      if (node?.op !== 'affine') continue
      const { length } = scale
      if (scale.some((value) => value !== 1)) node.tensors.scale = this.store(`${name}.scale`, [length], scale)
      if (shift.some((value) => value !== 0)) node.tensors.shift = this.store(`${name}.shift`, [length], shift)
    }
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
}
