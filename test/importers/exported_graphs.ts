/** Small graphs of each layer, and what onnxruntime makes of their export. */
import * as assert from 'uvu/assert'
import type { ExportOnnxOptions } from '../../lib/convert/exporters/onnx.js'
import { tensorShapes } from '../../lib/convert/networks/shapes.js'
import { f32Tensor, type Tensor } from '../../lib/files/model/tensor.js'
import type { GraphDescription, GraphNode, PoolAttributes } from '../../types/graph.js'
import { evaluate } from '../support/evaluate.js'
import { f64 } from '../support/precision.js'
import { normals, seeded } from '../support/random.js'
import { plain, runExported } from './support.js'

export type Body = GraphNode extends infer Node
  ? Node extends GraphNode
    ? Omit<Node, 'name' | 'inputs'>
    : never
  : never

/** A chain of nodes on fp32 activations `x`; the last one is the output. */
export function chain(shape: [number, number, number], ...bodies: Body[]): GraphDescription {
  const nodes = bodies.map((body, i) => ({ ...body, name: `n${i}`, inputs: [i ? `n${i - 1}` : 'x'] }) as GraphNode)
  const [height, width, channels] = shape
  return {
    name: 'case',
    input: { name: 'x', height, width, channels, dtype: 'f32' },
    nodes,
    outputs: [nodes.at(-1)!.name],
  }
}

/** Normal values; positive ones for variances. */
export function randomTensors(graph: GraphDescription): Map<string, Tensor> {
  const random = seeded(7)
  return new Map(
    [...tensorShapes(graph)].map(([name, shape]) => {
      const values = normals(
        shape.reduce((product, extent) => product * extent, 1),
        random,
        0.5,
      )
      return [name, f32Tensor(shape, name.endsWith('variance') ? values.map((v) => Math.abs(v) + 0.5) : values)]
    }),
  )
}

export const pool = (
  kernel: number,
  stride: number,
  padding: PoolAttributes['padding'],
  more: Partial<PoolAttributes> = {},
) => ({
  kernel: [kernel, kernel] as const,
  stride: [stride, stride] as const,
  padding,
  ...more,
})
export const conv = {
  op: 'conv2d',
  attributes: { kernel: [3, 2], stride: [2, 1], padding: [0, 1, 2, 0], outChannels: 6, groups: 3 },
  tensors: { weight: 'conv.weight', bias: 'conv.bias' },
} satisfies Body
export const vector: Body = { op: 'fully_connected', attributes: { outFeatures: 12 }, tensors: { weight: 'v.weight' } }
export const lrn = (size: number, alphaPer: 'element' | 'window'): Body => ({
  op: 'lrn',
  attributes: { size, alpha: 0.3, beta: 0.75, bias: 2, alphaPer },
})
export const norm: Body = {
  op: 'batch_norm',
  attributes: { epsilon: 1e-3 },
  tensors: { mean: 'bn.mean', variance: 'bn.variance', scale: 'bn.scale' },
}

/** Two images, so that a batch is not one image by accident. */
export async function checkCase(graph: GraphDescription, options?: ExportOnnxOptions): Promise<void> {
  const tensors = randomTensors(graph)
  const { height, width, channels } = graph.input
  const input = normals(2 * height * width * channels, seeded(3))
  const dims = [2, channels, height, width]
  const outputs = await runExported(graph, tensors, transpose(input, height * width, channels), dims, options)
  assertOutputs(outputs, evaluate(graph, plain(tensors), input, 2, f64))
}

export async function checkImage(attributes: Extract<GraphNode, { op: 'preprocess' }>['attributes']): Promise<void> {
  const graph = imageGraph(attributes)
  const tensors = randomTensors(graph)
  const pixels = Uint8Array.from({ length: 2 * 5 * 6 * 3 }, (_, i) => (i * 37) % 256)
  const outputs = await runExported(graph, tensors, pixels, [2, 5, 6, 3], { includePreprocess: true })
  assertOutputs(outputs, evaluate(graph, plain(tensors), pixels, 2, f64))
}

export function imageGraph(attributes: Extract<GraphNode, { op: 'preprocess' }>['attributes']): GraphDescription {
  return {
    name: 'image',
    input: { name: 'image', height: 5, width: 6, channels: 3, dtype: 'u8' },
    nodes: [
      { name: 'preprocess', op: 'preprocess', inputs: ['image'], attributes },
      { ...vector, name: 'out', inputs: ['preprocess'] } as GraphNode,
    ],
    outputs: ['out'],
  }
}

/** N x rows x columns as N x columns x rows. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const size = rows * columns
  return values.map((_, i) => {
    const at = i % size
    return values[i - at + (at % rows) * columns + Math.floor(at / rows)]!
  })
}

/** onnxruntime computes in fp32: the largest error is measured against the largest value. */
export function assertOutputs(outputs: Awaited<ReturnType<typeof runExported>>, expected: Float64Array[]): void {
  assert.is(outputs.length, expected.length)
  outputs.forEach(({ dims, data }, index) => {
    const [, channels = 1, height = 1, width = 1] = dims
    const ours = transpose(data, channels, height * width)
    const values = expected[index]!
    assert.is(ours.length, values.length)
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    values.forEach((value, i) => {
      assert.ok(
        Math.abs(value - ours[i]!) <= 2e-6 * largest,
        `output ${index}, element ${i}: ${ours[i]}, expected ${value}`,
      )
    })
  })
}
