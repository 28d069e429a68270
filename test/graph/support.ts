/** Hand-made graphs, written as short as they read, and plans of them. */
import { activationShapes, inferGraph, type Shape } from '../../lib/convert/networks/shapes.js'
import { native } from '../../lib/native/addon.js'
import type { GraphDescription, GraphNode, Padding } from '../../types/graph.js'
import type { PlanOptions, PlanReport } from '../../types/native.js'
import type { Tensors } from '../support/evaluate.js'
import { seeded } from '../support/random.js'

interface WindowOptions {
  kernel?: number
  stride?: number
  padding?: Padding
}

/** Padded so that with stride 1 the output is as large as the input. */
function windowOf({ kernel = 1, stride = 1, padding }: WindowOptions) {
  const [before, after] = [Math.floor((kernel - 1) / 2), Math.ceil((kernel - 1) / 2)]
  return {
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: padding ?? [before, before, after, after],
  } as const
}

export const preprocess = (name: string, from: string): GraphNode => ({
  name,
  op: 'preprocess',
  inputs: [from],
  attributes: { mode: 'fixed', color: 'rgb', mean: [127.5], scale: [1 / 128] },
})

/** 1x1 unless told. */
export const conv = (
  name: string,
  from: string,
  outChannels: number,
  { groups = 1, bias = true, ...window }: WindowOptions & { groups?: number; bias?: boolean } = {},
): GraphNode => ({
  name,
  op: 'conv2d',
  inputs: [from],
  attributes: { ...windowOf(window), outChannels, groups },
  tensors: { weight: `${name}.weight`, ...(bias ? { bias: `${name}.bias` } : {}) },
})

export const batchNorm = (name: string, from: string): GraphNode => ({
  name,
  op: 'batch_norm',
  inputs: [from],
  attributes: { epsilon: 1e-3 },
  tensors: { mean: `${name}.mean`, variance: `${name}.variance`, scale: `${name}.scale`, shift: `${name}.shift` },
})

export const affine = (name: string, from: string): GraphNode => ({
  name,
  op: 'affine',
  inputs: [from],
  tensors: { scale: `${name}.scale`, shift: `${name}.shift` },
})

export const relu = (name: string, from: string): GraphNode => ({ name, op: 'relu', inputs: [from] })

export const prelu = (name: string, from: string): GraphNode => ({
  name,
  op: 'prelu',
  inputs: [from],
  tensors: { slope: `${name}.slope` },
})

export const pool = (
  name: string,
  from: string,
  { op = 'max_pool', ...window }: WindowOptions & { op?: 'max_pool' | 'avg_pool' | 'l2_pool' } = {},
): GraphNode => ({ name, op, inputs: [from], attributes: windowOf({ kernel: 3, ...window }) })

export const fullyConnected = (name: string, from: string, outFeatures: number): GraphNode => ({
  name,
  op: 'fully_connected',
  inputs: [from],
  attributes: { outFeatures },
  tensors: { weight: `${name}.weight`, bias: `${name}.bias` },
})

export const maxout = (name: string, from: string, pieces = 2): GraphNode => ({
  name,
  op: 'maxout',
  inputs: [from],
  attributes: { pieces },
})

export const concat = (name: string, ...inputs: string[]): GraphNode => ({ name, op: 'concat', inputs })

/** a + factor * b */
export const add = (name: string, a: string, b: string, factor = 1): GraphNode => ({
  name,
  op: 'add',
  inputs: [a, b],
  attributes: { factor },
})

export const l2Normalize = (name: string, from: string): GraphNode => ({ name, op: 'l2_normalize', inputs: [from] })

/** fp32 activations `x`, 8x8 with 16 channels unless told; the last node is the output unless told. */
export function graphOf(
  nodes: GraphNode[],
  { outputs = [nodes.at(-1)!.name], shape = [8, 8, 16] }: { outputs?: string[]; shape?: Shape } = {},
): GraphDescription {
  const [height, width, channels] = shape
  return { name: 'test', input: { name: 'x', height, width, channels, dtype: 'f32' }, nodes, outputs }
}

