/** The state of translating a node list into a graph: what each source tensor has become. */
import type { GraphDescription } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import type { Tensor } from '../../files/model/tensor.js'
import type { Shape } from '../networks/shapes.js'
import { type Affine, composed, extendRule, type InputRule } from './affine.js'
import { type Body, EmittedGraph, type Hold, type Value } from './emitted_graph.js'
import { FoldBudget } from './fold_budget.js'
import { dimsOf, type Held, shuffledOrder, sourceOrder, unshuffled } from './layout.js'
import { unsupported } from './operators.js'
import { selectChannels, shuffleChannels, shuffleGroups } from './select_channels.js'
import { type Constant, describeNode, type SourceModel, type SourceNode } from './source.js'

export type { Value }

/** Translates one source node. */
export type Lower = (lowering: Lowering, node: SourceNode) => void

export class Lowering extends EmittedGraph {
  readonly constants: Map<string, Constant>
  /** Activations that the source rounds to integers. */
  quantized = 0
  private readonly values = new Map<string, Value>()
  private readonly uses = new Map<string, number>()
  readonly budget = new FoldBudget()

  /** The input is bytes where the file says so. */
  constructor(model: SourceModel, input: Held, rule: InputRule) {
    super(model.input.name, rule)
    this.constants = new Map(model.constants)
    for (const name of [...model.nodes.flatMap(({ inputs }) => inputs), ...model.outputs]) {
      this.uses.set(name, (this.uses.get(name) ?? 0) + 1)
    }
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

  /** The name a source node gives rise to: its own, or its weights' (`conv0.weight`: conv0), or that of what it makes. */
  nodeName(node: SourceNode, weights?: string): string {
    return this.unique(node.name || weights?.match(/^(.+)\.\w+$/)?.[1] || node.outputs[0]!)
  }

  /** Adds a node and binds what `source` makes to it, held like the first input unless told. Throws where the inputs do not fit. */
  emit(source: SourceNode, name: string, body: Body, inputs: readonly Value[], hold?: Hold): Value {
    const value = this.add(source, name, body, inputs, hold)
    this.bind(source.outputs[0]!, value)
    return value
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

  finish(
    model: SourceModel,
    size: Shape,
  ): { graph: GraphDescription; tensors: Map<string, Tensor>; outputs: readonly Value[] } {
    const outputs = model.outputs.map((name) => this.output(name, model.outputs))
    return { ...this.describe(model, size, outputs), outputs }
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
