/** Layers of networks with attention: normalisation over channels, matrices at each pixel, factors of the channels. */
import { test } from 'uvu'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { type Case, checkCase, type Steps } from './steps.js'
import { floats, modelFails, node, source } from './support.js'

const turned = (g: Steps, x: string, ...perm: number[]) => g.node('Transpose', [x], { perm: { ints: perm } })
const last = (g: Steps, x: string) => turned(g, x, 0, 2, 3, 1)
const first = (g: Steps, x: string) => turned(g, x, 0, 3, 1, 2)

/** (x - mean) / sqrt(variance + epsilon) */
function normalized(g: Steps, x: string, axes: number[], differences: 1 | 2): string {
  const difference = () => g.node('Sub', [x, g.reduce('ReduceMean', x, axes)])
  const centred = difference()
  const other = differences === 1 ? centred : difference()
  const variance = g.reduce('ReduceMean', g.node('Mul', [other, other]), axes)
  return g.node('Div', [centred, g.node('Sqrt', [g.node('Add', [variance, g.value(1e-3)])])])
}

const cases: Case[] = [
  {
    name: 'LayerNormalization of channels that stand last, with a scale and a shift, and with a scale alone',
    build: (g) => {
      const epsilon = { epsilon: { float: 1e-3 } }
      const x = g.node('LayerNormalization', [last(g, g.conv()), g.random([4]), g.random([4])], epsilon)
      return first(g, g.node('LayerNormalization', [x, g.random([4])], { axis: { int: 3 } }))
    },
    ops: { conv2d: 1, layer_norm: 2, affine: 2 },
  },
  {
    name: 'the same in steps: over channels wherever they stand, and over pixels',
    build: (g) => {
      const x = first(g, normalized(g, last(g, normalized(g, g.conv(), [1], 1)), [-1], 2))
      return normalized(g, x, [2, 3], 1)
    },
    ops: { conv2d: 1, layer_norm: 2, instance_norm: 1 },
  },
  {
    name: 'of a vector',
    build: (g) => g.node('LayerNormalization', [g.vector(), g.random([4])]),
    ops: { conv2d: 1, global_pool: 1, layer_norm: 1, affine: 1 },
  },
  {
    name: 'matrices at each pixel: of four dimensions, of rows, and as Gemm',
    build: (g) => {
      const x = g.node('Add', [g.random([5]), g.node('MatMul', [last(g, g.conv()), g.random([4, 5])])])
      const rows = g.node('MatMul', [g.node('Reshape', [x, g.ints([0, 30, 5])]), g.random([5, 6])])
      const flat = g.node('Reshape', [rows, g.ints([-1, 6])])
      const gemm = g.node('Gemm', [flat, g.random([7, 6]), g.random([7])], {
        transB: { int: 1 },
        alpha: { float: 2 },
        beta: { float: 0.5 },
      })
      return first(g, g.node('Reshape', [gemm, g.ints([1, 6, 5, 7])]))
    },
    ops: { conv2d: 4 },
  },
  {
    name: 'factors of the channels, taken by Gather, Split and Slice: some of the weights before them',
    build: (g) => {
      const made = g.node('Conv', [g.conv(), g.random([12, 4, 1, 1]), g.random([12])])
      const parts = turned(g, g.node('Reshape', [made, g.ints([0, 3, 2, 2, 6, 5])]), 1, 0, 2, 3, 4, 5)
      const maps = g.ints([0, 4, 6, 5])
      const one = g.node('Reshape', [g.node('Gather', [parts, g.builder.wholeNumber('two', -1)]), maps])
      const slice = g.node('Slice', [parts, g.ints([1]), g.ints([2]), g.ints([0])])
      const other = g.node('Reshape', [g.node('Squeeze', [slice, g.ints([0])]), maps])
      const inner = g.node('Gather', [parts, g.ints([1, 0])], { axis: { int: 3 } })
      const swapped = g.node('Reshape', [turned(g, inner, 1, 0, 2, 3, 4, 5), g.ints([0, 12, 6, 5])])
      return g.node('Concat', [one, other, swapped], { axis: { int: 1 } })
    },
    ops: { conv2d: 4, concat: 1 },
  },
  {
    name: 'attention without a scale, and with one for all heads',
    build: (g) => {
      const unit = (x: string) => g.node('Div', [x, g.node('Clip', [g.reduce('ReduceL2', x, [-1]), g.value(1e-12)])])
      const attend = (q: string, k: string, v: string, scale?: number) => {
        const cosines = g.node('MatMul', [unit(q), turned(g, unit(k), 0, 1, 3, 2)])
        const logits = scale === undefined ? cosines : g.node('Mul', [g.value(scale), cosines])
        return g.node('MatMul', [g.node('Softmax', [logits]), v])
      }
      const rows = () => g.node('Reshape', [g.conv('x', 3, 6), g.ints([0, 2, 3, 30])])
      const v = rows()
      return g.node('Reshape', [attend(rows(), v, attend(v, v, v), 1.5), g.ints([0, 6, 6, 5])])
    },
    ops: { conv2d: 2, cross_covariance_attention: 2 },
  },
]
for (const item of cases) test(item.name, () => checkCase(item))

const image = [1, 3, 4, 4]
const scales = { s: floats([4], [1, 1, 1, 1]) }
const refused: [string, ReturnType<typeof source>, RegExp][] = [
  [
    'LayerNormalization along the width',
    source(image, [node('LayerNormalization', ['x', 's'], 'y')], scales),
    /the channels, or height and width for axes of LayerNormalization y but received 3 of 1x3x4x4/,
  ],
  [
    'LayerNormalization over all of an image',
    source(image, [node('LayerNormalization', ['x', 's'], 'y', { axis: 1 })], scales),
    /received 1,2,3 of 1x3x4x4/,
  ],
  [
    'the mean that LayerNormalization also gives',
    source(
      image,
      [
        node('Transpose', ['x'], 't', { perm: [0, 2, 3, 1] }),
        { ...node('LayerNormalization', ['t', 's'], 'n'), outputs: ['n', 'm'] },
        node('Relu', ['m'], 'y'),
      ],
      scales,
    ),
    /the first alone for outputs/,
  ],
  ['a softmax by itself', source(image, [node('Softmax', ['x'], 'y', { axis: 1 })]), /unsupported op Softmax/],
  [
    'a product of two activations',
    source(image, [node('Relu', ['x'], 'a'), node('MatMul', ['a', 'x'], 'y')]),
    /a constant for input 1 of MatMul y/,
  ],
]
for (const [name, model, message] of refused)
  test(`refused: ${name}`, () => modelFails(() => lowerModel(model, {}), message))

test.run()
