import { test } from 'uvu'
import type { Extent, GraphNode, PoolAttributes } from '../../types/graph.js'
import { opCase } from '../cases/op_case.js'
import { pool } from '../cases/pool.js'
import { testTable } from '../cases/table.js'
import { graphOf, testCases } from '../support/ops.js'
import { testThroughOnnx } from '../support/through_onnx.js'

type PoolOp = 'max_pool' | 'avg_pool' | 'l2_pool'

testTable(pool)

const poolOf = (op: PoolOp, attributes: PoolAttributes): GraphNode[] => [{ name: 'y', op, inputs: ['x'], attributes }]
const ones: Extent = [1, 1]

testCases([
  {
    name: 'max_pool: padding never wins over negative values, by hand',
    graph: graphOf([2, 2, 1], poolOf('max_pool', { kernel: [2, 2], stride: ones, padding: [1, 1, 0, 0] })),
    input: Float32Array.of(-1, -2, -3, -4),
    expected: [-1, -1, -1, -1],
  },
  {
    name: 'avg_pool: the window inside the image divides, by hand',
    graph: graphOf([2, 2, 1], poolOf('avg_pool', { kernel: [2, 2], stride: ones, padding: [1, 1, 0, 0] })),
    input: Float32Array.of(2, 4, 6, 8),
    expected: [2, 3, 4, 5],
  },
  {
    name: 'avg_pool with countPadding: padding counts, overhang does not, by hand',
    // A 3x3 window every 2 pixels over 4 + 1 pixels of leading padding: the second overhangs nothing, ceil adds no third.
    // Rows -1..1 and 1..3 of four: 9 pixels each, of which 4, 6, 6 and 9 are inside the image.
    graph: graphOf(
      [4, 4, 1],
      poolOf('avg_pool', {
        kernel: [3, 3],
        stride: [2, 2],
        padding: [1, 1, 0, 0],
        rounding: 'ceil',
        countPadding: true,
      }),
    ),
    input: new Float32Array(16).fill(9),
    expected: [4, 6, 6, 9],
  },
  {
    name: 'avg_pool with countPadding and ceil: the overhang of the last window does not count, by hand',
    // Windows start at 0 and 2; the second covers pixel 2 alone and overhangs by one.
    graph: graphOf(
      [1, 3, 1],
      poolOf('avg_pool', {
        kernel: [1, 2],
        stride: [1, 2],
        padding: [0, 0, 0, 0],
        rounding: 'ceil',
        countPadding: true,
      }),
    ),
    input: Float32Array.of(2, 4, 8),
    expected: [3, 8],
  },
  {
    name: 'max_pool and a dilation: pixels between the taps do not count, by hand',
    graph: graphOf(
      [1, 4, 1],
      poolOf('max_pool', { kernel: [1, 2], stride: ones, dilation: [1, 2], padding: [0, 1, 0, 1] }),
    ),
    input: Float32Array.of(1, 9, 2, 3),
    expected: [9, 2, 9, 2],
  },
  {
    name: 'avg_pool and a dilation: the taps inside the image divide, by hand',
    graph: graphOf(
      [1, 4, 1],
      poolOf('avg_pool', { kernel: [1, 2], stride: ones, dilation: [1, 2], padding: [0, 1, 0, 1] }),
    ),
    input: Float32Array.of(1, 9, 2, 4),
    expected: [9, 1.5, 6.5, 2],
  },
  {
    name: 'l2_pool: the root of the sum, by hand',
    graph: graphOf([1, 2, 2], poolOf('l2_pool', { kernel: [1, 2], stride: ones, padding: [0, 0, 0, 0] })),
    input: Float32Array.of(3, 6, 4, 8),
    expected: [5, 10],
  },
  {
    name: 'l2_pool with mean: the root of the mean, by hand',
    graph: graphOf([2, 2, 1], poolOf('l2_pool', { kernel: [2, 2], stride: ones, padding: [0, 0, 0, 0], mean: true })),
    input: Float32Array.of(6, 8, 0, 0),
    expected: [5],
  },
])

// Padding that counts beside a last window that overhangs is exported as a pad of its own.
const dilated = (op: string) =>
  pool.filter(({ name }) => name.startsWith(op) && /dilated/.test(name) && !/countPadding.*ceil/.test(name)).map(opCase)
testThroughOnnx(dilated('max_pool'))
testThroughOnnx([...dilated('avg_pool'), ...dilated('l2_pool')], [19, 21])

test.run()
