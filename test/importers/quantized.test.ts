/** Quantised models in the QDQ format: the same network in fp32, with its weights rounded and its activations cut off. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphNode } from '../../types/graph.js'
import type { OnnxModel, OnnxNode, OnnxTensor } from '../support/onnx_writer.js'
import { convolution, head, importNetwork, type Network, random, scalar, steps, weights } from './onnx_files.js'
import { assertFails, countOps, modelFails } from './support.js'

const types = { uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6 } as const
const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
} as const
type IntegerType = keyof typeof types

function integers(type: IntegerType, shape: number[], values: ArrayLike<number>): OnnxTensor {
  const typed = arrays[type].from(values as number[])
  return { shape, data: new Uint8Array(typed.buffer), type: types[type] }
}
const zero = (type: IntegerType, value: number) => integers(type, [], [value])

/** `x` to integers and back, by the initialisers `s<name>` and `z<name>`. */
const rounded = (from: string, name: string, to: string, domain?: string): OnnxNode[] =>
  ['QuantizeLinear', 'DequantizeLinear'].map((op, i) => ({
    op,
    inputs: [i ? `${to}/q` : from, `s${name}`, `z${name}`],
    outputs: [i ? to : `${to}/q`],
    ...(domain !== undefined && { domain }),
  }))

/** Weights of `convolution` as integers, a scale a channel, and its bias as int32. */
const weightScales = Float32Array.from({ length: 6 }, (_, c) => 0.005 + c / 1000)
const integerWeights: Record<string, OnnxTensor> = {
  wq: integers(
    'int8',
    [6, 3, 3, 3],
    (weights.w!.data as Float32Array).map((v, i) => Math.round(v / weightScales[Math.floor(i / 27)]!)),
  ),
  ws: { shape: [6], data: weightScales },
  wz: integers('int8', [6], new Int8Array(6)),
  bq: integers(
    'int32',
    [6],
    Array.from(weights.b!.data as Float32Array, (v) => Math.round(v / 0.001)),
  ),
  bs: scalar(0.001),
  bz: zero('int32', 0),
}
const dequantizedWeights: OnnxNode[] = [
  { op: 'DequantizeLinear', inputs: ['wq', 'ws', 'wz'], outputs: ['w'], attributes: { axis: 0 } },
  { op: 'DequantizeLinear', inputs: ['bq', 'bs', 'bz'], outputs: ['b'] },
]
const { fw, fb } = weights as Record<'fw' | 'fb', OnnxTensor>

/** A network of these nodes; `weights` of the helper are there unless nodes make them. */
function network(nodes: OnnxNode[], initializers: Record<string, OnnxTensor>, more: Partial<OnnxModel> = {}): Network {
  return { opset: 17, nodes, initializers, ...more }
}

const clips = (model: { graph: { nodes: readonly GraphNode[] } }) =>
  model.graph.nodes.flatMap((node) => (node.op === 'clip' ? [node.attributes] : []))

