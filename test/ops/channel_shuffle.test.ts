import { test } from 'uvu'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'
import { testThroughOnnx } from '../support/through_onnx.js'

const shuffle = (shape: [number, number, number], groups: number) =>
  graphOf(shape, [{ name: 'y', op: 'channel_shuffle', inputs: ['x'], attributes: { groups } }])

const cases: OpCase[] = (
  [
    [24, 2],
    [24, 3],
    [24, 8],
    [35, 5],
    [35, 7],
    [116, 4],
  ] as const
).map(([channels, groups]) => ({
  name: `channel_shuffle of ${channels} channels in ${groups} groups`,
  graph: shuffle([4, 5, channels], groups),
  input: gridValues(3 * 4 * 5 * channels, seeded(channels + groups)),
  exact: true,
  onnx: {
    nodes: [
      { op: 'Reshape', inputs: ['x', 'apart'], outputs: ['a'] },
      { op: 'Transpose', inputs: ['a'], outputs: ['b'], attributes: { perm: [0, 2, 1, 3, 4] } },
      { op: 'Reshape', inputs: ['b', 'together'], outputs: ['y'] },
    ],
    tensors: {
      apart: { shape: [5], data: BigInt64Array.of(0n, BigInt(groups), BigInt(channels / groups), 4n, 5n) },
      together: { shape: [4], data: BigInt64Array.of(0n, BigInt(channels), 4n, 5n) },
    },
  },
}))

testCases([
  ...cases,
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
testThroughOnnx(cases)

test.run()
