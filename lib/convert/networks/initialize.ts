/**
 * Random weights to train from, or to time and compare engines with.
 *
 * Weights are uniform with He's variance, gain / fan-in: gain 2 where a ReLU follows, which halves the second moment, and
 * 1 elsewhere (a maxout of two keeps it). Biases, shifts and running means are 0, scales and running variances 1.
 * Each tensor has a generator of its own, seeded with the seed and the tensor's name, so the same seed gives a layer the
 * same weights in whatever order and company it stands.
 */
import type { GraphDescription, GraphNode } from '../../../types/graph.js'
import { elementCount, type Tensor } from '../../files/model/tensor.js'
import { checkInteger } from '../../native/check_arguments.js'
import { sfc32 } from '../../training/random.js'
import { inferGraph } from './shapes.js'

/** A tensor in fp32. */
export type F32Tensor = Extract<Tensor, { dtype: 'f32' }>

/**
 * Random weights of a graph, by name: uniform with He's variance (He et al., ICCV 2015), the same for the same seed.
 *
 * @param graph the network.
 * @param seed 0..2^32-1.
 *
 * @example
 * ```ts
 * const graph = networks.nns2.graph({ dimensions: 64 })
 * const weights = initialWeights(graph, 1)
 * ```
 */
export function initialWeights(graph: GraphDescription, seed = 0): Map<string, F32Tensor> {
  checkInteger(seed, 'seed', 0, 2 ** 32 - 1)
  const tensors = new Map<string, F32Tensor>()
  for (const { node, tensors: named } of inferGraph(graph)) {
    for (const { name, role, shape } of named) {
      const data = new Float32Array(elementCount(shape))
      if (role === 'weight') fillUniform(data, bound(graph, node, shape), generatorOf(name, seed))
      if (role === 'scale' || role === 'variance') data.fill(1)
      if (role === 'slope') data.fill(0.25)
      tensors.set(name, { dtype: 'f32', shape, data })
    }
  }
  return tensors
}

const generatorOf = (name: string, seed: number) => sfc32(seed | 0, hash(name), 0x9e3779b9)

/** Rows of uniform values whose length is about 1, for a tensor that is not of a graph. */
export function initialRows(name: string, rows: number, dimensions: number, seed: number): F32Tensor {
  const data = new Float32Array(rows * dimensions)
  fillUniform(data, Math.sqrt(3 / dimensions), generatorOf(name, seed))
  return { dtype: 'f32', shape: [rows, dimensions], data }
}

/** Half the width of a uniform distribution of variance gain / fan-in. */
function bound(graph: GraphDescription, node: GraphNode, [, ...fanIn]: number[]): number {
  const gain = reluFollows(graph, node.name) ? 2 : 1
  return Math.sqrt((3 * gain) / elementCount(fanIn))
}

function reluFollows(graph: GraphDescription, name: string): boolean {
  return graph.nodes.some(
    (node) =>
      node.inputs.includes(name) &&
      (['relu', 'relu6', 'prelu'].includes(node.op) ||
        (['batch_norm', 'affine'].includes(node.op) && reluFollows(graph, node.name))),
  )
}

function fillUniform(data: Float32Array, limit: number, random: () => number): void {
  const scale = (2 * limit) / 2 ** 32
  for (let index = 0; index < data.length; index++) data[index] = random() * scale - limit
}

/** 32-bit FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value
}
