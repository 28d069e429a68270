/** A network of Torch7's modules while it is read: the layers and tensors that were made, and the fields of a module, checked. */
import type { GraphDescription, GraphNode } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import { f32Tensor, type Tensor } from '../../files/model/tensor.js'
import { outputShape, type Shape } from '../networks/shapes.js'
import { Torch7Object, Torch7Tensor, type Torch7Value } from './torch7.js'

/** The name of what a module makes, and its height, width and channels. */
export interface Made {
  name: string
  shape: Shape
}

/** A network, the floats of its output, and its tensors. */
export interface Torch7Graph {
  graph: GraphDescription
  output: number
  tensors: Map<string, Tensor>
}

/** Modules hold modules, and may hold one of them twice: a small file could stand for a network without end. */
const mostLayers = 10_000
const maxDepth = 100

type NewNode = GraphNode extends infer Node ? (Node extends GraphNode ? Omit<Node, 'inputs' | 'name'> : never) : never
export type Lower = (network: Torch7Network, module: Module, x: Made) => Made

/** Layers are named by their places: `3/2` is the second module of the third. */
export class Torch7Network {
  readonly nodes: GraphNode[] = []
  readonly tensors = new Map<string, Tensor>()
  private layers = 0
  private floats = 0

  /** `modules`: by the names of their classes; `mostFloats`: of all weights, of which a module that is held twice has its own. */
  private constructor(
    private readonly modules: Readonly<Record<string, Lower>>,
    private readonly mostFloats: number,
  ) {}

  /** The network of a file of so many bytes, for images of this height and width; its preprocess lets pixels through as they are. */
  static read(
    root: Torch7Value,
    [file, fileBytes]: readonly [path: string, bytes: number],
    [height, width]: readonly [number, number],
    modules: Readonly<Record<string, Lower>>,
  ): Torch7Graph {
    const network = new Torch7Network(modules, fileBytes)
    const preprocess = { name: 'preprocess', shape: [height, width, 3] as const }
    const { name, shape } = network.run(moduleOf(root, file, ''), preprocess, 0)
    if (name === preprocess.name) throw invalidModel(file, 'a network of at least one layer', 'none')
    const attributes = { mode: 'fixed' as const, color: 'rgb' as const, mean: [0], scale: [1] }
    const first: GraphNode = { name: preprocess.name, op: 'preprocess', inputs: ['image'], attributes }
    const graph: GraphDescription = {
      name: 'torch7',
      input: { name: 'image', height, width, channels: 3, dtype: 'u8' },
      nodes: [first, ...network.nodes],
      outputs: [name],
    }
    return { graph, output: shape[0] * shape[1] * shape[2], tensors: network.tensors }
  }

  run(module: Module, x: Made, depth: number): Made {
    if (++this.layers > mostLayers || depth > maxDepth) {
      throw invalidModel(
        module.what,
        `at most ${mostLayers} modules, ${maxDepth} deep`,
        'more, or one that holds itself',
      )
    }
    const lower = Object.hasOwn(this.modules, module.className) ? this.modules[module.className] : undefined
    if (lower) return lower(this, { ...module, depth }, x)
    const expected = `one of ${Object.keys(this.modules).join(', ')}`
    throw invalidModel(
      module.what,
      `${expected} (export the network to ONNX, or take another module)`,
      module.className,
    )
  }

  append(module: Module, node: NewNode, inputs: readonly Made[], suffix = ''): Made {
    const made = { ...node, name: module.path + suffix, inputs: inputs.map(({ name }) => name) } as GraphNode
    const shape = outputShape(
      made,
      inputs.map((input) => input.shape),
    )
    this.nodes.push(made)
    return { name: made.name, shape }
  }

  /** The name of a tensor that is kept. */
  put(module: Module, role: string, shape: readonly number[], data: Float32Array): string {
    this.floats += data.length
    if (this.floats > this.mostFloats) {
      throw invalidModel(module.what, `at most ${this.mostFloats} weights in all, the bytes of the file`, 'more')
    }
    const name = `${module.path}.${role}`
    this.tensors.set(name, f32Tensor(shape, data))
    return name
  }
}

/** A module and where it stands. */
export interface Module {
  className: string
  version: number
  fields: Torch7Object['fields']
  path: string
  /** For messages. */
  what: string
  depth: number
}

function moduleOf(value: Torch7Value, holder: string, path: string): Module {
  if (!(value instanceof Torch7Object)) {
    throw invalidModel(
      holder,
      'a module of nn',
      value === undefined ? 'nil' : value instanceof Map ? 'a table' : typeof value,
    )
  }
  const { className, version, fields } = value
  return { className, version, fields, path, what: `module ${path || 'of the file'}`, depth: 0 }
}

/** Those of a container, in their order. */
export function children({ fields, path, what }: Module): Module[] {
  const list = fields.get('modules')
  if (!(list instanceof Map)) throw invalidModel(`modules of ${what}`, 'a table', list)
  return Array.from({ length: list.size }, (_, i) =>
    moduleOf(list.get(i + 1), `modules of ${what}`, path ? `${path}/${i + 1}` : `${i + 1}`),
  )
}

export function number({ fields, what }: Module, key: string, otherwise?: number): number {
  const value = fields.get(key) ?? otherwise
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalidModel(`${key} of ${what}`, 'a number', value)
  return value
}

/** An extent of a window: a whole number of at least `least`. */
export function whole(module: Module, key: string, least: number, otherwise?: number): number {
  const value = number(module, key, otherwise)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw invalidModel(`${key} of ${module.what}`, `a whole number of at least ${least}`, value)
}

/** Missing in files of versions that had no such option. */
export function flag({ fields, what }: Module, key: string, otherwise: boolean): boolean {
  const value = fields.get(key) ?? otherwise
  if (typeof value !== 'boolean') throw invalidModel(`${key} of ${what}`, 'true or false', value)
  return value
}

export function tensor(module: Module, key: string, length: number): Float32Array {
  const value = optionalTensor(module, key, length)
  if (!value) throw invalidModel(`${key} of ${module.what}`, `a tensor of ${length} floats`, 'none')
  return value
}

export function optionalTensor({ fields, what }: Module, key: string, length: number): Float32Array | undefined {
  const value = fields.get(key)
  if (value === undefined) return undefined
  if (!(value instanceof Torch7Tensor)) throw invalidModel(`${key} of ${what}`, 'a tensor', typeof value)
  const floats = value.floats(`${key} of ${what}`)
  if (floats.length !== length) {
    throw invalidModel(`${key} of ${what}`, `${length} floats`, `${value.sizes.join('x')}`)
  }
  return floats
}
