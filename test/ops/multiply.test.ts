import { test } from 'uvu'
import type { GraphNode } from '../../types/graph.js'
import { multiply as table } from '../cases/multiply.js'
import { testTable } from '../cases/table.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'
import { testThroughOnnx } from '../support/through_onnx.js'

const multiplied = (...inputs: [string, string]): GraphNode => ({ name: 'y', op: 'multiply', inputs })
const largest: GraphNode = { name: 'top', op: 'global_pool', inputs: ['x'], attributes: { kind: 'max' } }
const gate: GraphNode = { name: 'gate', op: 'hard_sigmoid', inputs: ['top'] }

const cases: OpCase[] = [1, 16, 37].flatMap((channels) => {
  const input = gridValues(3 * 4 * 5 * channels, seeded(channels))
  const shape: [number, number, number] = [4, 5, channels]
  return [
    {
      name: `multiply of ${channels} channels by a gate, as squeeze-and-excitation does`,
      graph: graphOf(shape, [largest, gate, multiplied('x', 'gate')]),
      input,
    },
    { name: `multiply of ${channels} channels by themselves`, graph: graphOf(shape, [multiplied('x', 'x')]), input },
  ]
})

testTable(table)
testCases([
  ...cases,
  {
    name: 'multiply by hand: two images, each by its own largest values',
    graph: graphOf([1, 2, 2], [largest, multiplied('x', 'top')]),
    input: Float32Array.of(1, 2, 3, -4, 5, 6, -7, 8),
    expected: [3, 4, 9, -8, 25, 48, -35, 64],
  },
])
testThroughOnnx(cases)

test.run()
