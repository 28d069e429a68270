import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Padding } from '../../types/graph.js'
import type { Tensors } from '../support/evaluate.js'
import { graphOf, type OpCase, runGraph, testCases } from '../support/ops.js'
import { gridValues, integers, normals, seeded } from '../support/random.js'

interface Description {
  name: string
  input: [number, number, number]
  kernel: [number, number]
  stride?: [number, number]
  padding?: Padding
  out: number
  groups?: number
  bias?: boolean
  count?: number
}

const same3: Padding = [1, 1, 1, 1]

const descriptions: Description[] = [
  { name: 'pointwise', input: [5, 4, 19], kernel: [1, 1], out: 37 },
  { name: 'pointwise on one pixel', input: [1, 1, 64], kernel: [1, 1], out: 128 },
  { name: 'pointwise with stride', input: [7, 7, 16], kernel: [1, 1], stride: [2, 2], out: 32 },
  { name: '3x3', input: [9, 11, 32], kernel: [3, 3], padding: same3, out: 48 },
  { name: '3x3 unpadded', input: [9, 9, 6], kernel: [3, 3], out: 5, bias: false },
  { name: '3x3 with stride', input: [13, 14, 8], kernel: [3, 3], stride: [2, 2], padding: same3, out: 16 },
  {
    name: '3x3 with stride, padded below and right only',
    input: [12, 12, 8],
    kernel: [3, 3],
    stride: [2, 2],
    padding: [0, 0, 1, 1],
    out: 8,
  },
  {
    name: '3x2 with unequal strides',
    input: [10, 9, 7],
    kernel: [3, 2],
    stride: [1, 3],
    padding: [1, 0, 0, 1],
    out: 9,
  },
  { name: '5x5', input: [8, 8, 16], kernel: [5, 5], padding: [2, 2, 2, 2], out: 32 },
  {
    name: '7x7 on an image of three channels',
    input: [32, 30, 3],
    kernel: [7, 7],
    stride: [2, 2],
    padding: [3, 3, 3, 3],
    out: 64,
  },
  { name: '1x7', input: [9, 9, 20], kernel: [1, 7], padding: [0, 3, 0, 3], out: 24 },
  { name: '7x1', input: [9, 9, 20], kernel: [7, 1], padding: [3, 0, 3, 0], out: 24 },
  { name: 'a kernel as large as the image', input: [7, 6, 12], kernel: [7, 6], out: 10 },
  { name: 'a kernel larger than the image', input: [3, 2, 5], kernel: [5, 5], padding: [2, 2, 2, 2], out: 4 },
  { name: 'depthwise 3x3', input: [10, 9, 40], kernel: [3, 3], padding: same3, out: 40, groups: 40 },
  {
    name: 'depthwise 3x3 with stride',
    input: [11, 12, 33],
    kernel: [3, 3],
    stride: [2, 2],
    padding: [0, 1, 1, 0],
    out: 33,
    groups: 33,
  },
  { name: 'depthwise 7x7 over the whole image', input: [7, 7, 24], kernel: [7, 7], out: 24, groups: 24 },
  {
    name: 'depthwise with two outputs a channel',
    input: [6, 6, 10],
    kernel: [3, 3],
    padding: same3,
    out: 20,
    groups: 10,
  },
  { name: 'four groups', input: [6, 7, 24], kernel: [3, 3], padding: same3, out: 20, groups: 4 },
  { name: 'four pointwise groups', input: [6, 7, 24], kernel: [1, 1], out: 40, groups: 4 },
  { name: 'many channels', input: [4, 4, 256], kernel: [3, 3], padding: same3, out: 96, count: 1 },
]

/** `values` makes the weights: normal ones for precision, small integers for exactness. */
function tensorsOf(
  { input, kernel, out, groups = 1, bias = true }: Description,
  values: (count: number) => Float32Array,
) {
  const shape = [out, input[2] / groups, ...kernel]
  const weight = { shape, data: values(shape.reduce((product, size) => product * size, 1)) }
  return (bias ? { w: weight, b: { shape: [out], data: values(out) } } : { w: weight }) as Tensors
}

function convCase(item: Description, kind: 'precise' | 'exact', index: number): OpCase {
  const { input, kernel, stride = [1, 1], padding = [0, 0, 0, 0], out, groups = 1, bias = true, count = 3 } = item
  const random = seeded(index)
  const elements = count * input[0] * input[1] * input[2]
  const tensors = tensorsOf(item, (n) => (kind === 'exact' ? integers(n, random, -1, 1) : normals(n, random, 0.1)))
  return {
    name: `conv2d: ${item.name}${kind === 'exact' ? ', exact on small integers' : ''}`,
    graph: graphOf(input, [
      {
        name: 'y',
        op: 'conv2d',
        inputs: ['x'],
        attributes: { kernel, stride, padding, outChannels: out, groups },
        tensors: bias ? { weight: 'w', bias: 'b' } : { weight: 'w' },
      },
    ]),
    tensors,
    input: kind === 'exact' ? integers(elements, random, -1, 1) : gridValues(elements, random),
    exact: kind === 'exact',
    onnx: {
      nodes: [
        {
          op: 'Conv',
          inputs: bias ? ['x', 'w', 'b'] : ['x', 'w'],
          outputs: ['y'],
          attributes: { kernel_shape: kernel, strides: stride, pads: [...padding], group: groups },
        },
      ],
    },
  }
}

/** bf16 holds integers up to 256; sums of this many products of -1, 0 and 1 stay well below it. */
const fitsBf16 = ({ input, kernel, groups = 1 }: Description) => (input[2] / groups) * kernel[0] * kernel[1] < 2304

testCases(descriptions.map((item, i) => convCase(item, 'precise', i)))
testCases(
  descriptions.filter(fitsBf16).map((item, i) => {
    const { onnx, ...exact } = convCase(item, 'exact', i)
    return exact
  }),
)

testCases([
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
