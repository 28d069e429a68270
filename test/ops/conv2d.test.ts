import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { conv2d } from '../cases/conv2d.js'
import { opCase } from '../cases/op_case.js'
import { testTable } from '../cases/table.js'
import { graphOf, runGraph, testCases } from '../support/ops.js'
import { testThroughOnnx } from '../support/through_onnx.js'

testTable(conv2d)

testCases([
  {
    // x[0] + 10 x[2], and one pixel of padding on either side.
    name: 'conv2d: two taps three pixels apart, by hand',
    graph: graphOf(
      [1, 4, 1],
      [
        {
          name: 'y',
          op: 'conv2d',
          inputs: ['x'],
          attributes: { kernel: [1, 2], stride: [1, 1], dilation: [1, 3], padding: [0, 1, 0, 1], outChannels: 1 },
          tensors: { weight: 'w' },
        },
      ],
    ),
    tensors: { w: { shape: [1, 1, 1, 2], data: Float32Array.of(1, 10) } },
    input: Float32Array.of(1, 2, 3, 4),
    expected: [30, 41, 2],
  },
  {
    // The window's sum of a 3x3 image of 1..9, with zeros around it.
    name: 'conv2d: 2x2 sums, padded at the top and left, by hand',
    graph: graphOf(
      [3, 3, 1],
      [
        {
          name: 'y',
          op: 'conv2d',
          inputs: ['x'],
          attributes: { kernel: [2, 2], stride: [1, 1], padding: [1, 1, 0, 0], outChannels: 1 },
          tensors: { weight: 'w', bias: 'b' },
        },
      ],
    ),
    tensors: {
      w: { shape: [1, 1, 2, 2], data: Float32Array.of(1, 1, 1, 1) },
      b: { shape: [1], data: Float32Array.of(10) },
    },
    input: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
    expected: [11, 13, 15, 15, 22, 26, 21, 34, 38],
  },
  {
    // Correlation, not convolution: the kernel is not turned round.
    name: 'conv2d: the order of the taps, by hand',
    graph: graphOf(
      [1, 3, 2],
      [
        {
          name: 'y',
          op: 'conv2d',
          inputs: ['x'],
          attributes: { kernel: [1, 2], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: 2 },
          tensors: { weight: 'w' },
        },
      ],
    ),
    // Output 0 is 1 * x[0, c0] + 2 * x[1, c0] + 3 * x[0, c1] + 4 * x[1, c1]; output 1 takes x[1, c1] alone.
    tensors: { w: { shape: [2, 2, 1, 2], data: Float32Array.of(1, 2, 3, 4, 0, 0, 0, 1) } },
    input: Float32Array.of(1, 2, 3, 4, 5, 6),
    expected: [1 + 6 + 6 + 16, 4, 3 + 10 + 12 + 24, 6],
  },
])

testThroughOnnx(conv2d.filter(({ name, inputs }) => / dilated/.test(name) && inputs.length === 1).map(opCase))

test('conv2d: with a bf16 plan the reference holds weights in bf16 and biases in fp32', async () => {
  const graph = graphOf(
    [1, 1, 1],
    [
      {
        name: 'y',
        op: 'conv2d',
        inputs: ['x'],
        attributes: { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: 2 },
        tensors: { weight: 'w', bias: 'b' },
      },
    ],
  )
  // bf16 steps by 2^-7 between 1 and 2: 1 + 2^-9 falls back to 1, 1 + 3 * 2^-9 rounds up to 1 + 2^-7.
  const tensors = {
    w: { shape: [2, 1, 1, 1], data: Float32Array.of(1 + 2 ** -9, 1 + 3 * 2 ** -9) },
    b: { shape: [2], data: Float32Array.of(2 ** -12, 0) },
  }
  const [output] = await runGraph(graph, tensors, Float32Array.of(1), { device: 'reference', dtype: 'bf16' })
  assert.equal([...output!], [1 + 2 ** -12, 1 + 2 ** -7])
})

test.run()