test('integers from 0 on stand for a ReLU that the quantiser left out', async () => {
  const initializers = {
    ...integerWeights,
    sx: scalar(2 / 255),
    zx: zero('uint8', 128),
    sc: scalar(0.02),
    zc: zero('uint8', 0),
  }
  const quantised = [
    ...dequantizedWeights.map((node) => ({ ...node, outputs: [`${node.outputs[0]}f`] })),
    ...rounded('x', 'x', 'xr'),
    { ...convolution('xr'), inputs: ['xr', 'wf', 'bf'] },
    ...rounded('c', 'c', 'cr'),
    ...head('cr'),
  ]
  const model = await importNetwork(network(quantised, initializers))
  assert.equal(countOps(model.graph), { preprocess: 1, conv2d: 1, clip: 1, global_pool: 1, fully_connected: 1 })
  assert.equal(clips(model), [{ min: 0, max: 255 * Math.fround(0.02) }])
  assert.equal(model.remarks, ['activations that the file rounds to integers, computed in fp32: 2'])
  assert.ok(
    model.check.checked && model.check.difference < 0.02 && model.check.tolerance === 0.25,
    JSON.stringify(model.check),
  )

  // The same in fp32, with the ReLU and what the integers cut off.
  const plain = [
    ...dequantizedWeights.map((node) => ({ ...node, outputs: [`${node.outputs[0]}f`] })),
    { ...convolution(), inputs: ['x', 'wf', 'bf'] },
    ...steps(['Clip', ['c', 'least', 'most'], 'r']),
    ...head('r'),
  ]
  const bounds = { least: scalar(0), most: scalar(255 * Math.fround(0.02)) }
  const same = await importNetwork(network(plain, { ...integerWeights, ...bounds }))
  assert.ok(same.check.checked && same.check.difference < 1e-6 && same.check.tolerance === 1e-4)
  assert.equal(
    [...model.tensors.values()].map(({ data }) => data),
    [...same.tensors.values()].map(({ data }) => data),
  )
  assert.is(same.remarks, undefined)
})

test('signed integers, and 16 bits of either domain', async () => {
  for (const [type, domain, opset, scale] of [
    ['int8', undefined, 17, 0.03],
    ['uint8', undefined, 10, 0.03],
    ['int16', undefined, 21, 1e-4],
    ['uint16', 'com.microsoft', 17, 1e-4],
  ] as const) {
    const start = type.startsWith('u') ? (type === 'uint8' ? 100 : 30_000) : -5
    const nodes = [convolution(), ...rounded('c', 'c', 'r', domain), ...head('r')]
    const model = await importNetwork(network(nodes, { sc: scalar(scale), zc: zero(type, start) }, { opset }))
    const [low, high] = { int8: [-128, 127], uint8: [0, 255], int16: [-32_768, 32_767], uint16: [0, 65_535] }[type]!
    const wide = Math.fround(scale)
    assert.equal(clips(model), [{ min: (low! - start) * wide, max: (high! - start) * wide }], type)
    assert.ok(model.check.checked && model.check.difference < (scale < 0.01 ? 1e-3 : 0.05), JSON.stringify(model.check))
  }
})

test('weights that are rounded in the file are rounded here: half to even, within the range', async () => {
  const values = Float32Array.from({ length: 162 }, (_, i) => (i - 80) / 64)
  const initializers = {
    wide: { shape: [6, 3, 3, 3], data: values },
    sw: { shape: [6], data: Float32Array.from({ length: 6 }, (_, c) => (c + 1) / 128) },
    zw: integers('int8', [6], [0, 1, 2, -1, -2, 0]),
  }
  const nodes = [
    ...rounded('wide', 'w', 'wr').map((node) => ({ ...node, attributes: { axis: 0 } })),
    { ...convolution(), inputs: ['x', 'wr', 'b'] },
    ...head('c'),
  ]
  const model = await importNetwork(network(nodes, initializers))
  assert.ok(model.check.checked && model.check.difference < 1e-6, JSON.stringify(model.check))
  assert.is(model.remarks, undefined)
})

test('an image of bytes that begins with DequantizeLinear', async () => {
  const nodes = [
    { op: 'DequantizeLinear', inputs: ['x', 'sx', 'zx'], outputs: ['f'] },
    convolution('f'),
    ...steps(['Relu', ['c'], 'r']),
    ...head('r'),
  ]
  const initializers = { sx: scalar(1 / 64), zx: zero('uint8', 127) }
  const model = await importNetwork(network(nodes, initializers, { inputType: 2 }), {
    mean: undefined,
    scale: undefined,
  })
  const [preprocess] = model.graph.nodes
  assert.equal(preprocess?.op === 'preprocess' && preprocess.attributes, {
    mode: 'fixed',
    color: 'rgb',
    mean: [127],
    scale: [1 / 64],
  })
  assert.ok(model.check.checked && model.check.difference < 1e-6)
})

