import { test } from 'uvu'
import { norm } from '../cases/norm.js'
import { testTable } from '../cases/table.js'
import { graphOf, testCases } from '../support/ops.js'

testTable(norm)

const vector = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })

testCases([
  {
    name: 'batch_norm by hand',
    graph: graphOf(
      [1, 2, 2],
      [
        {
          name: 'y',
          op: 'batch_norm',
          inputs: ['x'],
          attributes: { epsilon: 1 },
          tensors: { mean: 'mean', variance: 'variance', scale: 'scale', shift: 'shift' },
        },
      ],
    ),
    tensors: {
      mean: vector(1, -1),
      variance: vector(3, 0),
      scale: vector(2, 3),
      shift: vector(10, 20),
    },
    input: Float32Array.of(5, 5, 1, -1),
    expected: [(4 / 2) * 2 + 10, 6 * 3 + 20, 10, 20],
  },
])

test.run()
