import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import { extremum } from '../cases/extremum.js'
import { testTable } from '../cases/table.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'
import { testThroughOnnx } from '../support/through_onnx.js'

const shifted: GraphNode = { name: 'relu', op: 'relu', inputs: ['x'] }
const of = (op: 'maximum' | 'minimum'): GraphNode => ({ name: 'y', op, inputs: ['shifted', 'x'] })
const gate: GraphNode = { name: 'shifted', op: 'hard_sigmoid', inputs: ['relu'] }

const cases = (['maximum', 'minimum'] as const).map(
  (op): OpCase => ({
    name: `${op} of an activation and what was made of it`,
    graph: graphOf([4, 5, 21], [shifted, gate, of(op)]),
    input: gridValues(3 * 4 * 5 * 21, seeded(3)),
  }),
)

testTable(extremum)
testCases([
  ...cases,
  {
    name: 'maximum by hand, beside a relu',
    graph: graphOf([1, 2, 2], [shifted, { name: 'y', op: 'maximum', inputs: ['relu', 'x'] }]),
    input: Float32Array.of(-1, 2, 0, -3),
    expected: [0, 2, 0, 0],
  },
  {
    name: 'minimum by hand, beside a relu',
    graph: graphOf([1, 2, 2], [shifted, { name: 'y', op: 'minimum', inputs: ['relu', 'x'] }]),
    input: Float32Array.of(-1, 2, 0, -3),
    expected: [-1, 2, 0, -3],
  },
])
testThroughOnnx(cases)

test.run()
