/**
 * Runs a graph node by node in plain TypeScript, written apart from the native code: in fp64 it is the oracle of every
 * device, in fp32 and bf16 it shows what error that precision costs.
 */
import { outputShape } from '../../lib/convert/networks/shapes.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import {
  type Activations,
  at,
  type Call,
  channelValue,
  forEachPixel,
  inside,
  type NodeOf,
  type Tensors,
} from './activations.js'
import { crossCovarianceAttention } from './attention.js'
import { pointwiseLoops } from './pointwise.js'
import { globalPool, slidingPool } from './pools.js'
import type { Precision } from './precision.js'
import { conv2d, fullyConnected } from './products.js'

export type { Tensors } from './activations.js'

/** The graph's outputs for `count` images. The convolutions named in `byWinograd` are computed that way. */
export function evaluate(
  graph: GraphDescription,
  tensors: Tensors,
  input: ArrayLike<number>,
  count: number,
  precision: Precision,
  byWinograd: readonly string[] = [],
): Float64Array[] {
  const { name, height, width, channels } = graph.input
  const made = new Map<string, Activations>()
  made.set(name, { count, shape: [height, width, channels], data: Float64Array.from(input) })
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((from) => made.get(from)!)
    const shape = outputShape(
      node,
      inputs.map((from) => from.shape),
    )
    const out = { count, shape, data: new Float64Array(count * shape[0] * shape[1] * shape[2]) }
    const loop = loops[node.op] as (node: GraphNode, call: Call) => void
    loop(node, { inputs, out, tensors, precision, byWinograd })
    if (!graph.outputs.includes(node.name)) out.data = out.data.map(precision.store)
    made.set(node.name, out)
  }
  return graph.outputs.map((output) => made.get(output)!.data)
}

type Loop<Name extends GraphNode['op']> = (node: NodeOf<Name>, call: Call) => void

const loops: { [Name in GraphNode['op']]: Loop<Name> } = {
  preprocess,
  conv2d,
  fully_connected: fullyConnected,
  max_pool: slidingPool,
  avg_pool: slidingPool,
  l2_pool: slidingPool,
  global_pool: globalPool,
  lrn,
  concat,
  zero_pad: pad,
  constant_pad: pad,
  edge_pad: pad,
  reflect_pad: pad,
  channel_shuffle: channelShuffle,
  upsample,
  l2_normalize: l2Normalize,
  instance_norm: instanceNorm,
  layer_norm: layerNorm,
  cross_covariance_attention: crossCovarianceAttention,
  batch_norm: elementwise,
  affine: elementwise,
  relu: elementwise,
  relu6: elementwise,
  ...pointwiseLoops,
  prelu: elementwise,
  maxout: elementwise,
  add: elementwise,
  multiply,
  maximum: elementwise,
  minimum: elementwise,
}

function preprocess(node: NodeOf<'preprocess'>, { inputs, out, precision }: Call): void {
  const [image] = inputs as [Activations]
  const r = precision.arithmetic
  const { mode, color, mean = [0], scale = [1] } = node.attributes
  const channels = out.shape[2]
  forEachPixel(out, (n, y, x) => {
    const [red, green, blue] = [0, 1, 2].map((c) => image.data[at(image, n, y, x, c)]!) as [number, number, number]
    const grey = r(r(r(0.299 * red) + r(0.587 * green)) + r(0.114 * blue))
    const pixel = color === 'grey' ? [grey] : color === 'bgr' ? [blue, green, red] : [red, green, blue]
    for (let c = 0; c < channels; c++) out.data[at(out, n, y, x, c)] = pixel[c]!
  })
  const elements = out.shape[0] * out.shape[1] * channels
  for (let n = 0; n < out.count; n++) {
    const values = out.data.subarray(n * elements, (n + 1) * elements)
    const average = r(values.reduce((sum, value) => r(sum + value), 0) / elements)
    const variance = r(values.reduce((sum, value) => r(sum + r(r(value - average) ** 2)), 0) / elements)
    const deviation = r(Math.max(Math.sqrt(variance), 1 / Math.sqrt(elements)))
    values.forEach((value, i) => {
      const c = i % channels
      values[i] =
        mode === 'per-image'
          ? r(r(value - average) / deviation)
          : r(r(value - (mean[c] ?? mean[0]!)) * (scale[c] ?? scale[0]!))
    })
  }
}

