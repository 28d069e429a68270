import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'

const normalize = (epsilon?: number): GraphNode[] => [
  { name: 'y', op: 'l2_normalize', inputs: ['x'], ...(epsilon === undefined ? {} : { attributes: { epsilon } }) },
]

const cases: OpCase[] = [
  {
    name: 'l2_normalize 128 dimensions',
    graph: graphOf([1, 1, 128], normalize()),
    input: gridValues(5 * 128, seeded(1)),
    onnx: {
      nodes: [{ op: 'LpNormalization', inputs: ['x'], outputs: ['y'], attributes: { axis: 1, p: 2 } }],
    },
  },
  {
    name: 'l2_normalize 37 dimensions',
    graph: graphOf([1, 1, 37], normalize()),
    input: gridValues(5 * 37, seeded(2)),
  },
  {
    name: 'l2_normalize all elements of an image, not each pixel',
    graph: graphOf([3, 2, 9], normalize()),
    input: gridValues(2 * 3 * 2 * 9, seeded(3)),
  },
  {
    name: 'l2_normalize small values',
    graph: graphOf([1, 1, 64], normalize()),
    // Multiples of 2^-12: exact in both dtypes, with squares far below one.
    input: gridValues(3 * 64, seeded(4)).map((value) => value / 64),
  },
  {
    name: 'l2_normalize with an epsilon above the norm',
    graph: graphOf([1, 1, 64], normalize(100)),
    input: gridValues(3 * 64, seeded(5)),
  },
  {
    name: 'l2_normalize by hand: a norm of 8, a row of zeros, and a row shorter than epsilon',
    graph: graphOf([1, 1, 5], normalize(2.5)),
    input: Float32Array.of(5, -5, 3, 2, -1, 0, 0, 0, 0, 0, 0, 0, 1.25, 0, 0),
    expected: [5 / 8, -5 / 8, 3 / 8, 2 / 8, -1 / 8, 0, 0, 0, 0, 0, 0, 0, 0.5, 0, 0],
  },
]

testCases(cases)

test.run()
