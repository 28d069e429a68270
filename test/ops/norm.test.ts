import { test } from 'uvu'
import { norm } from '../cases/norm.js'
import { opCase } from '../cases/op_case.js'
import { testTable } from '../cases/table.js'
import { graphOf, testCases } from '../support/ops.js'
import { testThroughOnnx } from '../support/through_onnx.js'

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

testCases([
  {
    // Channel 0 is 1 and 5, then 10 and 6: means of 3 and 8, variances of 4. Channel 1 is constant.
    name: 'instance_norm by hand: each image and channel by itself',
    graph: graphOf([1, 2, 2], [{ name: 'y', op: 'instance_norm', inputs: ['x'], attributes: { epsilon: 12 } }]),
    input: Float32Array.of(1, 7, 5, 7, 10, 0, 6, 0),
    expected: [-0.5, 0, 0.5, 0, 0.5, 0, -0.5, 0],
  },
])
testThroughOnnx(norm.filter(({ name }) => name.startsWith('instance_norm')).map(opCase))

testCases([
  {
    // Channels 1, 5 and 3: a mean of 3, a variance of 8 / 3. The other pixel is constant.
    name: 'layer_norm by hand: each pixel by itself',
    graph: graphOf([1, 2, 3], [{ name: 'y', op: 'layer_norm', inputs: ['x'], attributes: { epsilon: 4 / 3 } }]),
    input: Float32Array.of(1, 5, 3, 7, 7, 7),
    expected: [-1, 1, 0, 0, 0, 0],
  },
])
// An image of one pixel is not told from a vector.
testThroughOnnx(norm.filter(({ name }) => name.startsWith('layer_norm') && !name.endsWith('of a vector')).map(opCase))

test.run()
