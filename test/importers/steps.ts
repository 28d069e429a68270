/** Graphs of a few ONNX nodes: imported, and compared with onnxruntime. */
import * as ort from 'onnxruntime-node'
import * as assert from 'uvu/assert'
import { type Attribute, OnnxBuilder } from '../../lib/convert/exporters/onnx_builder.js'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { parseOnnx } from '../../lib/convert/importers/onnx.js'
import type { GraphNode } from '../../types/graph.js'
import { evaluate } from '../support/evaluate.js'
import { f64 } from '../support/precision.js'
import { normals, seeded } from '../support/random.js'
import { countOps, plain } from './support.js'

export interface Case {
  name: string
  /** `[height, width]`, 6x5 unless told. */
  size?: [number, number]
  /** Adds nodes that read `x` (N x 3 x H x W) and returns the name of what they make. */
  build: (graph: Steps) => string
  /** Ops of the result beside the preprocess, which every one has. */
  ops: Partial<Record<GraphNode['op'], number>>
  opset?: number
  nhwc?: boolean
}

/** A builder that names its nodes by itself. */
export class Steps {
  readonly builder: OnnxBuilder
  private made = 0

  constructor(opset: number) {
    this.builder = new OnnxBuilder(opset)
  }
  node(op: string, inputs: string[], attributes: Record<string, Attribute> = {}): string {
    return this.builder.node(op, `n${this.made++}`, inputs, attributes)
  }
  reduce(op: string, input: string, axes: number[], keep = true): string {
    return this.builder.reduce(op, `n${this.made++}`, input, axes, keep)
  }
  random(dims: number[], scale = 1): string {
    const count = dims.reduce((product, extent) => product * extent, 1)
    return this.builder.floats(`c${this.made++}`, dims, normals(count, seeded(this.made), scale))
  }
  positive(dims: number[]): string {
    const count = dims.reduce((product, extent) => product * extent, 1)
    return this.builder.floats(
      `c${this.made++}`,
      dims,
      normals(count, seeded(this.made)).map((v) => Math.abs(v) + 0.5),
    )
  }
  value(value: number, dims: number[] = []): string {
    return this.builder.floats(`c${this.made++}`, dims, [value])
  }
  ints(values: number[]): string {
    return this.builder.ints(`c${this.made++}`, values)
  }
  /** A 3x3 convolution to 4 channels, so that the image's own affines are not what is looked at. */
  conv(input = 'x', from = 3, to = 4): string {
    return this.node('Conv', [input, this.random([to, from, 3, 3], 0.01), this.random([to])], window(3, 1, 1))
  }
  vector(): string {
    return this.node('Flatten', [this.node('GlobalAveragePool', [this.conv()])], { axis: { int: 1 } })
  }
}

export const window = (kernel: number, stride: number, pad: number): Record<string, Attribute> => ({
  kernel_shape: { ints: [kernel, kernel] },
  strides: { ints: [stride, stride] },
  pads: { ints: [pad, pad, pad, pad] },
})

export async function checkCase({ size: [height, width] = [6, 5], build, ops, opset = 20, nhwc }: Case): Promise<void> {
  const steps = new Steps(opset)
  const output = build(steps)
  const dims = nhwc ? [1, height, width, 3] : [1, 3, height, width]
  const model = steps.builder.encode(
    'case',
    { name: 'x', type: 'float', shape: dims },
    [{ name: output, type: 'float', shape: [] }],
    {},
  )
  const pixels = Uint8Array.from({ length: height * width * 3 }, () => random.integer(0, 255))
  const { graph, tensors } = lowerModel(parseOnnx(model), { mean: 0, scale: 1 })
  assert.equal(countOps(graph), { preprocess: 1, ...ops })
  const [ours] = evaluate(graph, plain(tensors), pixels, 1, f64)
  const theirs = await runOrt(model, Float32Array.from(nhwc ? pixels : planar(pixels)), dims, output)
  assertClose(ours!, channelsLast(theirs))
}

const random = seeded(1)

function planar(pixels: Uint8Array): Float32Array {
  const area = pixels.length / 3
  return Float32Array.from(pixels, (_, i) => pixels[(i % area) * 3 + Math.floor(i / area)]!)
}

/** Without onnxruntime's optimisations: one of them folds a Pad with zeros into a MaxPool, which pads with minus infinity. */
async function runOrt(model: Uint8Array, input: Float32Array, dims: number[], output: string) {
  const session = await ort.InferenceSession.create(model, {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
  })
  const results = await session.run({ x: new ort.Tensor('float32', input, dims) })
  await session.release()
  return results[output]! as unknown as { dims: readonly number[]; data: Float32Array }
}

function channelsLast({ dims, data }: { dims: readonly number[]; data: Float32Array }): Float32Array {
  const [, channels = 1, ...extents] = dims
  const area = extents.reduce((product, extent) => product * extent, 1)
  return Float32Array.from(data, (_, i) => data[(i % channels) * area + Math.floor(i / channels)]!)
}

/** onnxruntime computes in fp32: the largest error is measured against the largest value. */
function assertClose(ours: Float64Array, theirs: Float32Array): void {
  assert.is(ours.length, theirs.length)
  const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  assert.ok(largest > 0)
  ours.forEach((value, i) => {
    assert.ok(Math.abs(value - theirs[i]!) <= 1e-5 * largest, `element ${i}: ${value} and ${theirs[i]}`)
  })
}
