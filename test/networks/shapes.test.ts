/** Shape rules, and the errors that name the node which does not fit. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { outputShape, tensorShapes } from '../../lib/convert/networks/shapes.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'

const node = (rest: object) => ({ name: 'x', inputs: ['a', 'b'], ...rest }) as GraphNode
const modelInvalid = (error: { code?: string; message: string }) =>
  error.code === 'ERR_FACENET_MODEL_INVALID' && /\bx\b/.test(error.message)

test('windows are counted as Caffe, Torch and TensorFlow do', () => {
  const rows = (size: number, kernel: number, stride: number, [before, after]: number[], rounding = 'floor') => {
    const window = { kernel: [kernel, 1], stride: [stride, 1], padding: [before, 0, after, 0], rounding }
    return outputShape(node({ inputs: ['a'], op: 'max_pool', attributes: window }), [[size, 1, 1]])[0]
  }
  assert.is(rows(224, 7, 2, [2, 3]), 112)
  assert.is(rows(112, 3, 2, [0, 0]), 55)
  assert.is(rows(112, 3, 2, [0, 0], 'ceil'), 56)
  assert.is(rows(2, 2, 3, [1, 1], 'ceil'), 1, 'a window that would start beyond the image is dropped')
  assert.throws(() => rows(2, 3, 1, [0, 0]), modelInvalid)
})

test('what does not fit is refused by name', () => {
  const window = { kernel: [3, 3], stride: [1, 1], padding: [0, 0, 0, 0] }
  const shapes = [
    [4, 4, 3],
    [4, 5, 3],
  ] as const
  assert.throws(() => outputShape(node({ op: 'concat' }), shapes), modelInvalid)
  assert.throws(() => outputShape(node({ op: 'add' }), shapes), modelInvalid)
  assert.throws(() => outputShape(node({ op: 'max_pool', attributes: window }), [[2, 2, 1]]), modelInvalid)
  assert.throws(() => outputShape(node({ op: 'maxout', attributes: { pieces: 2 } }), shapes), modelInvalid)
  assert.throws(
    () => outputShape(node({ op: 'conv2d', attributes: { ...window, outChannels: 4, groups: 2 } }), shapes),
    modelInvalid,
  )
  assert.throws(() => outputShape(node({ op: 'relu' }), []), modelInvalid)
})

test('tensor shapes follow the channels through the graph', () => {
  const window = { kernel: [3, 5], stride: [1, 1], padding: [1, 2, 1, 2] } as const
  const graph: GraphDescription = {
    name: 'small',
    input: { name: 'image', height: 6, width: 4, channels: 8, dtype: 'f32' },
    nodes: [
      {
        ...{ name: 'conv', inputs: ['image'], op: 'conv2d' },
        attributes: { ...window, outChannels: 12, groups: 4 },
        tensors: { weight: 'w', bias: 'b' },
      },
      { name: 'slope', inputs: ['conv'], op: 'prelu', tensors: { slope: 's' } },
      { name: 'both', inputs: ['slope', 'image'], op: 'concat' },
      { name: 'pad', inputs: ['both'], op: 'zero_pad', attributes: { padding: [1, 0, 0, 0], channels: 2 } },
      { name: 'fc', inputs: ['pad'], op: 'fully_connected', attributes: { outFeatures: 5 }, tensors: { weight: 'f' } },
    ],
    outputs: ['fc'],
  }
  assert.equal(Object.fromEntries(tensorShapes(graph)), {
    w: [12, 2, 3, 5],
    b: [12],
    s: [12],
    f: [5, 7 * 4 * 22],
  })
  const dangling = { ...graph, nodes: graph.nodes.slice(1) }
  assert.throws(
    () => tensorShapes(dangling),
    (error: Error) => /conv/.test(error.message),
  )
})

test.run()
