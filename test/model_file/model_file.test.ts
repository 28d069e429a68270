/** Model files: what is written is read back, and what contradicts itself is refused. */
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networks } from '../../lib/convert/networks/index.js'
import { initialWeights } from '../../lib/convert/networks/initialize.js'
import { FaceNetError } from '../../lib/errors.js'
import { checkGraph } from '../../lib/files/model/graph_schema.js'
import { readModel, verifyModel, writeModel } from '../../lib/files/model/model_file.js'
import { writeSafetensors } from '../../lib/files/model/safetensors_writer.js'
import { f32Tensor, type Tensor, toBfloat16, weightSource } from '../../lib/files/model/tensor.js'
import { readTensors } from '../../lib/files/model/tensor_reader.js'
import type { GraphDescription } from '../../types/graph.js'
import { assertFails, modelFails } from '../importers/support.js'

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-model-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

const graph: GraphDescription = {
  name: 'small',
  input: { name: 'image', height: 6, width: 5, channels: 3, dtype: 'u8' },
  nodes: [
    {
      name: 'preprocess',
      op: 'preprocess',
      inputs: ['image'],
      attributes: { mode: 'fixed', color: 'rgb', mean: [127.5], scale: [0.0078125] },
    },
    {
      name: 'conv',
      op: 'conv2d',
      inputs: ['preprocess'],
      attributes: { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1], outChannels: 4 },
      tensors: { weight: 'conv.weight', bias: 'conv.bias' },
    },
    { name: 'prelu', op: 'prelu', inputs: ['conv'], tensors: { slope: 'prelu.slope' } },
    {
      name: 'fc',
      op: 'fully_connected',
      inputs: ['prelu'],
      attributes: { outFeatures: 8 },
      tensors: { weight: 'fc.weight' },
    },
    { name: 'embedding', op: 'l2_normalize', inputs: ['fc'] },
  ],
  outputs: ['embedding'],
}
const ramp = (shape: number[]) =>
  f32Tensor(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + shape.length)),
  )
const tensors = new Map<string, Tensor>([
  ['conv.weight', ramp([4, 3, 3, 3])],
  ['conv.bias', ramp([4])],
  ['prelu.slope', ramp([1])],
  ['fc.weight', ramp([8, 120])],
])

test('what is written is read back', async () => {
  const path = join(folder, 'm.safetensors')
  const threshold = { value: 1.1, metric: 'squared-l2' } as const
  const notes = { alignment: 'arcface112', threshold, producer: 'a test', license: 'CC0', source: 'here' }
  const written = await writeModel(path, { graph, tensors, ...notes, extra: { step: '12' } })
  assert.is(written.unitLength, true)
  assert.is(written.dimensions, 8)
  assert.equal(written.inputSize, [6, 5])
  assert.is(written.dtype, 'f32')
  const model = await readModel(path)
  assert.equal(model.metadata, written)
  assert.equal(model.graph, graph)
  assert.equal([...model.extra], [['step', '12']])
  const { values } = await readTensors(path)
  assert.equal(values, tensors)
  assert.equal(await verifyModel(path), written)
  assert.equal(await readdir(folder), ['m.safetensors'])
})

test('tensors start at multiples of 64 bytes, and the source names the file', async () => {
  const path = join(folder, 'm.safetensors')
  await writeModel(path, { graph, tensors })
  const { weights } = await readModel(path)
  assert.ok('path' in weights && weights.path === path && weights.fileBytes === (await readFile(path)).length)
  assert.is(weights.tensors[0]!.offset % 64, 0)
  assert.equal(
    weights.tensors.map(({ dtype }) => dtype),
    ['f32', 'f32', 'f32', 'f32'],
  )
})

test('a model is read from memory as from its file', async () => {
  const path = join(folder, 'm.safetensors')
  await writeModel(path, { graph, tensors })
  const bytes = await readFile(path)
  const model = await readModel(bytes)
  assert.ok('buffer' in model.weights && model.weights.buffer === bytes)
  assert.equal(model.metadata, (await readModel(path)).metadata)
  await verifyModel(bytes)
})

