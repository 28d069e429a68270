/** Published layouts of Inception-ResNet-v1's weights: facenet-pytorch, facenet's TensorFlow, keras-facenet. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { largestDifference } from '../../lib/benchmark/statistics.js'
import { importDetector } from '../../lib/convert/importers/import_detector.js'
import { type ImportedModel, importModel } from '../../lib/convert/importers/import_model.js'
import { findInceptionResnet, importInceptionResnet } from '../../lib/convert/importers/inception_resnet.js'
import { loadHdf5 } from '../../lib/convert/importers/keras.js'
import { describeGraph } from '../../lib/files/model/metadata.js'
import { writeSafetensors } from '../../lib/files/model/safetensors_writer.js'
import { f32Tensor } from '../../lib/files/model/tensor.js'
import { openModel } from '../../lib/model/open.js'
import { seeded } from '../support/random.js'
import { inceptionResnet } from './networks/inception_resnet.js'
import { type Array32, Call, pickle, torchLegacy, torchZip } from './pickle_writer.js'
import { assertFails, modelFails } from './support.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-inception-'))
test.after(() => rm(folder, { recursive: true, force: true }))

/** The network of 2018, and one that was trained on in PyTorch, whose normalisations have scales. */
const published = inceptionResnet({ dimensions: 512, scales: false })
const tuned = inceptionResnet({ dimensions: 512, scales: true })
/** The first 128 floats of the former, as the networks of 2017 have: the last layer gives each float by itself. */
const first128 = (weights: Record<string, Array32>) =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => {
      if (!name.includes('Bottleneck')) return [name, { shape, data }]
      return [name, { shape: [...shape.slice(0, -1), 128], data: data.filter((_, i) => i % 512 < 128) }]
    }),
  )
const ofDimensions = { tensorflow: first128(published.weights.tensorflow), keras: first128(published.weights.keras) }

async function save(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

const zeros = (...shape: number[]): Array32 => ({
  shape,
  data: new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
})
/** The classifier of a training set: 8,631 people of VGGFace2, 10,575 of CASIA-WebFace. */
const logits = (people: number) => ({ 'logits.weight': zeros(people, 512), 'logits.bias': zeros(people) })

async function saveTensorflow(name: string, weights: Record<string, Array32>): Promise<string> {
  const path = join(folder, name)
  await writeSafetensors(
    path,
    new Map(Object.entries(weights).map(([key, { shape, data }]) => [key, f32Tensor(shape, data)])),
    {},
  )
  return path
}

function images(count: number): Uint8Array {
  const random = seeded(5)
  const size = count * 160 * 160 * 3
  return Uint8Array.from({ length: size }, (_, i) => (128 + 80 * Math.sin(i / 97) + 47 * random.normal()) % 256)
}

/** What onnxruntime makes of the network for pixels that `normalize` has made its input of, an image at a time. */
async function expected(onnx: Uint8Array, pixels: Uint8Array, normalize: (image: Float32Array) => Float32Array) {
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 2, logSeverityLevel: 3 })
  const area = 160 * 160
  const rows: number[] = []
  for (let start = 0; start < pixels.length; start += area * 3) {
    const image = normalize(Float32Array.from(pixels.subarray(start, start + area * 3)))
    const planes = image.map((_, i) => image[(i % area) * 3 + Math.floor(i / area)]!)
    const made = await session.run({ input: new Tensor('float32', planes, [1, 3, 160, 160]) })
    rows.push(...(made[session.outputNames[0]!]!.data as Float32Array))
  }
  await session.release()
  return Float32Array.from(rows)
}

const fixed = (image: Float32Array) => image.map((value) => (value - 127.5) / 128)
/** facenet's `prewhiten`. */
function prewhitened(image: Float32Array): Float32Array {
  const mean = image.reduce((sum, value) => sum + value, 0) / image.length
  const deviation = Math.sqrt(image.reduce((sum, value) => sum + (value - mean) ** 2, 0) / image.length)
  return image.map((value) => (value - mean) / Math.max(deviation, 1 / Math.sqrt(image.length)))
}

async function embed(model: ImportedModel, pixels: Uint8Array): Promise<Float32Array> {
  const opened = await openModel(model, { device: 'cpu', threads: 2 })
  const rows = await opened.embed(pixels)
  await opened.close()
  return rows
}

function assertSame(received: ImportedModel, other: ImportedModel): void {
  assert.equal(received.graph, other.graph)
  assert.equal([...received.tensors.keys()], [...other.tensors.keys()])
  for (const [name, { shape, data }] of received.tensors) {
    const there = other.tensors.get(name)!
    assert.equal(shape, there.shape, name)
    assert.ok(Buffer.from(data.buffer).equals(Buffer.from(there.data.buffer)), name)
  }
}

const tolerance = 1e-5

