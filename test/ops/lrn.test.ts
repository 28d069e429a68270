import { test } from 'uvu'
import { lrn } from '../cases/lrn.js'
import { testTable } from '../cases/table.js'
import { graphOf, testCases } from '../support/ops.js'

testTable(lrn)

testCases([
  {
    // beta 1: y[c] = x[c] / (2 + the squares of c-1, c and c+1), and every sum here is a power of two.
    name: 'lrn: eight channels by hand',
    graph: graphOf(
      [1, 1, 8],
      [
        {
          name: 'y',
          op: 'lrn',
          inputs: ['x'],
          attributes: { size: 3, alpha: 1, beta: 1, bias: 2, alphaPer: 'element' },
        },
      ],
    ),
    input: Float32Array.of(1, 1, 2, 3, 1, 2, 1, 1),
    expected: [1 / 4, 1 / 8, 2 / 16, 3 / 16, 1 / 16, 2 / 8, 1 / 8, 1 / 4],
  },
])

test.run()
