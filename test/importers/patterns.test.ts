/**
 * Layers that converters take apart, and how ONNX writes the rest. Each case is an ONNX graph; what we make of it must have
 * the expected ops, and must compute in fp64 what onnxruntime computes from the original.
 */
import * as ort from 'onnxruntime-node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Attribute, OnnxBuilder } from '../../lib/convert/exporters/onnx_builder.js'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { parseOnnx } from '../../lib/convert/importers/onnx.js'
import type { GraphNode } from '../../types/graph.js'
import { evaluate } from '../support/evaluate.js'
import { f64 } from '../support/precision.js'
import { normals, seeded } from '../support/random.js'
import { countOps, plain } from './support.js'

interface Case {
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
class Steps {
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

const window = (kernel: number, stride: number, pad: number): Record<string, Attribute> => ({
  kernel_shape: { ints: [kernel, kernel] },
  strides: { ints: [stride, stride] },
  pads: { ints: [pad, pad, pad, pad] },
})

const cases: Case[] = [
  {
    name: 'affine: Mul and Add by channel',
    build: (g) =>
      g.node('Add', [g.node('Mul', [g.node('Relu', [g.conv()]), g.random([1, 4, 1, 1])]), g.random([4, 1, 1])]),
    ops: { conv2d: 1, relu: 1, affine: 1 },
  },
  {
    name: 'affine: Sub, Div, Neg and a constant in front, in one',
    build: (g) => {
      const a = g.node('Sub', [g.node('Relu', [g.conv()]), g.random([4, 1, 1])])
      const b = g.node('Div', [a, g.positive([1, 4, 1, 1])])
      return g.node('Sub', [g.value(2), g.node('Neg', [b])])
    },
    ops: { conv2d: 1, relu: 1, affine: 1 },
  },
  {
    name: 'affine: one that something else reads stays apart',
    build: (g) => {
      const a = g.node('Mul', [g.node('Relu', [g.conv()]), g.random([4, 1, 1])])
      return g.node('Add', [g.node('Relu', [g.node('Add', [a, g.random([4, 1, 1])])]), a])
    },
    ops: { conv2d: 1, relu: 2, affine: 2, add: 1 },
  },
  {
    name: 'bias of a convolution written as an Add',
    build: (g) =>
      g.node('Add', [g.node('Conv', ['x', g.random([4, 3, 1, 1])], window(1, 1, 0)), g.random([1, 4, 1, 1])]),
    ops: { conv2d: 1 },
  },
  {
    name: 'input rule: Sub and Mul of the image, mean by channel',
    build: (g) => g.conv(g.node('Mul', [g.node('Sub', ['x', g.random([1, 3, 1, 1])]), g.value(1 / 256)])),
    ops: { conv2d: 1 },
  },
  {
    name: 'input rule: Div and Add',
    build: (g) => g.conv(g.node('Add', [g.node('Div', ['x', g.value(127.5)]), g.value(-1)])),
    ops: { conv2d: 1 },
  },
  {
    name: 'input rule: BGR by a Gather, then a mean',
    build: (g) => {
      const bgr = g.node('Gather', [g.node('Mul', ['x', g.random([3, 1, 1])]), g.ints([2, 1, 0])], { axis: { int: 1 } })
      return g.conv(g.node('Sub', [bgr, g.random([3, 1, 1])]))
    },
    ops: { conv2d: 1 },
  },
  {
    name: 'an image that two nodes read keeps its affine',
    build: (g) => g.node('Concat', [g.conv(g.node('Mul', ['x', g.value(0.5)])), g.conv('x')], { axis: { int: 1 } }),
    ops: { conv2d: 2, affine: 1, concat: 1 },
  },
  {
    name: 'PReLU: relu(x) + slope * (x - |x|) * 0.5',
    build: (g) => {
      const x = g.conv()
      const part = g.node('Sub', [x, g.node('Abs', [x])])
      const scaled = g.node('Mul', [g.node('Mul', [g.random([1, 4, 1, 1]), part]), g.value(0.5, [1])])
      return g.node('Add', [g.node('Relu', [x]), scaled])
    },
    ops: { conv2d: 1, prelu: 1 },
  },
  {
    name: 'PReLU: slope * min(x, 0) first',
    build: (g) => {
      const x = g.conv()
      const part = g.node('Mul', [g.node('Min', [x, g.value(0)]), g.random([4, 1, 1])])
      return g.node('Add', [part, g.node('Max', [x, g.value(0)])])
    },
    ops: { conv2d: 1, prelu: 1 },
  },
  {
    name: 'PReLU: relu(x) - slope * relu(-x)',
    build: (g) => {
      const x = g.conv()
      const part = g.node('Mul', [g.random([4, 1, 1]), g.node('Relu', [g.node('Neg', [x])])])
      return g.node('Sub', [g.node('Relu', [x]), part])
    },
    ops: { conv2d: 1, prelu: 1 },
  },
  {
    name: 'PReLU: as an op, and LeakyRelu',
    build: (g) => g.node('LeakyRelu', [g.node('PRelu', [g.conv(), g.random([4, 1, 1])])], { alpha: { float: 0.2 } }),
    ops: { conv2d: 1, prelu: 2 },
  },
  {
    name: 'ReLU6: Clip, Min of Max, Max of Min, Relu then Clip',
    build: (g) => {
      const [zero, six] = [g.value(0), g.value(6)]
      const clip = g.node('Clip', [g.conv(), zero, six])
      const minOfMax = g.node('Min', [g.node('Max', [g.conv(clip, 4), zero]), six])
      const maxOfMin = g.node('Max', [zero, g.node('Min', [six, g.conv(minOfMax, 4)])])
      return g.node('Clip', [g.node('Relu', [g.conv(maxOfMin, 4)]), '', six])
    },
    ops: { conv2d: 4, relu6: 4 },
  },
  {
    name: 'L2: LpNormalization',
    build: (g) => g.node('LpNormalization', [g.vector()], { axis: { int: 1 }, p: { int: 2 } }),
    ops: { conv2d: 1, global_pool: 1, l2_normalize: 1 },
  },
  {
    name: 'L2: ReduceL2, Clip, Expand, Div (torch.nn.functional.normalize)',
    build: (g) => {
      const x = g.vector()
      const clipped = g.node('Clip', [g.reduce('ReduceL2', x, [-1]), g.value(1e-12)])
      return g.node('Div', [x, g.node('Expand', [clipped, g.node('Shape', [x])])])
    },
    ops: { conv2d: 1, global_pool: 1, l2_normalize: 1 },
  },
  {
    name: 'L2: x * 1 / sqrt(max(sum x², epsilon)) (tf.nn.l2_normalize)',
    build: (g) => {
      const x = g.vector()
      const sum = g.builder.node('ReduceSum', 'sum', [g.node('Mul', [x, x]), g.ints([1])], { keepdims: { int: 1 } })
      const root = g.node('Sqrt', [g.node('Max', [sum, g.value(1e-12)])])
      return g.node('Mul', [x, g.node('Reciprocal', [root])])
    },
    ops: { conv2d: 1, global_pool: 1, l2_normalize: 1 },
  },
  {
    name: 'L2: x / sqrt(sum x² + epsilon), with Pow',
    build: (g) => {
      const x = g.vector()
      const sum = g.builder.node('ReduceSum', 'sum', [g.node('Pow', [x, g.value(2)]), g.ints([1])], {
        keepdims: { int: 1 },
      })
      return g.node('Div', [x, g.node('Sqrt', [g.node('Add', [sum, g.value(1e-10)])])])
    },
    ops: { conv2d: 1, global_pool: 1, l2_normalize: 1 },
  },
  {
    name: 'L2 over the channels of a 1x1 map',
    build: (g) => {
      const x = g.node('GlobalAveragePool', [g.conv()])
      return g.node('Flatten', [g.node('Div', [x, g.reduce('ReduceL2', x, [1])])], { axis: { int: 1 } })
    },
    ops: { conv2d: 1, global_pool: 1, l2_normalize: 1 },
  },
  {
    name: 'Gemm with alpha, beta and a bias; MatMul with an Add behind it',
    build: (g) => {
      const gemm = { alpha: { float: 0.5 }, beta: { float: 2 }, transB: { int: 1 } }
      const hidden = g.node('Gemm', [g.node('Flatten', [g.conv()]), g.random([7, 120], 0.1), g.random([7])], gemm)
      return g.node('Add', [g.node('MatMul', [hidden, g.random([7, 5])]), g.random([5])])
    },
    ops: { conv2d: 1, fully_connected: 2 },
  },
  {
    name: 'Gemm with in x out weights and one value of bias',
    build: (g) => g.node('Gemm', [g.vector(), g.random([4, 5]), g.value(3, [1])]),
    ops: { conv2d: 1, global_pool: 1, fully_connected: 1 },
  },
  {
    name: 'flattening by Reshape, by Squeeze, and by a shape computed from the input (torch view)',
    build: (g) => {
      const pooled = g.node('GlobalMaxPool', [g.conv()])
      const squeezed = g.node('Squeeze', [pooled, g.ints([2, 3])])
      const back = g.node('Unsqueeze', [squeezed, g.ints([2, 3])])
      const batch = g.node('Gather', [g.node('Shape', [back]), g.ints([0])], { axis: { int: 0 } })
      const shape = g.node('Concat', [batch, g.ints([-1])], { axis: { int: 0 } })
      return g.node('MatMul', [g.node('Reshape', [g.node('Identity', [back]), shape]), g.random([4, 3])])
    },
    ops: { conv2d: 1, global_pool: 1, fully_connected: 1 },
  },
  {
    name: 'BatchNormalization of maps and of vectors',
    build: (g) => {
      const bn = (x: string) =>
        g.node('BatchNormalization', [x, g.random([4]), g.random([4]), g.random([4]), g.positive([4])], {
          epsilon: { float: 1e-3 },
        })
      return bn(g.node('Flatten', [g.node('GlobalAveragePool', [bn(g.conv())])]))
    },
    ops: { conv2d: 1, batch_norm: 2, global_pool: 1 },
  },
  {
    name: 'scaled residual add, scaled side first and last, negative',
    build: (g) => {
      const x = g.conv()
      const y = g.node('Add', [x, g.node('Mul', [g.conv(x, 4), g.value(0.17)])])
      const z = g.node('Add', [g.node('Div', [g.conv(y, 4), g.value(-4)]), y])
      return g.node('Sum', [z, g.conv(z, 4)])
    },
    ops: { conv2d: 4, add: 3 },
  },
  {
    name: 'zeros around the image go into the convolution, but not into a pool',
    build: (g) => {
      const padded = g.node('Pad', ['x', g.ints([0, 0, 0, 0, 0, 0, 1, 1])])
      const conv = g.node('Conv', [padded, g.random([4, 3, 3, 3], 0.01)], {
        kernel_shape: { ints: [3, 3] },
        strides: { ints: [2, 2] },
      })
      return g.node('MaxPool', [g.node('Pad', [conv, g.ints([0, 0, 1, 1, 0, 0, 0, 0])])], window(2, 1, 0))
    },
    ops: { conv2d: 1, zero_pad: 1, max_pool: 1 },
  },
  {
    name: 'zero channels, and pads that are none',
    build: (g) =>
      g.node('Pad', [g.node('Pad', [g.conv(), g.ints([0, 0, 0, 0, 0, 3, 0, 1])]), g.ints([0, 0, 0, 0, 0, 0, 0, 0])]),
    ops: { conv2d: 1, zero_pad: 1 },
  },
  ...(['SAME_UPPER', 'SAME_LOWER', 'VALID'] as const).map(
    (mode): Case => ({
      name: `auto_pad ${mode} of convolutions and pools`,
      size: [9, 8],
      build: (g) => {
        const auto = { auto_pad: { string: mode }, kernel_shape: { ints: [3, 2] }, strides: { ints: [2, 1] } }
        const conv = g.node('Conv', ['x', g.random([4, 3, 3, 2], 0.01)], auto)
        return g.node('AveragePool', [g.node('MaxPool', [conv], auto)], { ...auto, kernel_shape: { ints: [1, 2] } })
      },
      ops: { conv2d: 1, max_pool: 1, avg_pool: 1 },
    }),
  ),
  {
    name: 'pools: ceil_mode, count_include_pad',
    size: [12, 12],
    build: (g) => {
      const x = g.conv()
      const ceil = { ...window(3, 2, 0), ceil_mode: { int: 1 } }
      const counted = { ...window(3, 1, 1), count_include_pad: { int: 1 } }
      const y = g.node('AveragePool', [g.node('AveragePool', [g.node('MaxPool', [x], ceil)], counted)], window(3, 2, 1))
      return g.node('LpPool', [y], { ...window(2, 1, 0), p: { int: 2 } })
    },
    ops: { conv2d: 1, max_pool: 1, avg_pool: 2, l2_pool: 1 },
  },
  {
    name: 'L2 pools from squares and roots',
    build: (g) => {
      const x = g.conv()
      const pooled = g.node('Sqrt', [g.node('AveragePool', [g.node('Mul', [x, x])], window(2, 2, 0))])
      return g.node('Sqrt', [g.node('GlobalAveragePool', [g.node('Pow', [pooled, g.value(2)])])])
    },
    ops: { conv2d: 1, l2_pool: 1, global_pool: 1 },
  },
  {
    name: 'reductions over height and width are global pools',
    build: (g) => {
      const x = g.conv()
      const parts = ['ReduceMean', 'ReduceMax', 'ReduceL2'].map((op) => g.reduce(op, x, [2, 3]))
      return g.node('Flatten', [g.node('Concat', parts, { axis: { int: -3 } })])
    },
    ops: { conv2d: 1, global_pool: 3, concat: 1 },
  },
  {
    name: 'axes as attributes, before opset 18',
    opset: 17,
    build: (g) => g.reduce('ReduceMean', g.conv(), [-1, -2], false),
    ops: { conv2d: 1, global_pool: 1 },
  },
  {
    name: 'LRN, alpha per window',
    build: (g) =>
      g.node('LRN', [g.conv()], { size: { int: 3 }, alpha: { float: 0.5 }, beta: { float: 0.75 }, bias: { float: 2 } }),
    ops: { conv2d: 1, lrn: 1 },
  },
  {
    name: 'maxout of maps and of vectors',
    build: (g) => {
      const maps = g.reduce('ReduceMax', g.node('Reshape', [g.conv('x', 3, 8), g.ints([0, 4, 2, 6, 5])]), [2], false)
      const vector = g.node('Gemm', [g.node('Flatten', [maps]), g.random([120, 6])])
      return g.reduce('ReduceMax', g.node('Reshape', [vector, g.ints([-1, 2, 3])]), [2], false)
    },
    ops: { conv2d: 1, maxout: 2, fully_connected: 1 },
  },
  {
    name: 'depthwise and grouped convolutions',
    build: (g) => {
      const depthwise = g.node('Conv', ['x', g.random([6, 1, 3, 3], 0.01)], { ...window(3, 2, 1), group: { int: 3 } })
      return g.node('Conv', [depthwise, g.random([4, 3, 1, 1])], { group: { int: 2 } })
    },
    ops: { conv2d: 2 },
  },
  {
    name: 'N x H x W x C input, transposed in front, flattened in H, W, C order behind (tf2onnx)',
    nhwc: true,
    build: (g) => {
      const planes = g.node('Transpose', [g.node('Sub', ['x', g.random([3])])], { perm: { ints: [0, 3, 1, 2] } })
      const back = g.node('Transpose', [g.conv(planes)], { perm: { ints: [0, 2, 3, 1] } })
      return g.node('MatMul', [g.node('Reshape', [back, g.ints([-1, 120])]), g.random([120, 5], 0.1)])
    },
    ops: { conv2d: 1, fully_connected: 1 },
  },
  {
    name: 'constants that were computed step by step',
    build: (g) => {
      const root = g.node('Sqrt', [g.node('Add', [g.positive([4]), g.value(1e-3)])])
      const scale = g.node('Unsqueeze', [g.node('Div', [g.random([4]), root]), g.ints([1, 2])])
      const weights = g.node('Transpose', [g.random([3, 3, 3, 4], 0.01)], { perm: { ints: [3, 2, 0, 1] } })
      return g.node('Mul', [g.node('Relu', [g.node('Conv', ['x', weights], window(3, 1, 0))]), scale])
    },
    ops: { conv2d: 1, relu: 1, affine: 1 },
  },
]

for (const item of cases) test(item.name, () => checkCase(item))

async function checkCase({ size: [height, width] = [6, 5], build, ops, opset = 20, nhwc }: Case): Promise<void> {
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

test.run()