function lrn({ attributes }: NodeOf<'lrn'>, { inputs, out, precision }: Call): void {
  const [x] = inputs as [Activations]
  const r = precision.arithmetic
  const { size, alpha, beta, bias, alphaPer } = attributes
  const factor = r(alphaPer === 'window' ? alpha / size : alpha)
  const channels = out.shape[2]
  forEachPixel(out, (n, row, column) => {
    const pixel = at(x, n, row, column)
    for (let c = 0; c < channels; c++) {
      let squares = 0
      for (let i = c - Math.floor((size - 1) / 2); i <= c + Math.floor(size / 2); i++) {
        if (i >= 0 && i < channels) squares = r(squares + r(x.data[pixel + i]! ** 2))
      }
      out.data[pixel + c] = r(x.data[pixel + c]! / r(r(bias + r(factor * squares)) ** beta))
    }
  })
}

function concat(_: NodeOf<'concat'>, { inputs, out }: Call): void {
  let first = 0
  for (const part of inputs) {
    forEachPixel(out, (n, y, x) => {
      for (let c = 0; c < part.shape[2]; c++) out.data[at(out, n, y, x, first + c)] = part.data[at(part, n, y, x, c)]!
    })
    first += part.shape[2]
  }
}

type Pad = 'zero_pad' | 'constant_pad' | 'edge_pad' | 'reflect_pad'

function pad({ op, attributes }: NodeOf<Pad>, { inputs, out }: Call): void {
  const [x] = inputs as [Activations]
  const { padding = [0, 0, 0, 0] } = attributes
  const filler = op === 'constant_pad' ? attributes.value : 0
  // Steps back into the image along one axis.
  const moved = (place: number, size: number): number => {
    if (op === 'edge_pad') return Math.min(Math.max(place, 0), size - 1)
    return op === 'reflect_pad' ? size - 1 - Math.abs(size - 1 - Math.abs(place)) : place
  }
  forEachPixel(out, (n, row, column) => {
    const [y, fromColumn] = [moved(row - padding[0], x.shape[0]), moved(column - padding[1], x.shape[1])]
    for (let c = 0; c < out.shape[2]; c++) {
      const filled = !inside(x, y, fromColumn) || c >= x.shape[2]
      out.data[at(out, n, row, column, c)] = filled ? filler : x.data[at(x, n, y, fromColumn, c)]!
    }
  })
}

function instanceNorm({ attributes: { epsilon } }: NodeOf<'instance_norm'>, call: Call): void {
  const [x] = call.inputs as [Activations]
  const [height, width, channels] = x.shape
  for (let n = 0; n < x.count; n++) {
    for (let c = 0; c < channels; c++) {
      const places = Array.from({ length: height * width }, (_, pixel) => at(x, n, 0, pixel, c))
      normalizePlaces(places, epsilon, call)
    }
  }
}

function layerNorm({ attributes: { epsilon } }: NodeOf<'layer_norm'>, call: Call): void {
  const channels = call.out.shape[2]
  forEachPixel(call.out, (n, row, column) => {
    const first = at(call.out, n, row, column)
    normalizePlaces(
      Array.from({ length: channels }, (_, c) => first + c),
      epsilon,
      call,
    )
  })
}

/** By the mean and the variance of the values at these places. */
function normalizePlaces(places: readonly number[], epsilon: number, { inputs, out, precision }: Call): void {
  const [x] = inputs as [Activations]
  const r = precision.arithmetic
  const average = (values: number[]) => r(values.reduce((sum, value) => r(sum + value), 0) / places.length)
  const mean = average(places.map((place) => x.data[place]!))
  const apart = places.map((place) => r(x.data[place]! - mean))
  const deviation = r(Math.sqrt(r(average(apart.map((value) => r(value * value))) + epsilon)))
  places.forEach((place, i) => {
    out.data[place] = r(apart[i]! / deviation)
  })
}

