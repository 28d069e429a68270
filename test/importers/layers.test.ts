/** Layers in the forms that exporters write them in, and layouts: what is imported computes what the file does. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { type Case, checkCase, window } from './steps.js'
import { floats, node, source } from './support.js'

const cases: Case[] = [
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
    name: 'dilated convolutions and pools',
    size: [13, 12],
    build: (g) => {
      const x = g.node('Conv', ['x', g.random([4, 3, 3, 3], 0.01)], { ...window(3, 1, 2), dilations: { ints: [2, 1] } })
      const depthwise = { ...window(3, 1, 2), dilations: { ints: [2, 2] }, group: { int: 4 } }
      const y = g.node('MaxPool', [g.node('Conv', [x, g.random([4, 1, 3, 3])], depthwise)], {
        ...window(2, 2, 1),
        dilations: { ints: [3, 2] },
      })
      return g.node('AveragePool', [y], { ...window(2, 1, 1), dilations: { ints: [1, 2] } })
    },
    ops: { conv2d: 2, max_pool: 1, avg_pool: 1 },
  },
  {
    name: 'a dilation along an axis of one tap',
    build: (g) =>
      g.node('Conv', [g.conv(), g.random([4, 4, 1, 3])], {
        kernel_shape: { ints: [1, 3] },
        dilations: { ints: [7, 2] },
        pads: { ints: [0, 2, 0, 2] },
      }),
    ops: { conv2d: 2 },
  },
  {
    name: 'pads of a constant, of edges and of mirrored pixels',
    build: (g) => {
      const pads = g.ints([0, 0, 2, 1, 0, 0, 1, 3])
      const edges = g.node('Pad', [g.conv(), pads], { mode: { string: 'edge' } })
      const mirrored = g.node('Pad', [edges, pads], { mode: { string: 'reflect' } })
      return g.node('Pad', [mirrored, g.ints([0, 0, 0, 1, 0, 2, 1, 0]), g.value(-3.5)])
    },
    ops: { conv2d: 1, edge_pad: 1, reflect_pad: 1, constant_pad: 1 },
  },
  {
    name: 'pads of chosen axes, of N x H x W x C, that are none',
    nhwc: true,
    build: (g) => {
      const planes = g.conv(g.node('Transpose', ['x'], { perm: { ints: [0, 3, 1, 2] } }))
      const back = g.node('Transpose', [planes], { perm: { ints: [0, 2, 3, 1] } })
      const edges = g.node('Pad', [back, g.ints([2, 1]), '', g.ints([-2])], { mode: { string: 'edge' } })
      const none = g.node('Pad', [edges, g.ints([0, 0, 0, 0, 0, 0, 0, 0])], { mode: { string: 'reflect' } })
      return g.node('Transpose', [none], { perm: { ints: [0, 3, 1, 2] } })
    },
    ops: { conv2d: 1, edge_pad: 1 },
  },
  {
    name: 'Max and Min of two activations, and of one with a number',
    build: (g) => {
      const [x, y] = [g.conv(), g.conv()]
      return g.node('Min', [g.node('Max', [x, y]), g.node('Max', [y, g.value(0.25)])])
    },
    ops: { conv2d: 2, maximum: 1, minimum: 1, clip: 1 },
  },
  {
    name: 'InstanceNormalization with and without a scale and a shift',
    build: (g) => {
      const [ones, zeros] = [g.builder.floats('ones', [4], [1, 1, 1, 1]), g.builder.floats('zeros', [4], [0, 0, 0, 0])]
      const y = g.node('InstanceNormalization', [g.conv(), g.random([4]), g.random([4])], { epsilon: { float: 1e-3 } })
      return g.node('InstanceNormalization', [g.node('Relu', [y]), ones, zeros])
    },
    ops: { conv2d: 1, instance_norm: 2, affine: 1, relu: 1 },
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

// onnxruntime has no auto_pad for these.
test('auto_pad of a dilated convolution pads for the extent of its window', () => {
  const conv = node('Conv', ['x', 'w'], 'y', { auto_pad: 'SAME_UPPER', dilations: [2, 3], strides: [1, 2] })
  const { graph } = lowerModel(source([1, 3, 9, 8], [conv], { w: floats([2, 3, 3, 2], new Float32Array(36)) }), {})
  assert.equal(graph.nodes[1]!.op === 'conv2d' && graph.nodes[1]!.attributes, {
    kernel: [3, 2],
    stride: [1, 2],
    dilation: [2, 3],
    padding: [2, 1, 2, 1],
    outChannels: 2,
  })
})

test.run()
