/** A case of a table as a graph with data, for the addon and for onnxruntime. */
import { inferGraph } from '../../lib/convert/networks/shapes.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import type { NodeTensor, Shape } from '../../types/native.js'
import type { Tensors } from '../support/evaluate.js'
import type { OpCase } from '../support/ops.js'
import { integers, normals, type Random, seeded } from '../support/random.js'
import type { TableCase } from './case.js'

/** With values that are exact in bf16, so that every precision starts from the same numbers. */
export function opCase(item: TableCase): OpCase {
  const graph = graphOf(item)
  const random = seeded(seedOf(item.name))
  return {
    name: item.name,
    graph,
    tensors: tensorsOf(item, graph, (count, { role }) => parameters(count, role, random)),
    input: inputOf(item, random),
    ...(item.exact ? { exact: true } : {}),
    peer: item.noPeer === undefined,
  }
}

/** The same with inputs and weights of -1, 0 and 1, on which every order of adding gives the very sums. */
export function integerCase(item: TableCase): OpCase {
  const graph = graphOf(item)
  const random = seeded(seedOf(item.name))
  return {
    name: `${item.name}, exact on small integers`,
    graph,
    tensors: tensorsOf(item, graph, (count) => integers(count, random, -1, 1)),
    input: integers(imagesOf(item) * elements(widened(item.inputs)), random, -1, 1),
    exact: true,
  }
}

export const imagesOf = ({ count = 3 }: TableCase): number => count

/**
 * The case's nodes on one input, as graphs have it: several inputs are the channels of one, taken apart by 1x1
 * convolutions with weights of 0 and 1, and pooled by 1x1 so that nothing is fused across. An input of one pixel is pooled
 * over the whole image.
 */
export function graphOf({ name, inputs, nodes }: TableCase): GraphDescription {
  const [height, width, channels] = widened(inputs)
  const read = new Set(nodes.flatMap((node) => node.inputs))
  return {
    name,
    input: { name: inputs.length === 1 ? 'x' : 'all', height, width, channels, dtype: 'f32' },
    nodes: [...(inputs.length === 1 ? [] : inputs.flatMap((shape, i) => takeApart(shape, inputName(i)))), ...nodes],
    outputs: nodes.map((node) => node.name).filter((node) => !read.has(node)),
  }
}

export const inputName = (i: number): string => (i === 0 ? 'x' : `x${i}`)

function takeApart([height, width, channels]: Shape, name: string): GraphNode[] {
  const window = { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0] } as const
  return [
    {
      name: `${name}.channels`,
      op: 'conv2d',
      inputs: ['all'],
      attributes: { ...window, outChannels: channels },
      tensors: { weight: `${name}.selection` },
    },
    height * width === 1
      ? { name, op: 'global_pool', inputs: [`${name}.channels`], attributes: { kind: 'max' } }
      : { name, op: 'max_pool', inputs: [`${name}.channels`], attributes: window },
  ]
}

/** One image that holds all inputs, side by side in its channels. */
function widened(inputs: readonly Shape[]): Shape {
  const [height, width] = inputs[0]!
  return [height, width, inputs.reduce((sum, [, , channels]) => sum + channels, 0)]
}

function tensorsOf(
  { inputs, shared = [] }: TableCase,
  graph: GraphDescription,
  values: (count: number, tensor: NodeTensor) => Float32Array,
): Tensors {
  const made: Tensors = {}
  for (const tensor of inferGraph(graph).flatMap(({ tensors }) => tensors)) {
    const shape = (shared as string[]).includes(tensor.role) ? [1] : tensor.shape
    made[tensor.name] = { shape, data: values(product(shape), tensor) }
  }
  if (inputs.length > 1) Object.assign(made, selections(inputs))
  return made
}

/** Ones where an output channel takes an input channel. */
function selections(inputs: readonly Shape[]): Tensors {
  const total = widened(inputs)[2]
  const made: Tensors = {}
  let first = 0
  inputs.forEach(([, , channels], i) => {
    const data = new Float32Array(channels * total)
    for (let c = 0; c < channels; c++) data[c * total + first + c] = 1
    made[`${inputName(i)}.selection`] = { shape: [channels, total, 1, 1], data }
    first += channels
  })
  return made
}

function parameters(count: number, role: NodeTensor['role'], random: Random): Float32Array {
  const values = normals(count, random, role === 'weight' || role === 'bias' ? 0.1 : 1)
  return role === 'variance' ? values.map((value) => value * value + 0.1) : values
}

/** 256 values, evenly spaced over the range: bf16 holds them, and ties are not rare. */
function inputOf(item: TableCase, random: Random): Float32Array {
  const [low, high] = item.range ?? [-2, 2]
  const steps = item.values === 'few' ? 4 : 256
  const count = imagesOf(item) * elements(widened(item.inputs))
  return Float32Array.from({ length: count }, () => low + ((high - low) / steps) * random.integer(0, steps - 1))
}

const elements = ([height, width, channels]: Shape) => height * width * channels
const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1)
const seedOf = (name: string) => [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0, 7)
