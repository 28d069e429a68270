import { test } from 'uvu'
import { fullyConnected } from '../cases/fully_connected.js'
import { testTable } from '../cases/table.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'

testTable(fullyConnected)

const counting = (order: 'chw' | 'hwc', expected: number[]): OpCase => ({
  name: `fully_connected: the place of each input in ${order} order, by hand`,
  graph: graphOf(
    [1, 2, 2],
    [
      {
        name: 'y',
        op: 'fully_connected',
        inputs: ['x'],
        attributes: { outFeatures: 4, order },
        tensors: { weight: 'w' },
      },
    ],
  ),
  // The identity shows the flattened input itself.
  tensors: { w: { shape: [4, 4], data: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1) } },
  input: Float32Array.of(1, 2, 3, 4),
  expected,
})

testCases([counting('hwc', [1, 2, 3, 4]), counting('chw', [1, 3, 2, 4])])

test.run()
