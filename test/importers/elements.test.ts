/** Constants that have a value for each column, row or pixel, and statistics of each pixel: what onnxruntime makes of the same file. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openModel } from '../../lib/model/open.js'
import { convolution, head, importNetwork, random, steps, weights } from './onnx_files.js'
import { type Case, checkCase } from './steps.js'

/** A pixel that is 1, and the map that is made of it. */
const map = { global_pool: 1, conv2d: 2 } as const

const cases: Case[] = [
  ...([[5], [6, 1], [6, 5], [4, 6, 5], [1, 1, 6, 5], [1, 4, 1, 5]] as const).map(
    (dims): Case => ({
      name: `a product with a constant of ${dims.join('x')}`,
      build: (g) => g.node('Mul', [g.random([...dims]), g.conv()]),
      ops: { ...map, conv2d: 3, multiply: 1 },
    }),
  ),
  {
    name: 'a sum, a difference both ways round and a quotient',
    build: (g) => {
      const sum = g.node('Add', [g.conv(), g.random([5])])
      const less = g.node('Sub', [g.node('Sub', [sum, g.random([6, 5])]), g.random([4, 1, 1])])
      return g.node('Div', [g.node('Sub', [g.random([6, 1]), less]), g.positive([5])])
    },
    ops: { global_pool: 4, conv2d: 10, add: 3, multiply: 2, affine: 1 },
  },
  {
    name: 'a mean image',
    build: (g) => g.conv(g.node('Sub', ['x', g.random([3, 6, 5], 100)])),
    ops: { ...map, conv2d: 3, add: 1 },
  },
  {
    name: 'a flattened map: a product with a constant and a normalisation of all its values',
    build: (g) => {
      const flat = g.node('Flatten', [g.node('Mul', [g.node('Flatten', [g.conv()]), g.random([120])])])
      const statistics = [g.random([120]), g.random([120]), g.random([120]), g.positive([120])]
      return g.node('MatMul', [g.node('BatchNormalization', [flat, ...statistics]), g.random([120, 5])])
    },
    ops: { global_pool: 2, conv2d: 6, multiply: 2, add: 1, fully_connected: 1 },
  },
  {
    name: 'channels last',
    build: (g) => {
      const product = g.node('Mul', [g.node('Relu', ['x']), g.random([5, 3])])
      return g.node('Transpose', [product], { perm: { ints: [0, 3, 1, 2] } })
    },
    ops: { ...map, relu: 1, multiply: 1 },
    nhwc: true,
  },
]
for (const each of cases) test(each.name, () => checkCase(each))

/** 6 x 8 x 8 statistics of each pixel. */
const shape = [6, 8, 8]
const statistics = { s: random(shape, 21), t: random(shape, 22), m: random(shape, 23), v: random(shape, 24) }
statistics.v.data.forEach((value, i) => {
  statistics.v.data[i] = 0.5 + Math.abs(value)
})
const norm = { op: 'BatchNormalization', inputs: ['c', 's', 't', 'm', 'v'], outputs: ['n'], attributes: { spatial: 0 } }

test('BatchNormalization of opset 7 with spatial 0', async () => {
  const initializers = { ...weights, ...statistics }
  const model = await importNetwork({ nodes: [convolution(), norm, ...head('n')], initializers, opset: 7 })
  assert.ok(model.check.checked && model.check.difference < 1e-6, JSON.stringify(model.check))
  // Each image by itself, whatever the batch.
  await using opened = await openModel(model, { device: 'cpu', threads: 1 })
  const pixels = Uint8Array.from({ length: 2 * 16 * 16 * 3 }, (_, i) => (i * 31 + (i >> 4)) % 256)
  const both = await opened.embed(pixels)
  assert.equal(await opened.embed(pixels.slice(pixels.length / 2)), both.slice(8))
})

test('the same of opset 6, which onnxruntime does not run, is the same network', async () => {
  const initializers = { ...weights, ...statistics }
  const old = { ...norm, attributes: { spatial: 0, is_test: 1 } }
  const end = steps(['GlobalAveragePool', ['n'], 'p'], ['Flatten', ['p'], 'y'])
  const six = await importNetwork({ nodes: [convolution(), old, ...end], initializers, opset: 6 }, { check: undefined })
  const seven = await importNetwork({ nodes: [convolution(), norm, ...end], initializers, opset: 7 })
  assert.not.ok(six.check.checked)
  assert.equal(six.graph, seven.graph)
  assert.equal([...six.tensors], [...seven.tensors])
})

test.run()
