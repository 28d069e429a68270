/** Every op as ONNX: onnxruntime must compute from the export what the fp64 evaluator computes from the graph. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ExportOnnxOptions, exportOnnx } from '../../lib/convert/exporters/onnx.js'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { parseOnnx } from '../../lib/convert/importers/onnx.js'
import { tensorShapes } from '../../lib/convert/networks/shapes.js'
import { f32Tensor, type Tensor, toBfloat16 } from '../../lib/files/model/tensor.js'
import type { GraphDescription, GraphNode, PoolAttributes } from '../../types/graph.js'
import { evaluate } from '../support/evaluate.js'
import { f64 } from '../support/precision.js'
import { normals, seeded } from '../support/random.js'
import { assertFails, countOps, modelFails, plain, runExported } from './support.js'

type Body = GraphNode extends infer Node ? (Node extends GraphNode ? Omit<Node, 'name' | 'inputs'> : never) : never

/** A chain of nodes on fp32 activations `x`; the last one is the output. */
function chain(shape: [number, number, number], ...bodies: Body[]): GraphDescription {
  const nodes = bodies.map((body, i) => ({ ...body, name: `n${i}`, inputs: [i ? `n${i - 1}` : 'x'] }) as GraphNode)
  const [height, width, channels] = shape
  return {
    name: 'case',
    input: { name: 'x', height, width, channels, dtype: 'f32' },
    nodes,
    outputs: [nodes.at(-1)!.name],
  }
}

/** Normal values; positive ones for variances. */
function randomTensors(graph: GraphDescription): Map<string, Tensor> {
  const random = seeded(7)
  return new Map(
    [...tensorShapes(graph)].map(([name, shape]) => {
      const values = normals(
        shape.reduce((product, extent) => product * extent, 1),
        random,
        0.5,
      )
      return [name, f32Tensor(shape, name.endsWith('variance') ? values.map((v) => Math.abs(v) + 0.5) : values)]
    }),
  )
}

const pool = (
  kernel: number,
  stride: number,
  padding: PoolAttributes['padding'],
  more: Partial<PoolAttributes> = {},
) => ({
  kernel: [kernel, kernel] as const,
  stride: [stride, stride] as const,
  padding,
  ...more,
})
const pools = [
  pool(3, 2, [0, 0, 0, 0]),
  pool(3, 2, [0, 0, 0, 0], { rounding: 'ceil' }),
  pool(3, 2, [1, 1, 1, 1], { rounding: 'ceil' }),
  pool(3, 2, [1, 1, 1, 1], { rounding: 'ceil', countPadding: true }),
  pool(3, 2, [0, 1, 1, 0], { countPadding: true }),
  pool(2, 3, [0, 0, 0, 0], { rounding: 'ceil', countPadding: true }),
  pool(3, 1, [1, 1, 1, 1]),
]
const conv: Body = {
  op: 'conv2d',
  attributes: { kernel: [3, 2], stride: [2, 1], padding: [0, 1, 2, 0], outChannels: 6, groups: 3 },
  tensors: { weight: 'conv.weight', bias: 'conv.bias' },
}
const vector: Body = { op: 'fully_connected', attributes: { outFeatures: 12 }, tensors: { weight: 'v.weight' } }
const lrn = (size: number, alphaPer: 'element' | 'window'): Body => ({
  op: 'lrn',
  attributes: { size, alpha: 0.3, beta: 0.75, bias: 2, alphaPer },
})
const norm: Body = {
  op: 'batch_norm',
  attributes: { epsilon: 1e-3 },
  tensors: { mean: 'bn.mean', variance: 'bn.variance', scale: 'bn.scale' },
}

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

/** Two images, so that a batch is not one image by accident. */
async function checkCase(graph: GraphDescription, options?: ExportOnnxOptions): Promise<void> {
  const tensors = randomTensors(graph)
  const { height, width, channels } = graph.input
  const input = normals(2 * height * width * channels, seeded(3))
  const dims = [2, channels, height, width]
  const outputs = await runExported(graph, tensors, transpose(input, height * width, channels), dims, options)
  assertOutputs(outputs, evaluate(graph, plain(tensors), input, 2, f64))
}

async function checkImage(attributes: Extract<GraphNode, { op: 'preprocess' }>['attributes']): Promise<void> {
  const graph = imageGraph(attributes)
  const tensors = randomTensors(graph)
  const pixels = Uint8Array.from({ length: 2 * 5 * 6 * 3 }, (_, i) => (i * 37) % 256)
  const outputs = await runExported(graph, tensors, pixels, [2, 5, 6, 3], { includePreprocess: true })
  assertOutputs(outputs, evaluate(graph, plain(tensors), pixels, 2, f64))
}

function imageGraph(attributes: Extract<GraphNode, { op: 'preprocess' }>['attributes']): GraphDescription {
  return {
    name: 'image',
    input: { name: 'image', height: 5, width: 6, channels: 3, dtype: 'u8' },
    nodes: [
      { name: 'preprocess', op: 'preprocess', inputs: ['image'], attributes },
      { ...vector, name: 'out', inputs: ['preprocess'] } as GraphNode,
    ],
    outputs: ['out'],
  }
}

