/** max_pool, avg_pool, l2_pool and global_pool. */
import type { Extent, Padding, PoolAttributes } from '../../types/graph.js'
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

interface Description {
  name: string
  input: Shape
  kernel: Extent
  stride?: Extent
  dilation?: Extent
  padding?: Padding
  rounding?: 'floor' | 'ceil'
}

const around: Padding = [1, 1, 1, 1]

const windows: Description[] = [
  { name: '3x3, stride 1', input: [6, 7, 16], kernel: [3, 3], padding: around },
  { name: '3x3, stride 2, ceil (Caffe)', input: [8, 8, 20], kernel: [3, 3], stride: [2, 2], rounding: 'ceil' },
  { name: '3x3, stride 2, padded, floor', input: [8, 7, 33], kernel: [3, 3], stride: [2, 2], padding: around },
  {
    name: '3x3, stride 2, padded, ceil',
    input: [9, 8, 5],
    kernel: [3, 3],
    stride: [2, 2],
    padding: around,
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
    name: '2x2, stride 3, ceil, a last window that is dropped',
    input: [5, 5, 4],
    kernel: [2, 2],
    stride: [3, 3],
    padding: around,
    rounding: 'ceil',
  },
  { name: '5x2, stride 1x3', input: [9, 9, 3], kernel: [5, 2], stride: [1, 3], padding: [2, 0, 1, 1] },
  { name: '3x3 dilated, stride 1', input: [8, 9, 20], kernel: [3, 3], dilation: [2, 2], padding: [2, 2, 2, 2] },
  {
    name: '3x3 dilated 3x2, stride 2x3, padded, ceil',
    input: [10, 11, 9],
    kernel: [3, 3],
    stride: [2, 3],
    dilation: [3, 2],
    padding: [1, 2, 1, 0],
    rounding: 'ceil',
  },
  { name: '7x7 over the whole image', input: [7, 7, 64], kernel: [7, 7] },
  { name: '1x1, stride 2', input: [7, 7, 8], kernel: [1, 1], stride: [2, 2] },
]

type Extra = Pick<PoolAttributes, 'countPadding' | 'mean'>
type PoolOp = 'max_pool' | 'avg_pool' | 'l2_pool'

const extras: [PoolOp, Extra][] = [
  ['max_pool', {}],
  ['avg_pool', { countPadding: false }],
  ['avg_pool', { countPadding: true }],
  ['l2_pool', { mean: false }],
  ['l2_pool', { mean: true }],
  ['l2_pool', { mean: true, countPadding: true }],
]

function sliding([op, extra]: [PoolOp, Extra], item: Description): TableCase {
  const { name, input, kernel, stride = [1, 1], dilation, padding = [0, 0, 0, 0], rounding = 'floor' } = item
  const flags = Object.entries(extra).map(([key, value]) => (value ? ` ${key}` : ''))
  return {
    name: `${op}${flags.join('')} ${name}`,
    inputs: [input],
    nodes: [
      opNode(op, { attributes: { kernel, stride, ...(dilation ? { dilation } : {}), padding, rounding, ...extra } }),
    ],
    values: 'distinct',
    // A maximum is one of the inputs.
    ...(op === 'max_pool' ? { exact: true } : {}),
  }
}

const globals: TableCase[] = (
  [{ kind: 'max' }, { kind: 'avg' }, { kind: 'l2' }, { kind: 'l2', mean: true }] as const
).map((attributes) => ({
  name: `global_pool ${attributes.kind}${'mean' in attributes ? ' mean' : ''}`,
  inputs: [[5, 6, 37]],
  nodes: [opNode('global_pool', { attributes })],
  values: 'distinct',
  ...(attributes.kind === 'max' ? { exact: true } : {}),
}))

const ties: TableCase = {
  name: 'max_pool of few values, the first of which wins',
  inputs: [[9, 7, 20]],
  nodes: [opNode('max_pool', { attributes: { kernel: [3, 3], stride: [2, 2], padding: around } })],
  values: 'few',
  exact: true,
}

export const pool: TableCase[] = [
  ...extras.flatMap((extra) => windows.map((item) => sliding(extra, item))),
  ...globals,
  ties,
]
