/**
 * Layers that converters take apart, and how ONNX writes the rest. Each case is an ONNX graph; what we make of it must have
 * the expected ops, and must compute in fp64 what onnxruntime computes from the original.
 */
import { test } from 'uvu'
import { type Case, checkCase, window } from './steps.js'

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
  ...([true, false] as const).map(
    (halfFirst): Case => ({
      name: `GELU by tanh in its steps, ${halfFirst ? 'x / 2 first, with a power' : 'halved last, with products'}`,
      build: (g) => {
        const x = g.conv()
        const cube = halfFirst ? g.node('Pow', [x, g.value(3)]) : g.node('Mul', [g.node('Mul', [x, x]), x])
        const sum = g.node('Add', [x, g.node('Mul', [cube, g.value(0.044715)])])
        const tanh = g.node('Tanh', [g.node('Mul', [g.value(Math.sqrt(2 / Math.PI)), sum])])
        const gate = g.node('Add', [tanh, g.value(1)])
        if (halfFirst) return g.node('Mul', [g.node('Mul', [g.value(0.5), x]), gate])
        return g.node('Mul', [g.value(0.5), g.node('Mul', [gate, x])])
      },
      ops: { conv2d: 1, gelu_tanh: 1 },
    }),
  ),
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
]

for (const item of cases) test(item.name, () => checkCase(item))

test.run()
