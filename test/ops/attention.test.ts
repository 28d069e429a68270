import { test } from 'uvu'
import { attentions } from '../cases/attention.js'
import { testTable } from '../cases/table.js'
import { graphOf, testCases } from '../support/ops.js'

testTable(attentions)

testCases([
  {
    // Two heads of one channel attend to themselves alone: what comes out is what went in.
    name: 'cross_covariance_attention by hand: heads of one channel',
    graph: graphOf(
      [1, 2, 2],
      [
        {
          name: 'y',
          op: 'cross_covariance_attention',
          inputs: ['x', 'x', 'x'],
          attributes: { heads: 2 },
          tensors: { scale: 'scale' },
        },
      ],
    ),
    tensors: { scale: { shape: [2], data: Float32Array.of(3, -1) } },
    input: Float32Array.of(1, 2, 3, 4),
    expected: [1, 2, 3, 4],
  },
  {
    // Channel 0 is zero, of length epsilon: its cosines are 0, and both weights of each query a half.
    name: 'cross_covariance_attention by hand: a channel of zeros',
    graph: graphOf(
      [1, 2, 2],
      [
        {
          name: 'y',
          op: 'cross_covariance_attention',
          inputs: ['x', 'x', 'x'],
          attributes: { heads: 1 },
          tensors: { scale: 'scale' },
        },
      ],
    ),
    tensors: { scale: { shape: [1], data: Float32Array.of(0) } },
    input: Float32Array.of(0, 2, 0, 4),
    expected: [1, 1, 2, 2],
  },
])

test.run()