test('bf16 weights are marked as such', async () => {
  const path = join(folder, 'm.safetensors')
  const halved = new Map([...tensors].map(([name, tensor]) => [name, toBfloat16(tensor)] as const))
  assert.is((await writeModel(path, { graph, tensors: halved })).dtype, 'bf16')
  assert.equal((await readTensors(path)).values, halved)
})

test('the fingerprint follows graph, preprocessing and weights, not the name', async () => {
  const write = async (changed: Partial<{ graph: GraphDescription; tensors: Map<string, Tensor> }>) =>
    (await writeModel(join(folder, 'm.safetensors'), { graph, tensors, ...changed })).fingerprint
  const original = await write({})
  assert.match(original, /^[0-9a-f]{64}$/)
  assert.is(await write({}), original)
  assert.is(await write({ graph: { ...graph, name: 'other' } }), original)
  const reversed = JSON.parse(JSON.stringify(graph), (_, value) =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).reverse())
      : value,
  )
  assert.is(await write({ graph: reversed }), original, 'the order of keys does not matter')
  const [preprocess, ...rest] = structuredClone(graph.nodes)
  if (preprocess!.op === 'preprocess') preprocess!.attributes.mean = [127]
  assert.is.not(await write({ graph: { ...graph, nodes: [preprocess!, ...rest] } }), original)
  const nudged = new Map(tensors).set('prelu.slope', f32Tensor([1], Float32Array.of(0.25)))
  assert.is.not(await write({ tensors: nudged }), original)
  assert.is(await write({ tensors: new Map(tensors).set('optimizer.state', ramp([3])) }), original)
})

test('a changed weight is found by verifying', async () => {
  const path = join(folder, 'm.safetensors')
  await writeModel(path, { graph, tensors })
  const bytes = await readFile(path)
  bytes[bytes.length - 1]! ^= 1
  await writeFile(path, bytes)
  await readModel(path)
  await modelFails(() => verifyModel(path), /for fingerprint/)
})

test('tensors that do not fit the graph are refused before anything is written', async () => {
  const path = join(folder, 'm.safetensors')
  const without = new Map(tensors)
  without.delete('conv.bias')
  await modelFails(() => writeModel(path, { graph, tensors: without }), /bias of conv/)
  const wrong = new Map(tensors).set('fc.weight', ramp([8, 119]))
  await modelFails(() => writeModel(path, { graph, tensors: wrong }), /8x120 for fc.weight but received 8x119/)
  await assertFails(
    () => writeModel(path, { graph, tensors, threshold: { value: Number.NaN, metric: 'squared-l2' } }),
    'ERR_FACENET_INVALID_ARGUMENT',
    /threshold/,
  )
  assert.equal(await readdir(folder), [])
})

test('metadata that contradicts the graph is refused', async () => {
  const path = join(folder, 'm.safetensors')
  await writeModel(path, { graph, tensors, threshold: { value: 1, metric: 'squared-l2' } })
  const { metadata } = await readTensors(path)
  const changes: [string, string | undefined, RegExp][] = [
    ['format', 'pt', /facenet-native import/],
    ['formatVersion', '2', /formatVersion/],
    ['graph', undefined, /for graph/],
    ['graph', '{}', /graph\.name/],
    ['graph', '{"name":', /JSON/],
    ['dimensions', '9', /dimensions/],
    ['inputSize', '5x6', /inputSize/],
    ['unitLength', 'false', /unitLength/],
    ['network', 'other', /network/],
    ['dtype', 'f16', /dtype/],
    ['fingerprint', 'abc', /fingerprint/],
    ['threshold', '0.36', /threshold/],
    ['threshold', '{"value":0.6,"metric":"l2"}', /threshold/],
    ['threshold', '{"value":-1,"metric":"squared-l2"}', /threshold/],
  ]
  for (const [key, value, message] of changes) {
    const entries = Object.entries({ ...Object.fromEntries(metadata), [key]: value })
    const map = Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined))
    await writeSafetensors(path, tensors, map)
    await modelFails(() => readModel(path), message)
  }
})

