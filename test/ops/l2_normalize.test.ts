import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import { l2Normalize } from '../cases/l2_normalize.js'
import { testTable } from '../cases/table.js'
import { graphOf, testCases } from '../support/ops.js'

const normalize = (epsilon?: number): GraphNode[] => [
  { name: 'y', op: 'l2_normalize', inputs: ['x'], ...(epsilon === undefined ? {} : { attributes: { epsilon } }) },
]

testTable(l2Normalize)

testCases([
  {
    name: 'l2_normalize by hand: a norm of 8, a row of zeros, and a row shorter than epsilon',
    graph: graphOf([1, 1, 5], normalize(2.5)),
    input: Float32Array.of(5, -5, 3, 2, -1, 0, 0, 0, 0, 0, 0, 0, 1.25, 0, 0),
    expected: [5 / 8, -5 / 8, 3 / 8, 2 / 8, -1 / 8, 0, 0, 0, 0, 0, 0, 0, 0.5, 0, 0],
  },
])

test.run()
