/** Networks in Torch7's format: OpenFace's nn4.small2 with random weights of its real sizes, other networks, and what is refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importModel } from '../../lib/convert/importers/import_model.js'
import type { ModelContents } from '../../lib/files/model/model_file.js'
import { elementCount } from '../../lib/files/model/tensor.js'
import { openModel } from '../../lib/index.js'
import { normals, seeded } from '../support/random.js'
import { graph, lpPool, nn4Small2File, normalize, relu, sequential, tensors, view } from './networks/openface.js'
import { assertFails, modelFails } from './support.js'
import { Bytecode, Floats, Instance, torch7, type Value } from './torch7_writer.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-torch7-'))
test.after(() => rm(folder, { recursive: true, force: true }))

async function save(name: string, value: Value | Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, value instanceof Uint8Array ? value : torch7(value))
  return path
}

const published = nn4Small2File()

async function embed(contents: ModelContents): Promise<Float32Array> {
  await using model = await openModel(contents, { device: 'cpu', threads: 2 })
  return model.embed(Uint8Array.from({ length: 96 * 96 * 3 }, (_, i) => (i * 7 + (i >> 6) * 13) % 256))
}

test('nn4.small2: the network of the table with the weights of the file', async () => {
  const path = await save('nn4.small2.v1.t7', published)
  const model = await importModel(path)
  assert.equal(model.graph, graph)
  assert.is(model.license, 'Apache-2.0')
  assert.equal([...model.tensors.keys()].sort(), [...tensors.keys()].sort())
  for (const [name, tensor] of tensors) assert.equal(model.tensors.get(name), tensor, name)
  const row = await embed(model)
  assert.equal(row, await embed({ graph, tensors }))
  assert.ok(Math.abs(row.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-5)
  assert.equal(model.check, { checked: false, reason: 'only ONNX files can be compared with onnxruntime' })
})

test('another rule, another name; what does not go with it', async () => {
  const path = await save('other_name.t7', published)
  const { graph } = await importModel(path, { name: 'mine', color: 'bgr', mean: 127.5, scale: 1 / 128 })
  assert.is(graph.name, 'mine')
  assert.equal(graph.nodes[0], {
    name: 'preprocess',
    op: 'preprocess',
    inputs: ['image'],
    attributes: { mode: 'fixed', color: 'bgr', mean: [127.5], scale: [1 / 128] },
  })
  for (const [options, message] of [
    [{ graph: 'g.json' }, /for graph/],
    [{ color: 'grey' }, /for color/],
    [{ output: 'y' }, /for output/],
    [{ check: true }, /for check/],
  ] as const) {
    await assertFails(() => importModel(path, options as object), 'ERR_FACENET_INVALID_ARGUMENT', message)
  }
  await modelFails(
    () => importModel(path, { size: [112, 112] }),
    /weight of module \d+ but received 128x736|a vector of \d+ for module \d+ but received 736/,
  )
})

const weights = (sizes: number[], seed: number) => new Floats(sizes, normals(elementCount(sizes), seeded(seed), 0.1))
const smallConv = (more: Record<string, Value> = {}) =>
  new Instance('nn.SpatialConvolution', {
    ...{
      nInputPlane: 3,
      nOutputPlane: 4,
      kW: 3,
      kH: 3,
      dW: 2,
      dH: 2,
      padW: 1,
      padH: 1,
      weight: weights([4, 3, 3, 3], 1),
    },
    ...more,
  })
const rule = { size: [16, 16], mean: 127.5, scale: 1 / 128 } as const

test('other networks need their input said', async () => {
  const old = new Instance('nn.SpatialBatchNormalization', {
    eps: 0.5,
    running_mean: new Floats([4], Float32Array.of(1, 2, 3, 4)),
    // 1 / sqrt(variance + 0.5)
    running_std: new Floats([4], Float32Array.of(0.5, 1, 0.25, 1)),
  })
  const prelu = new Instance('nn.PReLU', { nOutputPlane: 0, weight: new Floats([1], Float64Array.of(0.25)) })
  const identity = [new Instance('nn.Identity', {}), new Instance('nn.Dropout', { p: 0.5, v2: true })]
  const turned = new Floats([5, 256], normals(5 * 256, seeded(3), 0.1), [1, 5])
  const path = await save(
    'small.t7',
    sequential(smallConv(), old, prelu, ...identity, view(256), new Instance('nn.Linear', { weight: turned })),
  )
  const model = await importModel(path, rule)
  assert.is(model.graph.name, 'small')
  assert.equal(
    model.graph.nodes.map(({ op }) => op),
    ['preprocess', 'conv2d', 'batch_norm', 'prelu', 'fully_connected'],
  )
  assert.equal(model.tensors.get('2.variance')!.data, Float32Array.of(3.5, 0.5, 15.5, 0.5))
  assert.equal(Array.from(model.tensors.get('7.weight')!.data.subarray(0, 2)), [turned.data[0], turned.data[5]])
  const { mean: _, scale: __, ...size } = rule
  await assertFails(() => importModel(path, size), 'ERR_FACENET_INVALID_ARGUMENT', /input rule.*--mean and --scale/)
  const thin = await save(
    'thin.t7',
    sequential(smallConv(), new Instance('nn.SpatialAveragePooling', { kW: 2, kH: 2, divide: true })),
  )
  await assertFails(() => importModel(thin), 'ERR_FACENET_INVALID_ARGUMENT', /size of the input.*--size/)
})

const refused: [string, Value, RegExp][] = [
  ['a table', new Map<Value, Value>([['model', sequential(relu())]]), /a module of nn for .*t7 but received a table/],
  ['no module', sequential('text'), /a module of nn for modules of module of the file/],
  [
    'an unknown module',
    sequential(new Instance('cudnn.SpatialConvolution', {})),
    /ONNX.* for module 1 but received cudnn/,
  ],
  ['a module named as what every object has', sequential(new Instance('constructor', {})), /received constructor/],
  ['an empty network', sequential(), /at least one layer/],
  [
    'a convolution of other channels',
    sequential(smallConv({ nInputPlane: 4 })),
    /3 channels for nInputPlane of module 1/,
  ],
  [
    'a convolution without weights',
    sequential(smallConv({ weight: undefined })),
    /108 floats for weight of module 1 .* none/,
  ],
  ['weights of another size', sequential(smallConv({ weight: weights([4, 27, 2], 1) })), /108 floats .* 4x27x2/],
  [
    'weights of integers',
    sequential(smallConv({ weight: new Floats([108], new BigInt64Array(108)) })),
    /of whole numbers/,
  ],
  [
    'weights outside of their storage',
    sequential(smallConv({ weight: new Floats([108], new Float32Array(90)) })),
    /elements within the 90/,
  ],
  [
    'weights that are stretched',
    sequential(smallConv({ weight: new Floats([108], new Float32Array(1), [0]) })),
    /elements within the 1 /,
  ],
  ['a stride of half a pixel', sequential(smallConv({ dW: 0.5 })), /dW of module 1 but received 0\.5/],
  ['a stride that is text', sequential(smallConv({ dW: '2' })), /a number for dW of module 1/],
  ['a pool over other squares', sequential(lpPool(3)), /root of the sum of squares/],
  ['a length of p = 1', sequential(smallConv(), normalize(1)), /2 for p of module 2/],
  ['a Dropout that scales', sequential(new Instance('nn.Dropout', { p: 0.5 })), /v2 of module 1/],
  ['a view of some', sequential(smallConv(), view(128)), /a vector of 256 for module 2/],
  [
    'branches of two sizes',
    sequential(new Instance('nn.Concat', { dimension: 2, modules: [smallConv(), relu()] })),
    /one height and width/,
  ],
  [
    'branches above each other',
    sequential(new Instance('nn.Concat', { dimension: 3, modules: [smallConv()] })),
    /dimension of module 1/,
  ],
]
for (const [what, value, message] of refused) {
  test(`refused: ${what}`, async () =>
    modelFails(async () => importModel(await save('refused.t7', value), rule), message))
}

test('a function is stepped over, and objects may hold themselves', async () => {
  const held = new Instance('nn.Sequential', new Map<Value, Value>())
  const fields = held.fields as Map<Value, Value>
  fields.set('hook', new Bytecode('\x1bLJ\x01os.execute'))
  fields.set('self', held)
  fields.set(held, true)
  fields.set('modules', [smallConv(), new Instance('nn.SpatialAveragePooling', { kW: 8, kH: 8, divide: true })])
  assert.is((await importModel(await save('self.t7', held), rule)).graph.nodes.length, 3)
  fields.set('modules', [held])
  await modelFails(async () => importModel(await save('circle.t7', held), rule), /or one that holds itself/)
  // Twice the same thirty times over: a thousand million layers in a kilobyte.
  let twice: Value = relu()
  for (let i = 0; i < 30; i++) twice = sequential(twice, twice)
  await modelFails(async () => importModel(await save('twice.t7', twice), rule), /at most 10000 modules/)
  const matrix = new Instance('nn.Linear', { weight: weights([256, 256], 5) })
  const pool = new Instance('nn.SpatialAveragePooling', { kW: 16, kH: 16, divide: true })
  const first = new Instance('nn.Linear', { weight: weights([256, 3], 6) })
  const many = sequential(pool, first, ...Array<Value>(5).fill(matrix))
  await modelFails(async () => importModel(await save('many.t7', many), rule), /at most \d+ weights in all/)
})

test.run()