test("facenet-pytorch's state dictionary: what onnxruntime makes of the same weights", async () => {
  const path = await save('vggface2.pt', torchZip({ ...tuned.weights.torch, ...logits(8631) }))
  assert.is(await importDetector(path), undefined)
  const model = await importModel(path)
  assert.equal(describeGraph(model.graph), {
    network: 'inception-resnet-v1',
    dimensions: 512,
    inputSize: [160, 160],
    unitLength: true,
  })
  assert.equal([model.alignment, model.producer], ['margin:32', 'facenet import'])
  assert.equal(model.check, { checked: false, reason: 'only ONNX files can be compared with onnxruntime' })
  assert.equal(
    model.graph.nodes.filter((node) => node.op === 'batch_norm' && node.tensors.scale).length,
    model.graph.nodes.filter((node) => node.op === 'batch_norm').length,
  )
  const pixels = images(2)
  const theirs = await expected(tuned.onnx, pixels, fixed)
  assert.ok(largestDifference(theirs.subarray(0, 512), theirs.subarray(512)) > 1000 * tolerance)
  const difference = largestDifference(await embed(model, pixels), theirs)
  assert.ok(difference <= tolerance, `differs by ${difference}`)
})

test("facenet's TensorFlow variables as safetensors, and the same weights in PyTorch's old format", async () => {
  const { torch, tensorflow } = published.weights
  const path = await saveTensorflow('facenet.safetensors', { ...tensorflow, 'Logits/weights': zeros(512, 10) })
  const model = await importModel(path)
  assert.not.ok(model.graph.nodes.some((node) => node.op === 'batch_norm' && node.tensors.scale))
  const pixels = images(1)
  const difference = largestDifference(await embed(model, pixels), await expected(published.onnx, pixels, fixed))
  assert.ok(difference <= tolerance, `differs by ${difference}`)
  assertSame(await importModel(await save('casia.pt', torchLegacy({ ...torch, ...logits(10_575) }))), model)
})

test('names with something in front, as of training on several GPUs, and with something behind', () => {
  const parallel = findInceptionResnet(Object.keys(published.weights.torch).map((name) => `module.${name}`))!
  assert.is(parallel.full('block8.conv2d.bias'), 'module.block8.conv2d.bias')
  const variables = findInceptionResnet(Object.keys(published.weights.tensorflow).map((name) => `${name}:0`))!
  assert.is(variables.full('Bottleneck/weights'), 'InceptionResnetV1/Bottleneck/weights:0')
  assert.is(findInceptionResnet(['other_conv2d_1a.conv.weight', 'fc.weight']), undefined)
})

const saved128 = saveTensorflow('2017.safetensors', ofDimensions.tensorflow)

test('128 floats: each image is standardised by itself, unless another rule is given', async () => {
  const model = await importModel(await saved128, { name: '20170512-110547', threshold: 1.21 })
  assert.equal([model.graph.name, model.threshold?.value], ['20170512-110547', 1.21])
  const pixels = images(1)
  const theirs = (await expected(published.onnx, pixels, prewhitened)).subarray(0, 128)
  const length = Math.hypot(...theirs)
  const difference = largestDifference(
    await embed(model, pixels),
    theirs.map((value) => value / length),
  )
  assert.ok(difference <= tolerance, `differs by ${difference}`)
  const [preprocess] = (await importModel(await saved128, { mean: 127.5, scale: 1 / 128 })).graph.nodes
  assert.equal(preprocess?.op === 'preprocess' && preprocess.attributes, {
    mode: 'fixed',
    color: 'rgb',
    mean: [127.5],
    scale: [1 / 128],
  })
})

/** Weights in memory. */
function importWeights(weights: Record<string, Array32>) {
  const read = (name: string) => f32Tensor(weights[name]!.shape, weights[name]!.data)
  return importInceptionResnet({ names: Object.keys(weights), read }, findInceptionResnet(Object.keys(weights))!)
}

test('weights that are not all there, or of another shape', async () => {
  const { torch, tensorflow } = published.weights
  const { 'mixed_6a.branch1.2.bn.running_var': _, ...rest } = torch
  await modelFails(
    () => importWeights(rest),
    /a tensor mixed_6a\.branch1\.2\.bn\.running_var of floats for weights of facenet-pytorch's Inception-ResNet-v1 but/,
  )
  const name = 'InceptionResnetV1/Repeat_1/block17_3/Branch_1/Conv2d_0b_1x7/weights'
  await modelFails(
    () => importWeights({ ...tensorflow, [name]: { ...tensorflow[name]!, shape: [7, 1, 128, 128] } }),
    /Expected 1x7x128x128 for InceptionResnetV1\/Repeat_1\/block17_3.* but received 7x1x128x128/,
  )
  await modelFails(() => importWeights({ ...torch, 'last_linear.weight': zeros(512) }), /a matrix .* received 512/)
  const path = await save('one.pt', torchZip({ 'conv2d_1a.conv.weight': zeros(1) }))
  await modelFails(() => importModel(path), /a tensor last_linear\.weight of floats/)
  for (const [options, argument] of [
    [{ graph: 'g.json' }, /for graph/],
    [{ size: [112, 112] }, /160x160 for size/],
    [{ color: 'bgr' }, /rgb for color/],
    [{ output: 'y' }, /for output/],
  ] as const) {
    await assertFails(() => importModel(path, options as object), 'ERR_FACENET_INVALID_ARGUMENT', argument)
  }
})

