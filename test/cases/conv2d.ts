/** conv2d: windows, strides, paddings, groups, and what is fused behind it. */
import type { GraphNode, Padding } from '../../types/graph.js'
import type { Shape } from '../../types/native.js'
import { opNode, type TableCase } from './case.js'

interface Description extends Omit<TableCase, 'inputs' | 'nodes'> {
  input: Shape
  kernel: [number, number]
  stride?: [number, number]
  dilation?: [number, number]
  padding?: Padding
  out: number
  groups?: number
  bias?: boolean
}

const same3: Padding = [1, 1, 1, 1]
const same5: Padding = [2, 2, 2, 2]

function layer(
  name: string,
  { kernel, stride = [1, 1], dilation, padding = [0, 0, 0, 0], out, groups, bias = true }: Description,
) {
  const attributes = {
    kernel,
    stride,
    ...(dilation ? { dilation } : {}),
    padding,
    outChannels: out,
    ...(groups ? { groups } : {}),
  }
  return opNode('conv2d', { name, attributes, tensors: bias ? ['weight', 'bias'] : ['weight'] })
}

/** The layer alone. */
function plain(item: Description): TableCase {
  const { name, input, kernel, stride, dilation, padding, out, groups, bias, ...rest } = item
  return { name: `conv2d ${name}`, inputs: [input], nodes: [layer('y', item)], integers: true, ...rest }
}

/** The layer and what comes after it. */
function fused(item: Description, after: GraphNode[], more: Partial<TableCase> = {}): TableCase {
  const { integers, ...rest } = plain(item)
  return { ...rest, nodes: [layer('conv', item), ...after], ...more }
}

const relu = (from = 'conv', name = 'y') => opNode('relu', { name, inputs: [from] })
const relu6 = opNode('relu6', { inputs: ['conv'] })
const prelu = (from = 'conv', name = 'y') => opNode('prelu', { name, inputs: [from], tensors: ['slope'] })
const residual = (factor?: number) =>
  opNode('add', { name: 'sum', inputs: ['x1', 'conv'], ...(factor ? { attributes: { factor } } : {}) })

/** Layers of one input and one window, each with its activation. */
function siblings(
  name: string,
  input: Shape,
  outs: number[],
  activation: (from: string, i: number) => GraphNode,
  more = {},
) {
  const nodes = outs.flatMap((out, i) => [
    layer(`conv${i}`, { name, input, kernel: [1, 1], out }),
    activation(`conv${i}`, i),
  ])
  return { name: `conv2d ${name}`, inputs: [input], nodes, ...more } satisfies TableCase
}