test('plain safetensors are not a model', async () => {
  await writeSafetensors(join(folder, 'plain.safetensors'), tensors)
  await modelFails(() => readModel(join(folder, 'plain.safetensors')), /facenet-native import/)
})

test('graphs that do not hold together are refused, naming the place', async () => {
  const withNode = (index: number, changes: object) =>
    ({ ...graph, nodes: graph.nodes.map((node, i) => (i === index ? { ...node, ...changes } : node)) }) as unknown
  const cases: [unknown, RegExp][] = [
    [null, /for graph/],
    [{ ...graph, nodes: [] }, /graph\.nodes/],
    [{ ...graph, more: 1 }, /graph\.more/],
    [withNode(1, { op: 'softmax' }), /graph\.nodes\.1\.op/],
    [withNode(1, { name: 'preprocess' }), /unique names/],
    [withNode(1, { inputs: ['later'] }), /earlier node/],
    [withNode(1, { inputs: ['image'] }), /on a u8 image/],
    [withNode(1, { inputs: ['preprocess', 'preprocess'] }), /1 input for layer conv/],
    [
      withNode(1, { attributes: { kernel: [3, 0], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: 4 } }),
      /kernel\.1/,
    ],
    [
      withNode(1, { attributes: { kernel: [3, 3], stride: [1, 1], padding: [0, 0, 0, -1], outChannels: 4 } }),
      /padding/,
    ],
    [
      withNode(1, { attributes: { kernel: [9, 9], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: 4 } }),
      /9x9 over/,
    ],
    [withNode(0, { attributes: { mode: 'fixed', color: 'rgb', mean: [1, 2] } }), /attributes\.mean/],
    [{ ...graph, outputs: ['none'] }, /graph\.outputs/],
    [{ ...graph, input: { ...graph.input, height: 1e9 } }, /input\.height/],
  ]
  for (const [value, message] of cases) await modelFails(() => checkGraph(value), message)
  assert.equal(checkGraph(structuredClone(graph)), graph)
})

test('the graphs of all networks pass the check', () => {
  for (const network of Object.values(networks)) {
    const description = network.graph()
    assert.equal(checkGraph(JSON.parse(JSON.stringify(description))), JSON.parse(JSON.stringify(description)))
  }
})

test('a network with random weights goes through a file', async () => {
  const nns2 = networks.nns2.graph()
  const weights = initialWeights(nns2, 1)
  const path = join(folder, 'nns2.safetensors')
  await writeModel(path, { graph: nns2, tensors: weights })
  assert.equal((await readTensors(path)).values, weights)
})

test('a graph of random JSON is refused with a FaceNetError', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        checkGraph(value)
      } catch (error) {
        assert.instance(error, FaceNetError)
      }
    }),
  )
})

test('a folder that is missing or a file', async () => {
  await assertFails(
    () => writeModel(join(folder, 'none', 'm.safetensors'), { graph, tensors }),
    'ERR_FACENET_IO',
    /ENOENT/,
  )
  await writeFile(join(folder, 'file'), '')
  await assertFails(
    () => writeModel(join(folder, 'file', 'm.safetensors'), { graph, tensors }),
    'ERR_FACENET_IO',
    /ENOTDIR/,
  )
  await chmod(folder, 0o700)
  assert.equal(await readdir(folder), ['file'])
})

test('a target that is a folder is left alone', async () => {
  await assertFails(() => writeModel(folder, { graph, tensors }), 'ERR_FACENET_IO', /Cannot write/)
  assert.equal(await readdir(folder), [])
})

test('tensors in memory become one aligned buffer', () => {
  const source = weightSource(tensors)
  assert.ok('buffer' in source)
  for (const { name, offset, bytes } of source.tensors) {
    assert.is(offset % 64, 0)
    assert.equal(new Float32Array(source.buffer.slice(offset, offset + bytes).buffer), tensors.get(name)!.data)
  }
})

test.run()