test('other state dictionaries, and whole modules', async () => {
  const other = { 'fc.weight': zeros(1), 'fc.bias': zeros(1) }
  await modelFails(
    async () => importModel(await save('other.pt', torchZip(other))),
    /the weights of Inception-ResNet-v1, EdgeFace or MTCNN \(export any other network to ONNX\) .* 2 tensors: fc\.weight, fc\.bias/,
  )
  const checkpoint = new Map([['state_dict', new Map([['fc.weight', null]])]])
  await modelFails(
    async () => importModel(await save('checkpoint.pt', legacyOf(checkpoint))),
    /a tensor for fc\.weight/,
  )
  const module = new Call('facenet_pytorch.models.inception_resnet_v1', 'InceptionResnetV1', [])
  await modelFails(
    async () => importModel(await save('module.pt', legacyOf(module))),
    /a state dictionary, as torch\.save\(model\.state_dict\(\), path\) writes it, with names among .* received facenet_pytorch/,
  )
  await assertFails(
    async () => importModel(await saveTensorflow('unknown.safetensors', other)),
    'ERR_FACENET_INVALID_ARGUMENT',
    /the node list that goes with the weights/,
  )
})

/** A pickle in PyTorch's old format, without storages. */
function legacyOf(value: Parameters<typeof pickle>[0]): Uint8Array {
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex')
  return Buffer.concat([magic, pickle(1001), pickle(new Map()), pickle(value), pickle({ list: [] })])
}

/** Why Keras' files cannot be written here, or undefined. */
const missing = (() => {
  try {
    createRequire(import.meta.url).resolve('h5wasm/package.json')
    return undefined
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
      ? undefined
      : 'h5wasm is not installed'
  }
})()
const kerasTest = (name: string, body: () => Promise<void>) =>
  missing ? test.skip(`${name} (${missing})`, body) : test(name, body)

/** As Keras 2 saves a model: a group a layer, in it another, in it the variables. */
async function kerasFile(weights: Record<string, Array32>, root: string[] = []): Promise<Uint8Array> {
  const { File, ready } = await import('h5wasm')
  const { FS } = (await ready) as unknown as { FS: { readFile(name: string): Uint8Array; unlink(name: string): void } }
  const file = new File('/written.h5', 'w')
  for (const [name, { shape, data }] of Object.entries(weights)) {
    const [layer, variable] = name.split('/') as [string, string]
    let group: import('h5wasm').Group = file
    for (const part of [...root, layer, layer]) {
      group = (group.keys().includes(part) ? group.get(part) : group.create_group(part)) as typeof group
    }
    group.create_dataset({ name: `${variable}:0`, data, shape: [...shape] })
  }
  file.close()
  const bytes = FS.readFile('/written.h5')
  FS.unlink('/written.h5')
  return bytes
}

kerasTest("keras-facenet's model is the same network as TensorFlow's", async () => {
  const path = await save('facenet_keras.h5', await kerasFile(ofDimensions.keras, ['model_weights']))
  assertSame(await importModel(path), await importModel(await saved128))
})

kerasTest('damaged HDF5 files, and those of other networks', async () => {
  const sound = await kerasFile({ 'dense/kernel': { shape: [2, 3], data: new Float32Array(6).fill(1) } })
  await modelFails(
    async () => importModel(await save('other.h5', sound)),
    /the weights of Inception-ResNet-v1.* 1 tensors: dense\/kernel:0/,
  )
  await modelFails(
    async () => importModel(await save('short.h5', sound.slice(0, 900))),
    /a whole HDF5 file for .*short\.h5 but received truncated file/,
  )
  await modelFails(async () => importModel(await save('text.h5', Buffer.from('not HDF5'))), /file signature not found/)
  const random = seeded(3)
  for (let i = 0; i < 60; i++) {
    const bytes = sound.slice()
    for (let flip = 0; flip < 4; flip++) bytes[random.integer(8, bytes.length - 1)] = random.integer(0, 255)
    await modelFails(async () => importModel(await save('flipped.h5', bytes)))
  }
})

test('without h5wasm the command that installs it is named', () =>
  assertFails(
    () => loadHdf5('keras.h5', 'h5wasm-that-is-not-there'),
    'ERR_FACENET_INVALID_ARGUMENT',
    /npm install h5wasm-that-is-not-there, for keras\.h5/,
  ))

test.run()
