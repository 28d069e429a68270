/** Every op as ONNX: onnxruntime must compute from the export what the fp64 evaluator computes from the graph. */
import { test } from 'uvu'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import { chain, checkCase, checkImage, conv, lrn, norm, pool, vector } from './exported_graphs.js'

const pools = [
  pool(3, 2, [0, 0, 0, 0]),
  pool(3, 2, [0, 0, 0, 0], { rounding: 'ceil' }),
  pool(3, 2, [1, 1, 1, 1], { rounding: 'ceil' }),
  pool(3, 2, [1, 1, 1, 1], { rounding: 'ceil', countPadding: true }),
  pool(3, 2, [0, 1, 1, 0], { countPadding: true }),
  pool(2, 3, [0, 0, 0, 0], { rounding: 'ceil', countPadding: true }),
  pool(3, 1, [1, 1, 1, 1]),
]
const cases: [string, GraphDescription][] = [
  ['conv2d, grouped, unequal kernel, stride and padding', chain([7, 8, 6], conv)],
  ['batch_norm without shift, of maps and vectors', chain([4, 5, 12], norm, vector, norm)],
  [
    'affine: both, scale, shift',
    chain(
      [3, 3, 4],
      { op: 'affine', tensors: { scale: 'a', shift: 'b' } },
      { op: 'affine', tensors: { scale: 'c' } },
      { op: 'affine', tensors: { shift: 'd' } },
      { op: 'affine', tensors: {} },
    ),
  ],
  ['relu', chain([3, 3, 4], { op: 'relu' })],
  ['relu6', chain([3, 3, 4], { op: 'affine', tensors: { scale: 'a', shift: 'b' } }, { op: 'relu6' })],
  [
    'prelu of maps and of vectors',
    chain([3, 3, 4], { op: 'prelu', tensors: { slope: 'p' } }, vector, { op: 'prelu', tensors: { slope: 'q' } }),
  ],
  ...pools.flatMap((attributes, i) =>
    (['max_pool', 'avg_pool', 'l2_pool'] as const).map((op): [string, GraphDescription] => [
      `${op} ${i}`,
      chain([9, 8, 3], { op, attributes }),
    ]),
  ),
  ...pools.map((attributes, i): [string, GraphDescription] => [
    `l2_pool with mean ${i}`,
    chain([9, 8, 3], { op: 'l2_pool', attributes: { ...attributes, mean: true } }),
  ]),
  ...(['max', 'avg', 'l2'] as const).map((kind): [string, GraphDescription] => [
    `global_pool ${kind}`,
    chain([4, 5, 6], { op: 'global_pool', attributes: { kind } }),
  ]),
  ['global_pool l2 with mean', chain([4, 5, 6], { op: 'global_pool', attributes: { kind: 'l2', mean: true } })],
  ['lrn, alpha per element', chain([3, 4, 9], lrn(5, 'element'))],
  ['lrn, alpha per window', chain([3, 4, 9], lrn(3, 'window'))],
  ['lrn with an even window', chain([3, 4, 9], lrn(4, 'window'))],
  ['fully_connected, C, H, W order', chain([3, 4, 5], vector)],
  [
    'fully_connected, H, W, C order, twice',
    chain(
      [3, 4, 5],
      { op: 'fully_connected', attributes: { outFeatures: 7, order: 'hwc' }, tensors: { weight: 'w', bias: 'b' } },
      { op: 'fully_connected', attributes: { outFeatures: 3, order: 'hwc' }, tensors: { weight: 'w2' } },
    ),
  ],
  [
    'maxout of maps and of vectors',
    chain([3, 4, 6], { op: 'maxout', attributes: { pieces: 2 } }, vector, { op: 'maxout', attributes: { pieces: 3 } }),
  ],
  ['zero_pad', chain([3, 4, 2], { op: 'zero_pad', attributes: { padding: [1, 0, 2, 3], channels: 3 } })],
  [
    'zero_pad in front of max_pool',
    chain(
      [5, 5, 2],
      { op: 'affine', tensors: { shift: 'below' } },
      { op: 'zero_pad', attributes: { padding: [1, 1, 1, 1] } },
      { op: 'max_pool', attributes: pool(3, 2, [0, 0, 0, 0]) },
    ),
  ],
  ['l2_normalize of a vector and of maps', chain([3, 4, 2], { op: 'l2_normalize' }, vector, { op: 'l2_normalize' })],
  [
    'l2_normalize of something shorter than epsilon',
    chain([1, 1, 4], { op: 'l2_normalize', attributes: { epsilon: 100 } }),
  ],
  [
    'a convolution behind a vector',
    chain(
      [3, 4, 2],
      vector,
      {
        op: 'conv2d',
        attributes: { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: 5 },
        tensors: { weight: 'c' },
      },
      { op: 'affine', tensors: { scale: 's' } },
    ),
  ],
]

for (const [name, graph] of cases) test(name, () => checkCase(graph))
test('lrn as a convolution', () => checkCase(chain([3, 4, 9], lrn(5, 'element')), { lrn: 'convolution' }))
test('the oldest and the newest opset', async () => {
  const graph = chain(
    [9, 8, 6],
    conv,
    { op: 'maxout', attributes: { pieces: 2 } },
    { op: 'zero_pad', attributes: { channels: 1 } },
    { op: 'global_pool', attributes: { kind: 'l2' } },
    vector,
    { op: 'l2_normalize' },
  )
  await checkCase(graph, { opset: 13 })
  await checkCase(graph, { opset: 21 })
})

test('branches: concat, add with a factor, of maps and of vectors', async () => {
  const nodes: GraphNode[] = [
    { ...conv, name: 'a', inputs: ['x'] } as GraphNode,
    { name: 'b', op: 'add', inputs: ['a', 'a'], attributes: { factor: 0.17 } },
    { name: 'c', op: 'concat', inputs: ['a', 'b'] },
    { ...vector, name: 'd', inputs: ['c'] } as GraphNode,
    { name: 'e', op: 'global_pool', inputs: ['c'], attributes: { kind: 'max' } },
    { name: 'f', op: 'add', inputs: ['d', 'e'], attributes: { factor: -2 } },
    { name: 'g', op: 'concat', inputs: ['e', 'd', 'f'] },
    { name: 'h', op: 'concat', inputs: ['d', 'd'] },
  ]
  const input = { name: 'x', height: 7, width: 8, channels: 6, dtype: 'f32' as const }
  await checkCase({ name: 'branches', input, nodes, outputs: ['g', 'h', 'c'] })
})

for (const color of ['rgb', 'bgr', 'grey'] as const) {
  test(`preprocessing inside the model: ${color}, fixed`, () =>
    checkImage({ mode: 'fixed', color, mean: color === 'grey' ? [127.5] : [120, 110, 100], scale: [1 / 128] }))
  test(`preprocessing inside the model: ${color}, per image`, () => checkImage({ mode: 'per-image', color }))
}

test.run()
