import { test } from 'uvu'
import type { Extent, GraphNode, Padding, PoolAttributes } from '../../types/graph.js'
import type { OnnxAttribute } from '../support/onnx_writer.js'
import { graphOf, type OpCase, testCases } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'

type PoolOp = 'max_pool' | 'avg_pool' | 'l2_pool'

interface Description {
  name: string
  input: [number, number, number]
  kernel: Extent
  stride?: Extent
  padding?: Padding
  rounding?: 'floor' | 'ceil'
}

const descriptions: Description[] = [
  { name: '3x3, stride 1', input: [6, 7, 16], kernel: [3, 3], padding: [1, 1, 1, 1] },
  { name: '3x3, stride 2, ceil (Caffe)', input: [8, 8, 20], kernel: [3, 3], stride: [2, 2], rounding: 'ceil' },
  { name: '3x3, stride 2, padded, floor', input: [8, 7, 33], kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] },
  {
    name: '3x3, stride 2, padded, ceil',
    input: [9, 8, 5],
    kernel: [3, 3],
    stride: [2, 2],
    padding: [1, 1, 1, 1],
    rounding: 'ceil',
  },
  {
    name: '3x3, stride 2, padded below and right (TensorFlow)',
    input: [8, 8, 6],
    kernel: [3, 3],
    stride: [2, 2],
    padding: [0, 0, 1, 1],
  },
  { name: '3x3, stride 3, unpadded', input: [10, 11, 7], kernel: [3, 3], stride: [3, 3] },
  {
    name: '2x2, stride 2, ceil, a last window that is dropped',
    input: [5, 5, 4],
    kernel: [2, 2],
    stride: [3, 3],
    padding: [1, 1, 1, 1],
    rounding: 'ceil',
  },
  { name: '5x2, stride 1x3', input: [9, 9, 3], kernel: [5, 2], stride: [1, 3], padding: [2, 0, 1, 1] },
  { name: '7x7 over the whole image', input: [7, 7, 64], kernel: [7, 7] },
  { name: '1x1, stride 2', input: [7, 7, 8], kernel: [1, 1], stride: [2, 2] },
]

const extras: Record<PoolOp, Pick<PoolAttributes, 'countPadding' | 'mean'>[]> = {
  max_pool: [{}],
  avg_pool: [{ countPadding: false }, { countPadding: true }],
  l2_pool: [{ mean: false }, { mean: true }, { mean: true, countPadding: true }],
}

function poolCase(
  op: PoolOp,
  extra: Pick<PoolAttributes, 'countPadding' | 'mean'>,
  item: Description,
  index: number,
): OpCase {
  const { input, kernel, stride = [1, 1], padding = [0, 0, 0, 0], rounding = 'floor' } = item
  const window = { kernel, stride, padding, rounding }
  const flags = Object.entries(extra)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
  return {
    name: `${op}${flags && `, ${flags}`}: ${item.name}`,
    graph: graphOf(input, [{ name: 'y', op, inputs: ['x'], attributes: { ...window, ...extra } }]),
    input: gridValues(3 * input[0] * input[1] * input[2], seeded(index)),
    // A maximum is one of the inputs, so it is exact whatever they are.
    exact: op === 'max_pool',
    ...(op === 'l2_pool' ? {} : { onnx: { nodes: [onnxPool(op, item, extra.countPadding ?? false)] } }),
  }
}

function onnxPool(op: 'max_pool' | 'avg_pool', item: Description, countPadding: boolean) {
  const { kernel, stride = [1, 1], padding = [0, 0, 0, 0], rounding } = item
  const attributes: Record<string, OnnxAttribute> = {
    kernel_shape: [...kernel],
    strides: [...stride],
    pads: [...padding],
    ceil_mode: rounding === 'ceil' ? 1 : 0,
  }
  if (op === 'avg_pool') attributes.count_include_pad = countPadding ? 1 : 0
  return { op: op === 'max_pool' ? 'MaxPool' : 'AveragePool', inputs: ['x'], outputs: ['y'], attributes }
}

for (const op of ['max_pool', 'avg_pool', 'l2_pool'] as const) {
  testCases(extras[op].flatMap((extra) => descriptions.map((item, i) => poolCase(op, extra, item, i))))
}

const pool = (op: PoolOp, attributes: PoolAttributes): GraphNode[] => [{ name: 'y', op, inputs: ['x'], attributes }]
const ones: Extent = [1, 1]

testCases([
  {
    name: 'max_pool: padding never wins over negative values, by hand',
    graph: graphOf([2, 2, 1], pool('max_pool', { kernel: [2, 2], stride: ones, padding: [1, 1, 0, 0] })),
    input: Float32Array.of(-1, -2, -3, -4),
    expected: [-1, -1, -1, -1],
  },
  {
    name: 'avg_pool: the window inside the image divides, by hand',
    graph: graphOf([2, 2, 1], pool('avg_pool', { kernel: [2, 2], stride: ones, padding: [1, 1, 0, 0] })),
    input: Float32Array.of(2, 4, 6, 8),
    expected: [2, 3, 4, 5],
  },
  {
    name: 'avg_pool with countPadding: padding counts, overhang does not, by hand',
    // A 3x3 window every 2 pixels over 4 + 1 pixels of leading padding: the second overhangs nothing, ceil adds no third.
    // Rows -1..1 and 1..3 of four: 9 pixels each, of which 4, 6, 6 and 9 are inside the image.
    graph: graphOf(
      [4, 4, 1],
      pool('avg_pool', { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 0, 0], rounding: 'ceil', countPadding: true }),
    ),
    input: new Float32Array(16).fill(9),
    expected: [4, 6, 6, 9],
  },
  {
    name: 'avg_pool with countPadding and ceil: the overhang of the last window does not count, by hand',
    // Windows start at 0 and 2; the second covers pixel 2 alone and overhangs by one.
    graph: graphOf(
      [1, 3, 1],
      pool('avg_pool', { kernel: [1, 2], stride: [1, 2], padding: [0, 0, 0, 0], rounding: 'ceil', countPadding: true }),
    ),
    input: Float32Array.of(2, 4, 8),
    expected: [3, 8],
  },
  {
    name: 'l2_pool: the root of the sum, by hand',
    graph: graphOf([1, 2, 2], pool('l2_pool', { kernel: [1, 2], stride: ones, padding: [0, 0, 0, 0] })),
    input: Float32Array.of(3, 6, 4, 8),
    expected: [5, 10],
  },
  {
    name: 'l2_pool with mean: the root of the mean, by hand',
    graph: graphOf([2, 2, 1], pool('l2_pool', { kernel: [2, 2], stride: ones, padding: [0, 0, 0, 0], mean: true })),
    input: Float32Array.of(6, 8, 0, 0),
    expected: [5],
  },
])

const globals = [
  { kind: 'max' as const, onnx: 'GlobalMaxPool' },
  { kind: 'avg' as const, onnx: 'GlobalAveragePool' },
  { kind: 'l2' as const, onnx: 'GlobalLpPool' },
  { kind: 'l2' as const, mean: true },
]

testCases(
  globals.map(({ kind, mean, onnx }, i) => ({
    name: `global_pool ${kind}${mean ? ' with mean' : ''}`,
    graph: graphOf([5, 6, 37], [{ name: 'y', op: 'global_pool', inputs: ['x'], attributes: { kind, mean } }]),
    input: gridValues(3 * 5 * 6 * 37, seeded(i)),
    exact: kind === 'max',
    ...(onnx ? { onnx: { nodes: [{ op: onnx, inputs: ['x'], outputs: ['y'] }] } } : {}),
  })),
)

test.run()
