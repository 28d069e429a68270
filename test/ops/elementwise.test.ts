/** maxout, concat, add, zero_pad and upsample. */
import { test } from 'uvu'
import type { GraphNode, Padding } from '../../types/graph.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'

const pool = (name: string, kernel: number): GraphNode => ({
  name,
  op: 'max_pool',
  inputs: ['x'],
  attributes: { kernel: [kernel, kernel], stride: [1, 1], padding: centred(kernel) },
})
const centred = (kernel: number): Padding => {
  const side = (kernel - 1) / 2
  return [side, side, side, side]
}
const relu: GraphNode = { name: 'y', op: 'relu', inputs: ['sum'] }
const image = (shape: [number, number, number], seed: number) =>
  gridValues(3 * shape[0] * shape[1] * shape[2], seeded(seed))

const maxouts: OpCase[] = [2, 3, 5].map((pieces) => ({
  name: `maxout of ${pieces}`,
  graph: graphOf([3, 2, 30], [{ name: 'y', op: 'maxout', inputs: ['x'], attributes: { pieces } }]),
  input: image([3, 2, 30], pieces),
  exact: true,
}))

const concats: OpCase[] = [1, 6, 16, 35].map((channels) => ({
  name: `concat of three branches of ${channels} channels`,
  graph: graphOf(
    [5, 4, channels],
    [pool('a', 1), pool('b', 3), pool('c', 5), { name: 'y', op: 'concat', inputs: ['a', 'b', 'c'] }],
  ),
  input: image([5, 4, channels], channels),
  exact: true,
}))

const adds: OpCase[] = [1, 0.17, -2].flatMap((factor) => {
  const sum: GraphNode = { name: 'sum', op: 'add', inputs: ['a', 'b'], attributes: { factor } }
  const nodes = [pool('a', 3), pool('b', 5), sum]
  const input = image([5, 4, 19], 7)
  return [
    { name: `add with factor ${factor}`, graph: graphOf([5, 4, 19], nodes), input },
    { name: `add with factor ${factor} and relu`, graph: graphOf([5, 4, 19], [...nodes, relu]), input },
  ]
})

const zeroPads: OpCase[] = (
  [
    { name: 'above and right', padding: [2, 0, 0, 1] },
    { name: 'on all sides', padding: [1, 2, 3, 4] },
    { name: 'of channels', channels: 5 },
    { name: 'of sides and channels', padding: [0, 1, 1, 0], channels: 11 },
  ] as { name: string; padding?: Padding; channels?: number }[]
).map(({ name, ...attributes }, i) => ({
  name: `zero_pad ${name}`,
  graph: graphOf([3, 4, 7], [{ name: 'y', op: 'zero_pad', inputs: ['x'], attributes }]),
  input: image([3, 4, 7], i),
  exact: true,
}))

const upsamples: OpCase[] = [1, 2, 3].map((factor) => ({
  name: `upsample by ${factor}`,
  graph: graphOf([3, 4, 21], [{ name: 'y', op: 'upsample', inputs: ['x'], attributes: { factor } }]),
  input: image([3, 4, 21], factor),
  exact: true,
  onnx: {
    nodes: [
      {
        op: 'Resize',
        inputs: ['x', '', 'scales'],
        outputs: ['y'],
        attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
      },
    ],
    tensors: { scales: { shape: [4], data: Float32Array.of(1, 1, factor, factor) } },
  },
}))

const byHand: OpCase[] = [
  {
    name: 'maxout by hand: neighbours compete',
    graph: graphOf([1, 1, 6], [{ name: 'y', op: 'maxout', inputs: ['x'], attributes: { pieces: 2 } }]),
    input: Float32Array.of(1, -1, -5, -3, 2, 2),
    expected: [1, -3, 2],
  },
  {
    name: 'concat by hand: the order of the inputs, also of one input twice',
    graph: graphOf([1, 2, 1], [pool('a', 1), pool('b', 3), { name: 'y', op: 'concat', inputs: ['b', 'a', 'b'] }]),
    input: Float32Array.of(1, 2),
    expected: [2, 1, 2, 2, 2, 2],
  },
  {
    name: 'add by hand: a + factor * b',
    graph: graphOf(
      [1, 2, 1],
      [pool('a', 1), pool('b', 3), { name: 'y', op: 'add', inputs: ['a', 'b'], attributes: { factor: 0.5 } }],
    ),
    input: Float32Array.of(1, 4),
    expected: [3, 6],
  },
  {
    name: 'add by hand: a tensor to itself',
    graph: graphOf([1, 2, 1], [{ name: 'y', op: 'add', inputs: ['x', 'x'] }]),
    input: Float32Array.of(1, 4),
    expected: [2, 8],
  },
  {
    name: 'upsample by hand',
    graph: graphOf([1, 2, 1], [{ name: 'y', op: 'upsample', inputs: ['x'], attributes: { factor: 2 } }]),
    input: Float32Array.of(3, 5),
    expected: [3, 3, 5, 5, 3, 3, 5, 5],
  },
  {
    name: 'zero_pad by hand',
    graph: graphOf(
      [1, 1, 1],
      [{ name: 'y', op: 'zero_pad', inputs: ['x'], attributes: { padding: [1, 0, 0, 1], channels: 1 } }],
    ),
    input: Float32Array.of(7),
    expected: [0, 0, 0, 0, 7, 0, 0, 0],
  },
]

testCases([...maxouts, ...concats, ...adds, ...zeroPads, ...upsamples, ...byHand])

test.run()