export const planOf = (graph: GraphDescription, options: PlanOptions = {}): PlanReport => native().plan(graph, options)

/** A line a step: its op and the layers it stands for. */
export const stepsOf = (graph: GraphDescription, options: PlanOptions = {}): string[] =>
  planOf(graph, options).steps.map(({ op, layers }) => `${op}: ${layers.join(' ')}`)

/** The step that stands for a layer. */
export function stepWith(plan: PlanReport, layer: string) {
  const step = plan.steps.find(({ layers }) => layers.includes(layer))
  if (!step) throw new Error(`no step stands for ${layer}`)
  return step
}

/** Random values for all tensors of a graph: weights that keep activations near 1, variances above zero. */
export function randomTensors(graph: GraphDescription, seed: number): Tensors {
  const random = seeded(seed)
  const between = (low: number, high: number) => () => low + (high - low) * random.uniform()
  const tensors: Tensors = {}
  for (const node of inferGraph(graph)) {
    for (const { name, role, shape } of node.tensors) {
      const fanIn = shape.slice(1).reduce((product, extent) => product * extent, 1)
      const limit = role === 'weight' ? Math.sqrt(3 / fanIn) : 0.5
      const value = role === 'scale' || role === 'variance' ? between(0.5, 1.5) : between(-limit, limit)
      const size = shape.reduce((product, extent) => product * extent, 1)
      tensors[name] = { shape, data: Float32Array.from({ length: size }, value) }
    }
  }
  return tensors
}

const channels = (graph: GraphDescription, name: string) => activationShapes(graph).get(name)![2]

/** A step of the recipe that `randomGraph` follows; its numbers choose among what is possible where it comes. */
export interface Choice {
  kind: number
  from: number
  other: number
  size: number
}

/**
 * A graph of 6x6 pixels made by a recipe: every choice adds one layer to one of the last four, so tensors are often
 * read twice, and adds and concats meet tensors that others read too. The outputs are the last layer and an inner one.
 */
export function randomGraph(choices: readonly Choice[], inner: number): GraphDescription {
  const graph = graphOf([conv('n0', 'x', 8)], { shape: [6, 6, 8] })
  choices.forEach(({ kind, from, other, size }, index) => {
    const names = graph.nodes.map(({ name }) => name)
    const [a, name] = [names.at(-1 - (from % Math.min(4, names.length)))!, `n${index + 1}`]
    const like = names.filter((candidate) => channels(graph, candidate) === channels(graph, a))
    const peer = like.at(-1 - (other % Math.min(3, like.length)))!
    const factor = size % 2 ? 0.25 : 1
    const makers: (() => GraphNode)[] = [
      () => conv(name, a, 4 * (1 + (size % 5))),
      () => conv(name, a, 3 + size, { kernel: 3 }),
      () => conv(name, a, channels(graph, a), { kernel: 3, bias: size % 2 === 0 }),
      () => batchNorm(name, a),
      () => affine(name, a),
      () => relu(name, a),
      () => prelu(name, a),
      () => pool(name, a, { op: size % 2 ? 'avg_pool' : 'max_pool' }),
      () => add(name, a, peer, factor),
      () => add(name, peer, a, factor),
      () => concat(name, a, names[other % names.length]!),
      () => concat(name, names[other % names.length]!, a, peer),
    ]
    const node = makers[kind % makers.length]!()
    const wide = node.op === 'concat' && node.inputs.reduce((sum, input) => sum + channels(graph, input), 0) > 128
    graph.nodes.push(wide ? relu(name, a) : node)
  })
  const last = graph.nodes.at(-1)!.name
  const innerName = graph.nodes[inner % graph.nodes.length]!.name
  return { ...graph, outputs: [...new Set([last, innerName])] }
}