function channelShuffle({ attributes: { groups } }: NodeOf<'channel_shuffle'>, { inputs, out }: Call): void {
  const [x] = inputs as [Activations]
  const perGroup = x.shape[2] / groups
  forEachPixel(out, (n, row, column) => {
    for (let group = 0; group < groups; group++) {
      for (let i = 0; i < perGroup; i++) {
        out.data[at(out, n, row, column, i * groups + group)] = x.data[at(x, n, row, column, group * perGroup + i)]!
      }
    }
  })
}

function multiply(_: NodeOf<'multiply'>, { inputs, out, precision }: Call): void {
  const [a, b] = inputs as [Activations, Activations]
  const onePixel = b.shape[0] * b.shape[1] === 1
  forEachPixel(out, (n, row, column) => {
    const [from, factor] = [at(a, n, row, column), onePixel ? at(b, n, 0, 0) : at(b, n, row, column)]
    for (let c = 0; c < out.shape[2]; c++)
      out.data[from + c] = precision.arithmetic(a.data[from + c]! * b.data[factor + c]!)
  })
}

function upsample({ attributes: { factor } }: NodeOf<'upsample'>, { inputs, out }: Call): void {
  const [x] = inputs as [Activations]
  forEachPixel(out, (n, row, column) => {
    const from = at(x, n, Math.floor(row / factor), Math.floor(column / factor))
    for (let c = 0; c < x.shape[2]; c++) out.data[at(out, n, row, column, c)] = x.data[from + c]!
  })
}

function l2Normalize({ attributes: { epsilon = 1e-12 } = {} }: NodeOf<'l2_normalize'>, call: Call): void {
  const { inputs, out, precision } = call
  const [x] = inputs as [Activations]
  const r = precision.arithmetic
  const elements = x.data.length / x.count
  for (let n = 0; n < x.count; n++) {
    const values = x.data.subarray(n * elements, (n + 1) * elements)
    const squares = values.reduce((sum, value) => r(sum + r(value * value)), 0)
    const norm = Math.max(r(Math.sqrt(squares)), epsilon)
    out.data.set(
      values.map((value) => r(value / norm)),
      n * elements,
    )
  }
}

/** Ops whose output element depends on one channel of one pixel, or (maxout) on its neighbours in memory. */
function elementwise(node: GraphNode, { inputs, out, tensors, precision }: Call): void {
  const r = precision.arithmetic
  const [a, b] = inputs as [Activations, Activations | undefined]
  const channels = out.shape[2]
  const value = (i: number): number => {
    const x = a.data[i]!
    const parameter = (name: string | undefined, otherwise: number) =>
      channelValue(tensors, name, i % channels, otherwise)
    switch (node.op) {
      case 'relu':
        return Math.max(x, 0)
      case 'relu6':
        return Math.min(Math.max(x, 0), 6)
      case 'prelu':
        return x > 0 ? x : r(x * parameter(node.tensors.slope, 0))
      case 'affine':
        return r(r(x * parameter(node.tensors.scale, 1)) + parameter(node.tensors.shift, 0))
      case 'batch_norm': {
        const { mean, variance, scale, shift } = node.tensors
        const deviation = r(Math.sqrt(r(parameter(variance, 1) + node.attributes.epsilon)))
        return r(r(r(r(x - parameter(mean, 0)) / deviation) * parameter(scale, 1)) + parameter(shift, 0))
      }
      case 'add':
        return r(x + r((node.attributes?.factor ?? 1) * b!.data[i]!))
      case 'maximum':
        return Math.max(x, b!.data[i]!)
      case 'minimum':
        return Math.min(x, b!.data[i]!)
      case 'maxout': {
        const { pieces } = node.attributes
        return Math.max(...a.data.subarray(i * pieces, (i + 1) * pieces))
      }
      default:
        throw new Error(`evaluate does not know ${node.op}`)
    }
  }
  for (let i = 0; i < out.data.length; i++) out.data[i] = value(i)
}