/** N x rows x columns as N x columns x rows. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const size = rows * columns
  return values.map((_, i) => {
    const at = i % size
    return values[i - at + (at % rows) * columns + Math.floor(at / rows)]!
  })
}

/** onnxruntime computes in fp32: the largest error is measured against the largest value. */
function assertOutputs(outputs: Awaited<ReturnType<typeof runExported>>, expected: Float64Array[]): void {
  assert.is(outputs.length, expected.length)
  outputs.forEach(({ dims, data }, index) => {
    const [, channels = 1, height = 1, width = 1] = dims
    const ours = transpose(data, channels, height * width)
    const values = expected[index]!
    assert.is(ours.length, values.length)
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    values.forEach((value, i) => {
      assert.ok(
        Math.abs(value - ours[i]!) <= 2e-6 * largest,
        `output ${index}, element ${i}: ${ours[i]}, expected ${value}`,
      )
    })
  })
}

test('vectors leave as N x C, maps as N x C x H x W', async () => {
  const graph = {
    ...chain([3, 4, 2], { op: 'relu' }, { op: 'global_pool', attributes: { kind: 'max' } }, vector),
    outputs: ['n0', 'n1', 'n2'],
  }
  const outputs = await runExported(graph, randomTensors(graph), new Float32Array(24), [1, 2, 3, 4], { batch: 1 })
  assert.equal(
    outputs.map(({ dims }) => dims),
    [
      [1, 2, 3, 4],
      [1, 2],
      [1, 12],
    ],
  )
})

test('bf16 weights are exported as the fp32 values they stand for', async () => {
  const graph = chain([3, 3, 4], vector)
  const halves = new Map([...randomTensors(graph)].map(([name, tensor]) => [name, toBfloat16(tensor)] as const))
  const input = normals(36, seeded(3))
  const outputs = await runExported(graph, halves, transpose(input, 9, 4), [1, 4, 3, 3])
  assertOutputs(outputs, evaluate(graph, plain(halves), input, 1, f64))
})

test('exported and imported again: the same ops, the same outputs, preprocessing and notes', () => {
  const original = imageGraph({ mode: 'fixed', color: 'bgr', mean: [1, 2, 3], scale: [0.5] })
  const small: Body[] = [
    conv,
    lrn(5, 'window'),
    norm,
    { op: 'prelu', tensors: { slope: 'p' } },
    { op: 'maxout', attributes: { pieces: 2 } },
  ]
  const more: Body[] = [
    { op: 'l2_pool', attributes: pool(2, 1, [0, 0, 0, 0]) },
    { op: 'relu6' },
    { op: 'zero_pad', attributes: { channels: 2 } },
    vector,
    { op: 'l2_normalize' },
  ]
  const graph: GraphDescription = {
    ...original,
    nodes: [
      original.nodes[0]!,
      ...[
        { ...conv, attributes: { ...conv.attributes, groups: 1 }, tensors: { weight: 'first' } },
        ...small,
        ...more,
      ].map((body, i) => ({ ...body, name: `n${i}`, inputs: [i ? `n${i - 1}` : 'preprocess'] }) as GraphNode),
    ],
    outputs: ['n10'],
  }
  const tensors = randomTensors(graph)
  const notes = { alignment: 'dlib', threshold: { value: 0.36, metric: 'squared-l2' as const }, license: 'CC0' }
  const pixels = Uint8Array.from({ length: 2 * 90 }, (_, i) => (i * 37) % 256)
  const [expected] = evaluate(graph, plain(tensors), pixels, 2, f64)
  for (const includePreprocess of [false, true]) {
    const source = parseOnnx(exportOnnx(graph, tensors, { includePreprocess, notes }))
    assert.equal({ ...source.notes, source: undefined }, { ...notes, source: undefined })
    const again = lowerModel(source, {})
    assert.equal(again.graph.nodes[0]!.op === 'preprocess' && again.graph.nodes[0]!.attributes, {
      mode: 'fixed',
      color: 'bgr',
      mean: [1, 2, 3],
      scale: [0.5],
    })
    assert.equal(countOps(again.graph), countOps(graph))
    const [values] = evaluate(again.graph, plain(again.tensors), pixels, 2, f64)
    for (const [i, value] of values!.entries()) assert.ok(Math.abs(value - expected![i]!) < 1e-6)
  }
})

test('bad options and graphs', async () => {
  const graph = chain([3, 3, 4], vector)
  const tensors = randomTensors(graph)
  await assertFails(() => exportOnnx(graph, tensors, { opset: 12 }), 'ERR_FACENET_INVALID_ARGUMENT', /opset/)
  await assertFails(() => exportOnnx(graph, tensors, { batch: 0 }), 'ERR_FACENET_INVALID_ARGUMENT', /batch/)
  await modelFails(() => exportOnnx(graph, new Map()), /v\.weight/)
  await modelFails(() => exportOnnx({ ...graph, outputs: ['none'] }, tensors), /graph\.outputs/)
})

test.run()
