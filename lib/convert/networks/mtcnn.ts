/**
 * The three networks of MTCNN (Zhang, Zhang, Li, Qiao: Joint face detection and alignment using multitask cascaded
 * convolutional networks, 2016), with the layers of the authors' Caffe files. Pools round up, as Caffe's do; no layer is padded.
 *
 * Each has two outputs or three: two logits (no face, face), four shifts of the box's left, top, right and bottom edge as
 * shares of its width and height, and in O-net five points: five x, then five y, as shares of the box.
 */
import type { GraphDescription, GraphNode } from '../../../types/graph.js'
import type { Preprocessing } from './builder.js'

/** `conv` and `fc` are followed by a PReLU, `linear` is a fully connected output, `linear1x1` a convolutional one. */
type Row =
  | readonly ['conv', name: string, channels: number, kernel: number]
  | readonly ['pool', name: string, kernel: number]
  | readonly ['fc', name: string, features: number]
  | readonly ['linear' | 'linear1x1', name: string, features: number]

/** P-net looks at every second pixel's window of 12x12; it takes any larger image as well. */
const pnet = [
  ['conv', 'conv1', 10, 3],
  ['pool', 'pool1', 2],
  ['conv', 'conv2', 16, 3],
  ['conv', 'conv3', 32, 3],
  ['linear1x1', 'score', 2],
  ['linear1x1', 'box', 4],
] as const satisfies Row[]

const rnet = [
  ['conv', 'conv1', 28, 3],
  ['pool', 'pool1', 3],
  ['conv', 'conv2', 48, 3],
  ['pool', 'pool2', 3],
  ['conv', 'conv3', 64, 2],
  ['fc', 'fc4', 128],
  ['linear', 'score', 2],
  ['linear', 'box', 4],
] as const satisfies Row[]

const onet = [
  ['conv', 'conv1', 32, 3],
  ['pool', 'pool1', 3],
  ['conv', 'conv2', 64, 3],
  ['pool', 'pool2', 3],
  ['conv', 'conv3', 64, 3],
  ['pool', 'pool3', 2],
  ['conv', 'conv4', 128, 2],
  ['fc', 'fc5', 256],
  ['linear', 'score', 2],
  ['linear', 'box', 4],
  ['linear', 'points', 10],
] as const satisfies Row[]

/** All tensors bear their network's name, so that the three can share a file: `rnet/conv1.weight`, `rnet/conv1/prelu.slope`. */
export const mtcnnGraphs = {
  pnet: expand('pnet', 12, pnet),
  rnet: expand('rnet', 24, rnet),
  onet: expand('onet', 48, onet),
} as const

export type MtcnnStage = keyof typeof mtcnnGraphs

function expand(network: string, size: number, rows: readonly Row[]): GraphDescription {
  const preprocessing: Preprocessing = { mode: 'fixed', color: 'rgb', mean: [127.5], scale: [0.0078125] }
  const nodes: GraphNode[] = [{ op: 'preprocess', name: 'preprocess', inputs: ['image'], attributes: preprocessing }]
  const outputs: string[] = []
  let last = 'preprocess'
  for (const [kind, name, count, kernel = 1] of rows) {
    nodes.push(layer(kind, network, name, last, count, kernel))
    if (kind === 'linear' || kind === 'linear1x1') {
      outputs.push(name)
      continue
    }
    last = name
    if (kind === 'pool') continue
    last = `${name}/prelu`
    nodes.push({ op: 'prelu', name: last, inputs: [name], tensors: { slope: `${network}/${last}.slope` } })
  }
  return {
    name: network,
    input: { name: 'image', height: size, width: size, channels: 3, dtype: 'u8' },
    nodes,
    outputs,
  }
}

function layer(kind: Row[0], network: string, name: string, input: string, count: number, kernel: number): GraphNode {
  const base = { name, inputs: [input] }
  const tensors = { weight: `${network}/${name}.weight`, bias: `${network}/${name}.bias` }
  const padding = [0, 0, 0, 0] as const
  switch (kind) {
    case 'pool': {
      const window = { kernel: [count, count], stride: [2, 2], padding } as const
      return { ...base, op: 'max_pool', attributes: { ...window, rounding: 'ceil' } }
    }
    case 'fc':
    case 'linear':
      return { ...base, op: 'fully_connected', attributes: { outFeatures: count }, tensors }
    default: {
      const window = { kernel: [kernel, kernel], stride: [1, 1], padding } as const
      return { ...base, op: 'conv2d', attributes: { ...window, outChannels: count }, tensors }
    }
  }
}
