/** Shapes of a graph's activations and tensors, from its nodes alone. The rules are those of `native/ops/*.h`. */
import type { GraphDescription, GraphNode, Rounding, WindowAttributes } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'

/** One image's activation: `[height, width, channels]`. A vector of d values is `[1, 1, d]`. */
export type Shape = readonly [height: number, width: number, channels: number]

/** How often a window fits: with `ceil`, a last window that would start beyond the image is dropped (Caffe, Torch). */
export function slidingSize(
  size: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  rounding: Rounding = 'floor',
): number {
  const room = size + before + after - kernel
  if (room < 0) return 0
  const count = Math[rounding](room / stride) + 1
  return rounding === 'ceil' && (count - 1) * stride >= size + before ? count - 1 : count
}

function slidingShape(node: GraphNode, window: WindowAttributes & { rounding?: Rounding }, input: Shape, out: number) {
  const [top, left, bottom, right] = window.padding
  const height = slidingSize(input[0], window.kernel[0], window.stride[0], top, bottom, window.rounding)
  const width = slidingSize(input[1], window.kernel[1], window.stride[1], left, right, window.rounding)
  if (height < 1 || width < 1) {
    throw invalidModel(node.name, `an input that holds its ${window.kernel.join('x')} window`, input.join('x'))
  }
  return [height, width, out] as const
}

/** Shape of the tensor a node makes. Throws ERR_FACENET_MODEL_INVALID, naming the node, where the inputs do not fit. */
export function outputShape(node: GraphNode, inputs: readonly Shape[]): Shape {
  const [input] = inputs
  if (!input) throw invalidModel(node.name, 'at least one input', 'none')
  const [height, width, channels] = input
  switch (node.op) {
    case 'preprocess':
      return [height, width, node.attributes.color === 'grey' ? 1 : 3]
    case 'conv2d': {
      const groups = node.attributes.groups ?? 1
      if (channels % groups !== 0) throw invalidModel(node.name, `channels in ${groups} groups`, channels)
      return slidingShape(node, node.attributes, input, node.attributes.outChannels)
    }
    case 'max_pool':
    case 'avg_pool':
    case 'l2_pool':
      return slidingShape(node, node.attributes, input, channels)
    case 'global_pool':
      return [1, 1, channels]
    case 'fully_connected':
      return [1, 1, node.attributes.outFeatures]
    case 'maxout':
      if (channels % node.attributes.pieces !== 0) {
        throw invalidModel(node.name, `a multiple of ${node.attributes.pieces} channels`, channels)
      }
      return [height, width, channels / node.attributes.pieces]
    case 'concat':
      return [height, width, concatChannels(node.name, inputs)]
    case 'add':
      if (inputs.some((other) => other.join() !== input.join())) {
        throw invalidModel(node.name, 'inputs of one shape', inputs.map((shape) => shape.join('x')).join(' and '))
      }
      return input
    case 'zero_pad': {
      const [top, left, bottom, right] = node.attributes.padding ?? [0, 0, 0, 0]
      return [height + top + bottom, width + left + right, channels + (node.attributes.channels ?? 0)]
    }
    case 'upsample':
      return [height * node.attributes.factor, width * node.attributes.factor, channels]
    default:
      return input
  }
}

function concatChannels(name: string, inputs: readonly Shape[]): number {
  const [first] = inputs
  if (inputs.some(([height, width]) => height !== first![0] || width !== first![1])) {
    throw invalidModel(name, 'inputs of one height and width', inputs.map((shape) => shape.join('x')).join(' and '))
  }
  return inputs.reduce((sum, [, , channels]) => sum + channels, 0)
}

/** Shape of every activation by name, the graph's input included. */
export function activationShapes(graph: GraphDescription): Map<string, Shape> {
  const { name, height, width, channels } = graph.input
  const shapes = new Map<string, Shape>([[name, [height, width, channels]]])
  for (const node of graph.nodes) shapes.set(node.name, outputShape(node, inputShapes(node, shapes)))
  return shapes
}

export function inputShapes(node: GraphNode, shapes: ReadonlyMap<string, Shape>): Shape[] {
  return node.inputs.map((input) => {
    const shape = shapes.get(input)
    if (!shape) throw invalidModel(`input of ${node.name}`, 'the name of an earlier node', input)
    return shape
  })
}

/** A tensor that a node reads: what it is to the node (`weight`, `mean`, ...) and its stored shape. */
export interface NodeTensor {
  name: string
  role: 'weight' | 'bias' | 'scale' | 'shift' | 'mean' | 'variance' | 'slope'
  shape: number[]
}

/** The tensors of one node. Convolutions are stored O x I/groups x KH x KW, fully connected layers out x in. */
export function nodeTensors(node: GraphNode, input: Shape): NodeTensor[] {
  if (!('tensors' in node)) return []
  const [height, width, channels] = input
  const shapeOf = (role: string): number[] => {
    if (node.op === 'conv2d') {
      const { outChannels, groups = 1, kernel } = node.attributes
      return role === 'bias' ? [outChannels] : [outChannels, channels / groups, ...kernel]
    }
    if (node.op === 'fully_connected') {
      const { outFeatures } = node.attributes
      return role === 'bias' ? [outFeatures] : [outFeatures, height * width * channels]
    }
    return [channels]
  }
  const named = Object.entries(node.tensors) as [NodeTensor['role'], string | undefined][]
  return named.flatMap(([role, name]) => (name === undefined ? [] : [{ name, role, shape: shapeOf(role) }]))
}

/** Shape of every tensor of a graph by name, in the order of the nodes. */
export function tensorShapes(graph: GraphDescription): Map<string, number[]> {
  const shapes = activationShapes(graph)
  const tensors = new Map<string, number[]>()
  for (const node of graph.nodes) {
    for (const { name, shape } of nodeTensors(node, inputShapes(node, shapes)[0]!)) tensors.set(name, shape)
  }
  return tensors
}
