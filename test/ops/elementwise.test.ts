/** maxout, concat, add, pads and upsample. */
import { test } from 'uvu'
import type { GraphNode, Padding } from '../../types/graph.js'
import { elementwise } from '../cases/elementwise.js'
import { opCase } from '../cases/op_case.js'
import { testTable } from '../cases/table.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { testThroughOnnx } from '../support/through_onnx.js'

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
  {
    name: 'edge_pad by hand',
    graph: graphOf([1, 2, 1], [{ name: 'y', op: 'edge_pad', inputs: ['x'], attributes: { padding: [1, 2, 0, 1] } }]),
    input: Float32Array.of(3, 5),
    expected: [3, 3, 3, 5, 5, 3, 3, 3, 5, 5],
  },
  {
    name: 'reflect_pad by hand: the edge is not repeated',
    graph: graphOf([2, 3, 1], [{ name: 'y', op: 'reflect_pad', inputs: ['x'], attributes: { padding: [1, 2, 0, 1] } }]),
    input: Float32Array.of(1, 2, 3, 4, 5, 6),
    expected: [6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5],
  },
  {
    name: 'constant_pad by hand',
    graph: graphOf(
      [1, 1, 1],
      [{ name: 'y', op: 'constant_pad', inputs: ['x'], attributes: { padding: [0, 1, 0, 0], channels: 1, value: -2 } }],
    ),
    input: Float32Array.of(7),
    expected: [-2, -2, 7, -2],
  },
]

testTable(elementwise)
testCases(byHand)
testThroughOnnx(elementwise.filter(({ name }) => /^(constant|edge|reflect)_pad/.test(name)).map(opCase))

test.run()