export const conv2d: TableCase[] = [
  plain({ name: '1x1', input: [5, 4, 19], kernel: [1, 1], out: 37 }),
  plain({ name: '1x1 on one pixel', input: [1, 1, 64], kernel: [1, 1], out: 128 }),
  plain({ name: '1x1 with stride', input: [7, 9, 16], kernel: [1, 1], stride: [2, 2], out: 32 }),
  plain({ name: '3x3 by Winograd', input: [9, 11, 32], kernel: [3, 3], padding: same3, out: 48 }),
  plain({ name: '3x3 unpadded', input: [9, 9, 6], kernel: [3, 3], out: 5, bias: false }),
  plain({ name: '3x3 unpadded by Winograd', input: [10, 6, 32], kernel: [3, 3], out: 48 }),
  plain({ name: '3x3 with stride', input: [9, 10, 18], kernel: [3, 3], stride: [2, 2], padding: same3, out: 33 }),
  plain({
    name: '3x3 with stride, padded below and right only',
    input: [12, 12, 8],
    kernel: [3, 3],
    stride: [2, 2],
    padding: [0, 0, 1, 1],
    out: 8,
  }),
  plain({
    name: '3x2 with unequal strides',
    input: [10, 9, 7],
    kernel: [3, 2],
    stride: [1, 3],
    padding: [1, 0, 0, 1],
    out: 9,
  }),
  plain({ name: '2x2 three pixels apart', input: [11, 10, 8], kernel: [2, 2], stride: [3, 3], out: 8 }),
  plain({ name: '5x5', input: [8, 8, 16], kernel: [5, 5], padding: same5, out: 32, count: 2 }),
  plain({
    name: '5x5 with stride, more padding below and right',
    input: [12, 11, 10],
    kernel: [5, 5],
    stride: [2, 2],
    padding: [1, 1, 2, 2],
    out: 24,
  }),
  plain({
    name: '7x7 of an image of three channels',
    input: [23, 19, 3],
    kernel: [7, 7],
    stride: [2, 2],
    padding: [3, 3, 3, 3],
    out: 64,
    count: 2,
  }),
  plain({ name: '1x7', input: [6, 9, 16], kernel: [1, 7], padding: [0, 3, 0, 3], out: 20 }),
  plain({ name: '7x1', input: [9, 6, 16], kernel: [7, 1], padding: [3, 0, 3, 0], out: 20 }),
  plain({ name: 'a kernel as large as the image', input: [7, 6, 12], kernel: [7, 6], out: 10 }),
  plain({ name: 'a kernel larger than the image', input: [3, 2, 5], kernel: [5, 5], padding: same5, out: 4 }),
  plain({ name: 'depthwise 3x3', input: [10, 9, 40], kernel: [3, 3], padding: same3, out: 40, groups: 40 }),
  plain({
    name: 'depthwise 3x3 with stride',
    input: [11, 12, 33],
    kernel: [3, 3],
    stride: [2, 2],
    padding: [0, 1, 1, 0],
    out: 33,
    groups: 33,
  }),
  plain({ name: 'depthwise over the whole image', input: [4, 3, 24], kernel: [4, 3], out: 24, groups: 24 }),
  plain({
    name: 'depthwise with two outputs per channel',
    input: [6, 6, 10],
    kernel: [3, 3],
    padding: same3,
    out: 20,
    groups: 10,
  }),
  plain({ name: 'four groups', input: [6, 7, 24], kernel: [3, 3], padding: same3, out: 20, groups: 4 }),
  plain({ name: 'three groups with stride', input: [7, 6, 18], kernel: [3, 3], stride: [2, 2], out: 12, groups: 3 }),
  plain({ name: 'four 1x1 groups', input: [6, 7, 24], kernel: [1, 1], out: 40, groups: 4 }),
  plain({ name: '3x3 dilated', input: [9, 10, 18], kernel: [3, 3], dilation: [2, 2], padding: same5, out: 33 }),
  plain({ name: '3x3 dilated, unpadded', input: [9, 7, 36], kernel: [3, 3], dilation: [2, 3], out: 40 }),
  plain({
    name: '3x2 dilated and strided, padded unequally',
    input: [11, 12, 10],
    kernel: [3, 2],
    stride: [2, 3],
    dilation: [3, 2],
    padding: [1, 2, 3, 0],
    out: 12,
  }),
  plain({
    name: '3x3 with a stride that divides its dilation',
    input: [12, 11, 8],
    kernel: [3, 3],
    stride: [2, 2],
    dilation: [2, 4],
    padding: [2, 4, 2, 4],
    out: 9,
  }),
  plain({
    name: '3x3 dilated, of an image of three channels',
    input: [15, 13, 3],
    kernel: [3, 3],
    dilation: [2, 2],
    padding: same5,
    out: 16,
    count: 2,
  }),
  plain({
    name: '2x2 dilated, padded beyond its first tap',
    input: [4, 5, 8],
    kernel: [2, 2],
    dilation: [2, 3],
    padding: [3, 4, 3, 4],
    out: 8,
  }),
  plain({
    name: 'depthwise 3x3 dilated',
    input: [10, 17, 40],
    kernel: [3, 3],
    dilation: [2, 2],
    padding: same5,
    out: 40,
    groups: 40,
  }),
  plain({
    name: 'depthwise 3x3 dilated and strided',
    input: [11, 14, 33],
    kernel: [3, 3],
    stride: [2, 1],
    dilation: [1, 3],
    padding: [1, 2, 1, 3],
    out: 33,
    groups: 33,
  }),
  plain({
    name: 'depthwise dilated with two outputs per channel',
    input: [6, 7, 10],
    kernel: [3, 2],
    dilation: [2, 2],
    padding: same3,
    out: 20,
    groups: 10,
  }),
  plain({
    name: 'four groups, dilated',
    input: [8, 7, 24],
    kernel: [3, 3],
    dilation: [2, 2],
    padding: same5,
    out: 20,
    groups: 4,
  }),
  plain({
    name: 'many channels',
    input: [4, 4, 256],
    kernel: [3, 3],
    padding: same3,
    out: 96,
    count: 1,
    integers: false, // bf16 holds integers up to 256, and sums of this many products of -1, 0 and 1 may be above it
  }),
  plain({ name: 'of nine images', input: [4, 4, 24], kernel: [1, 1], out: 32, count: 9 }),
  plain({ name: 'to embeddings', input: [4, 4, 16], kernel: [4, 4], out: 33, embeddings: true }),

  fused({ name: '1x1, relu', input: [6, 6, 32], kernel: [1, 1], out: 48 }, [relu()]),
  fused({ name: '3x3, relu6', input: [8, 7, 6], kernel: [3, 3], padding: same3, out: 10 }, [relu6]),
  fused({ name: '3x3 of many tiles, relu', input: [21, 19, 32], kernel: [3, 3], padding: same3, out: 32, count: 2 }, [
    relu(),
  ]),
  fused({ name: 'depthwise, relu6', input: [7, 8, 20], kernel: [3, 3], padding: same3, out: 20, groups: 20 }, [relu6]),
  fused({ name: 'prelu', input: [6, 6, 16], kernel: [3, 3], padding: same3, out: 16 }, [prelu()], {
    fusedInModelsOnly: true,
  }),
  fused({ name: 'residual, relu', input: [6, 7, 32], kernel: [1, 1], out: 24 }, [residual(), relu('sum')], {
    inputs: [
      [6, 7, 32],
      [6, 7, 24],
    ],
  }),
  fused(
    { name: 'scaled residual, relu', input: [6, 6, 32], kernel: [3, 3], padding: same3, out: 40 },
    [residual(0.17), relu('sum')],
    {
      inputs: [
        [6, 6, 32],
        [6, 6, 40],
      ],
    },
  ),
  fused(
    { name: 'dilated, residual, relu', input: [7, 6, 12], kernel: [3, 3], dilation: [2, 2], padding: same5, out: 20 },
    [residual(), relu('sum')],
    {
      inputs: [
        [7, 6, 12],
        [7, 6, 20],
      ],
    },
  ),
  siblings('1x1 siblings, relu', [6, 5, 33], [16, 5, 37], (from, i) => relu(from, `y${i}`)),
  siblings('1x1 siblings, prelu with one slope', [5, 6, 12], [16, 20], (from, i) => prelu(from, `y${i}`), {
    shared: ['slope'],
    fusedInModelsOnly: true,
  }),
]
