import { test } from 'uvu'
import { channelShuffle } from '../cases/channel_shuffle.js'
import { opCase } from '../cases/op_case.js'
import { testTable } from '../cases/table.js'
import { graphOf, testCases } from '../support/ops.js'
import { testThroughOnnx } from '../support/through_onnx.js'

const shuffle = (shape: [number, number, number], groups: number) =>
  graphOf(shape, [{ name: 'y', op: 'channel_shuffle', inputs: ['x'], attributes: { groups } }])

testTable(channelShuffle)
testThroughOnnx(channelShuffle.map(opCase))

testCases([
  {
    name: 'channel_shuffle by hand',
    graph: shuffle([1, 2, 6], 2),
    input: Float32Array.of(0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15),
    expected: [0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15],
  },
  {
    name: 'channel_shuffle in one group, and in groups of one, by hand',
    graph: graphOf(
      [1, 1, 3],
      [
        { name: 'a', op: 'channel_shuffle', inputs: ['x'], attributes: { groups: 1 } },
        { name: 'y', op: 'channel_shuffle', inputs: ['a'], attributes: { groups: 3 } },
      ],
    ),
    input: Float32Array.of(7, 8, 9),
    expected: [7, 8, 9],
  },
])

test.run()
