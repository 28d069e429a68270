import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeModel } from '../../lib/files/model/model_file.js'
import { devices, FaceNetError, type ModelInMemory, openModel } from '../../lib/index.js'
import { inMemory, openSmall, pixels, rejection } from './support.js'

const cases: [string, unknown, RegExp][] = [
  ['an unknown device', { device: 'gpu' }, /one of auto, cuda, cpu, reference for options\.device but received gpu/],
  ['an unknown dtype', { dtype: 'f64' }, /one of f32, bf16, f16 for options\.dtype but received f64/],
  ['f16 on the CPU', { device: 'cpu', dtype: 'f16' }, /f32 or bf16 on the CPU for options\.dtype but received f16/],
  ['no threads', { threads: 0 }, /an integer 1\.\.1024 for options\.threads but received 0/],
  ['half a thread', { threads: 1.5 }, /options\.threads but received 1\.5/],
  ['no signal', { signal: {} }, /an AbortSignal for options\.signal/],
  ['a misspelt option', { devcie: 'cpu' }, /options\.devcie/],
  ['no options', null, /an object for options but received null/],
]

for (const [what, options, message] of cases) {
  test(`openModel refuses ${what}`, async () => {
    const error = await rejection(openModel(inMemory(), options as object))
    assert.instance(error, FaceNetError)
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  })
}

test('openModel refuses what is no model', async () => {
  const error = await rejection(openModel(42 as unknown as string))
  assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.match(error.message, /a path, or an object with a graph and a Map of tensors for source but received 42/)
})

test('a missing file is an input/output error that names it', async () => {
  const error = await rejection(openModel('no/such/model.safetensors'))
  assert.is(error.code, 'ERR_FACENET_IO')
  assert.match(error.message, /no\/such\/model\.safetensors/)
})

test('a missing tensor is named', async () => {
  const model = inMemory()
  const [name] = model.tensors.keys()
  model.tensors.delete(name!)
  const error = await rejection(openModel(model))
  assert.is(error.code, 'ERR_FACENET_MODEL_INVALID')
  assert.ok(error.message.includes(name!))
})

test('a network that takes no images is refused', async () => {
  const { graph, tensors } = inMemory()
  const [, ...nodes] = graph.nodes
  const input = { ...graph.input, name: graph.nodes[0]!.name, dtype: 'f32' as const }
  const error = await rejection(openModel({ graph: { ...graph, input, nodes }, tensors }))
  assert.is(error.code, 'ERR_FACENET_MODEL_INVALID')
  assert.match(error.message, /u8, images for graph\.input\.dtype but received f32/)
})

test('a tensor of another type is named', async () => {
  const model = inMemory()
  const tensors = new Map<string, unknown>(model.tensors)
  tensors.set('conv1/weight', { shape: [1], data: new Float64Array(1) })
  const error = await rejection(openModel({ ...model, tensors } as ModelInMemory))
  assert.match(error.message, /a Float32Array or a Uint16Array of data for tensor conv1\/weight/)
})

test('an open model says what it is', async () => {
  const model = await openSmall({ device: 'cpu', threads: 1 })
  assert.is(model.name, 'nns2')
  assert.equal(model.inputSize, { height: 140, width: 116 })
  assert.is(model.dimensions, 128)
  assert.is(model.unitLength, true)
  assert.is(model.threshold, null)
  assert.match(model.fingerprint, /^[0-9a-f]{64}$/)
  assert.ok(model.memoryBytes > 0)
  assert.is(model.plan.outputs[0]!.join('x'), '1x1x128')
  assert.is(model.device.reason.startsWith('asked for'), true)
  model.dispose()
})

test('the fingerprint follows the weights', async () => {
  const opened = await Promise.all([1, 1, 2].map((seed) => openModel(inMemory('nns2', seed))))
  const [a, again, other] = opened.map((model) => model.fingerprint)
  assert.is(a, again)
  assert.is.not(a, other)
  for (const model of opened) model.dispose()
})

test('auto says why it did not take CUDA, and cuda throws where there is none', async () => {
  const cuda = devices().some(({ kind }) => kind === 'cuda')
  const model = await openSmall({ device: 'auto' })
  if (model.device.kind !== 'cuda') {
    assert.match(model.device.reason, /^CUDA is not used: ./)
    const error = await rejection(openSmall({ device: 'cuda' }))
    assert.is(error.code, 'ERR_FACENET_CUDA_UNAVAILABLE')
  }
  assert.is(cuda || devices()[0]!.reason !== '', true)
  model.dispose()
})

test('a signal that is already aborted ends opening', async () => {
  const error = await rejection(openSmall({ signal: AbortSignal.abort('enough') }))
  assert.is(error.code, 'ERR_FACENET_ABORTED')
  assert.is((error as unknown as Error).cause, 'enough')
})

test('a model comes by path, by file: URL, as bytes and from memory', async () => {
  const memory = inMemory()
  const folder = await mkdtemp(join(tmpdir(), 'facenet-'))
  try {
    const path = join(folder, 'm.safetensors')
    const { fingerprint } = await writeModel(path, memory)
    const bytes = await readFile(path)
    const { buffer, byteOffset, length } = bytes
    for (const source of [path, pathToFileURL(path), bytes, buffer.slice(byteOffset, byteOffset + length)]) {
      await using model = await openModel(source as string)
      assert.is(model.fingerprint, fingerprint)
    }
    const error = await rejection(openModel(new URL('http://localhost/m.safetensors')))
    assert.match(error.message, /a URL that starts with file:/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('pixels with their sizes are checked against the network', async () => {
  await using model = await openSmall()
  const data = pixels(model, 2)
  const { width, height } = model.inputSize
  const expected = await model.embed(data)
  assert.equal(await model.embed({ data, width, height }), expected)
  assert.equal(await model.embed({ data, width, height, count: 2 }), expected)
  const wrong: [object, RegExp][] = [
    [{ data, width: height, height: width }, /images of 116 x 140 pixels for images but received 140 x 116/],
    [{ data, width, height, count: 3 }, /3 x 140 x 116 x 3 bytes of RGB for images\.data/],
    [{ data: data.subarray(1), width, height }, /images\.data/],
    [{ data: [1], width, height }, /\{ data, width, height, count \}/],
  ]
  for (const [images, message] of wrong) {
    const error = await rejection(model.embed(images as never))
    assert.match(error.message, message)
  }
})

test.run()