test('an image whose pixels reach beyond the integers is cut off', async () => {
  const nodes = [...rounded('x', 'x', 'r'), convolution('r'), ...head('c')]
  const model = await importNetwork(network(nodes, { sx: scalar(0.005), zx: zero('uint8', 128) }))
  assert.is(clips(model).length, 1)
  assert.ok(model.check.checked && model.check.difference < 0.02, JSON.stringify(model.check))
})

const made = { s1: scalar(0.02), z1: zero('uint8', 10), s2: scalar(0.03), z2: zero('uint8', 11) }
const q = (from: string, to: string, scale = 's1', from0 = 'z1') =>
  ['QuantizeLinear', [from, scale, from0], to] as const
const dq = (from: string, to: string, scale = 's1', from0 = 'z1') =>
  ['DequantizeLinear', [from, scale, from0], to] as const
type Rows = Parameters<typeof steps>

/** What makes `d` of the convolution `c`. */
const refused: [string, Rows, RegExp][] = [
  [
    'another scale',
    [[...q('c', 'i')], [...dq('i', 'd', 's2')]] as unknown as Rows,
    /integers by the scale 0\.0299.* received 0\.0199.* and 10/,
  ],
  [
    'another zero point',
    [[...q('c', 'i')], [...dq('i', 'd', 's1', 'z2')]] as unknown as Rows,
    /zero point 11 for input of DequantizeLinear/,
  ],
  ['floats that were never integers', [[...dq('c', 'd')]] as unknown as Rows, /received the floats of 1x6x8x8/],
  [
    'a pool of integers',
    [[...q('c', 'i')], ['GlobalMaxPool', ['i'], 'm'], [...dq('m', 'd')]] as unknown as Rows,
    /floats: a DequantizeLinear in front for input of GlobalMaxPool/,
  ],
  [
    'a reshape of integers',
    [[...q('c', 'i')], ['Flatten', ['i'], 'm'], [...dq('m', 'd')]] as unknown as Rows,
    /floats: a DequantizeLinear in front for input of Flatten/,
  ],
  [
    'a scale a channel',
    [
      ['QuantizeLinear', ['c', 'many', 'manyz'], 'i'],
      ['DequantizeLinear', ['i', 'many', 'manyz'], 'd'],
    ],
    /one of each, for an activation/,
  ],
]
const many = { many: random([6], 4), manyz: integers('uint8', [6], new Uint8Array(6)) }
for (const [name, rows, message] of refused) {
  test(`refused: ${name}`, () =>
    modelFails(
      () => importNetwork(network([convolution(), ...steps(...rows), ...head('d')], { ...made, ...many })),
      message,
    ))
}

test('refused: integers as the output', () =>
  modelFails(
    () =>
      importNetwork(
        network([convolution(), ...head('c', 'e'), ...steps([...q('e', 'y')] as unknown as Rows[0])], made),
      ),
    /what a node makes of the image for outputs/,
  ))

test('layers that compute with integers are refused by name, with what to do', async () => {
  for (const [op, domain] of [
    ['QLinearConv', undefined],
    ['ConvInteger', undefined],
    ['MatMulInteger', undefined],
    ['DynamicQuantizeLinear', undefined],
    ['QLinearAdd', 'com.microsoft'],
  ] as const) {
    const node = { op, inputs: ['c'], outputs: ['d'], ...(domain && { domain }) }
    const full = domain ? `${domain}\\.${op}` : op
    await modelFails(
      () => importNetwork(network([convolution(), node, ...head('d')], { fw, fb })),
      new RegExp(
        `the unsupported op ${full} \\(quantise in the QDQ format, which is read as fp32, or export the model in fp32\\)`,
      ),
    )
  }
  await assertFails(
    () => importNetwork(network([convolution(), ...head('c')], {}), { output: 'z' }),
    'ERR_FACENET_INVALID_ARGUMENT',
  )
})

test.run()
