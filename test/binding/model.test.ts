import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../lib/native/addon.js'
import { newCancel } from '../../lib/native/queue.js'
import type { WeightSource } from '../../types/native.js'
import { chain, channels, device, failure, identityWeights, inputOf, open, weightBytes } from './support.js'

const options = { device, threads: 1 } as const
const cancel = newCancel

test('a model is opened from a buffer, described and run', async () => {
  const graph = chain(4, 2)
  const model = await open(graph, { threads: 2 })
  assert.equal(model.outputs, [[1, 1, channels]])
  assert.is(model.threads, 2)
  assert.is(model.plan.steps.length, model.kernels.length)
  assert.ok(model.memoryBytes >= 2 * weightBytes)
  const out = new Float32Array(3 * channels)
  assert.is(await model.run(inputOf(graph, 3), 3, [out], cancel()), undefined)
  assert.ok(out.every((value) => value === 1))
  model.dispose()
})

test('runs of one model are carried out in order, also when posted at once', async () => {
  const graph = chain(4, 1)
  const model = await open(graph)
  const out = new Float32Array(channels)
  const scaled = [1, 2, 3].map((factor) => inputOf(graph, 1).fill(factor))
  await Promise.all(scaled.map((input) => model.run(input, 1, [out], cancel())))
  assert.is(out[0], 3)
  model.dispose()
})

test('weights are read from a file, aligned or not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'facenet-'))
  const path = join(folder, 'weights')
  const { tensors, buffer } = identityWeights() as WeightSource & { buffer: Uint8Array }
  for (const offset of [0, 8, 3]) {
    writeFileSync(path, Buffer.concat([Buffer.alloc(offset), buffer]))
    const source = { tensors: tensors.map((tensor) => ({ ...tensor, offset })), path, fileBytes: offset + weightBytes }
    const graph = chain(4, 1)
    const model = await native().openModel(graph, source, options)
    const out = new Float32Array(channels)
    await model.run(inputOf(graph, 1), 1, [out], cancel())
    assert.is(out[5], 1)
    model.dispose()
  }
  rmSync(folder, { recursive: true })
})

test('a file that is missing, is a folder or has changed its length is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'facenet-'))
  const path = join(folder, 'weights')
  const { tensors } = identityWeights()
  const openFile = (file: string) =>
    failure(() => native().openModel(chain(4, 1), { tensors, path: file, fileBytes: weightBytes }, options))
  assert.match((await openFile(path)).message, /Could not open .*weights/)
  assert.is((await openFile(path)).code, 'ERR_FACENET_IO')
  assert.is((await openFile(folder)).code, 'ERR_FACENET_IO')
  writeFileSync(path, new Uint8Array(weightBytes))
  truncateSync(path, weightBytes - 1)
  const shorter = await openFile(path)
  assert.is(shorter.code, 'ERR_FACENET_IO')
  assert.is(shorter.received, `${weightBytes - 1} bytes`)
  rmSync(folder, { recursive: true })
})

const badEntries: [string, object, RegExp][] = [
  ['an offset outside', { offset: 4 }, /inside the \d+ bytes/],
  ['an enormous offset', { offset: Number.MAX_SAFE_INTEGER }, /inside the/],
  ['a negative offset', { offset: -4 }, /offset of tensor w/],
  ['a wrong byte length', { bytes: 8 }, /shape x dtype.* bytes of tensor w/],
  ['a shape that overflows', { shape: [2 ** 30, 2 ** 30, 2 ** 30] }, /shape of tensor w/],
  ['a negative extent', { shape: [-1, 4] }, /shape of tensor w/],
  ['an unknown dtype', { dtype: 'f64' }, /dtype of tensor w/],
]
for (const [name, change, message] of badEntries) {
  test(`a tensor with ${name} is refused`, async () => {
    const source = identityWeights()
    Object.assign(source.tensors[0]!, change)
    const error = await failure(() => native().openModel(chain(4, 1), source, options))
    assert.is(error.code, 'ERR_FACENET_MODEL_INVALID')
    assert.match(error.message, message)
  })
}

test('a tensor that is missing or has another shape is refused with its name', async () => {
  const none = await failure(() => native().openModel(chain(4, 1), { tensors: [], buffer: new Uint8Array() }, options))
  assert.is(none.code, 'ERR_FACENET_MODEL_INVALID')
  assert.match(none.message, /conv0/)
  const source = identityWeights()
  Object.assign(source.tensors[0]!, { shape: [channels, channels * 9] })
  assert.match((await failure(() => native().openModel(chain(4, 1), source, options))).message, /conv0/)
})

test('f16 is refused on the CPU', async () => {
  const { code, message } = await failure(() => open(chain(4, 1), { device: 'cpu', dtype: 'f16' }))
  assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.match(message, /Expected f32 or bf16 on the CPU for dtype but received f16/)
})

test('wrong memory for a run is refused', async () => {
  const graph = chain(4, 1)
  const model = await open(graph)
  const input = inputOf(graph, 2)
  const out = () => new Float32Array(2 * channels)
  const cases: [RegExp, Parameters<typeof model.run>][] = [
    [/Float32Array of 1024 for input but received one of 1023/, [input.subarray(1), 2, [out()], cancel()]],
    [/a Float32Array of 1024 for input but received another/, [new Uint8Array(1024), 2, [out()], cancel()]],
    [/in 1\.\.\d+ for count/, [input, 0, [out()], cancel()]],
    [/in 1\.\.\d+ for count/, [input, -1, [out()], cancel()]],
    [/an integer in 1\.\.\d+ for count but received "2"/, [input, '2' as never, [out()], cancel()]],
    [/an array of 1 for outputs/, [input, 2, [], cancel()]],
    [/Float32Array of 64 for outputs\[0\] but received one of 32/, [input, 2, [new Float32Array(32)], cancel()]],
    [/Int32Array of 2 on a SharedArrayBuffer for cancel/, [input, 2, [out()], new Int32Array(2) as never]],
    [/Int32Array for cancel/, [input, 2, [out()], null as never]],
  ]
  for (const [message, run] of cases) {
    const error = await failure(() => model.run(...run))
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  }
  model.dispose()
})

test('memory that can be resized or is shared is read like any other', async () => {
  const graph = chain(4, 1)
  const model = await open(graph)
  const Resizable = ArrayBuffer as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer
  const expected = new Float32Array(channels)
  await model.run(inputOf(graph, 1), 1, [expected], cancel())
  for (const buffer of [new Resizable(2048, { maxByteLength: 4096 }), new SharedArrayBuffer(2048)]) {
    const out = new Float32Array(channels)
    await model.run(new Float32Array(buffer).fill(1), 1, [out], cancel())
    assert.equal(out, expected)
  }
  model.dispose()
})

test('a disposed model refuses everything; disposing again does nothing; work in flight finishes', async () => {
  const graph = chain(16, 2)
  const model = await open(graph)
  const out = new Float32Array(8 * channels)
  const running = model.run(inputOf(graph, 8), 8, [out], cancel())
  model.dispose()
  model.dispose()
  await running
  assert.is(out.at(-1)! > 0, true)
  assert.is(model.memoryBytes, 0)
  for (const call of [() => model.plan, () => model.kernels, () => model.outputs]) {
    assert.match((await failure(call)).message, /an open model for model but received a disposed one/)
  }
  const { code } = await failure(() => model.run(inputOf(graph, 1), 1, [out], cancel()))
  assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
})

test('models are made by openModel only', async () => {
  const model = await open(chain(4, 1))
  const NativeModel = model.constructor as new (argument?: unknown) => unknown
  for (const argument of [undefined, {}, 3]) assert.throws(() => new NativeModel(argument), /openModel/)
  const { run } = model
  assert.throws(() => run.call({} as never, new Float32Array(1), 1, [], cancel()))
  model.dispose()
})

test('the cancel flag stops a run at the next layer', async () => {
  // Every convolution has an output, so that those which are written count the layers that were run.
  const layers = 60
  const { nodes, ...graph } = chain(device === 'cpu' ? 128 : 16, layers)
  const convolutions = nodes.slice(0, layers)
  const pools = convolutions.map(({ name }) => ({ ...nodes.at(-1)!, name: `${name}_mean`, inputs: [name] }))
  const pairs = convolutions.flatMap((convolution, i) => [convolution, pools[i]!])
  const each = { ...graph, nodes: pairs, outputs: pools.map(({ name }) => name) }
  const model = await open(each)
  // Written in place, so that they can be watched.
  const outputs = pools.map(() => new Float32Array(new SharedArrayBuffer(4 * channels)))
  const written = outputs.map(({ buffer }) => new Int32Array(buffer))
  const done = () => written.filter((output) => Atomics.load(output, 0) !== 0).length
  const flag = cancel()
  const running = failure(() => model.run(inputOf(each, 1), 1, outputs, flag))
  while (done() < 3);
  Atomics.store(flag, 0, 1)
  const seen = done()
  assert.is((await running).code, 'ERR_FACENET_ABORTED')
  assert.ok(done() <= seen + 1 && done() < layers, `${done()} of ${layers} layers, ${seen} when the flag was set`)
  model.dispose()
})

test('twenty rounds of opening and closing do not grow memory', async () => {
  const graph = chain(64, 4)
  const round = async () => {
    const model = await open(graph)
    await model.run(inputOf(graph, 2), 2, [new Float32Array(2 * channels)], cancel())
    model.dispose()
  }
  for (let i = 0; i < 3; i++) await round()
  const { rss: before } = process.memoryUsage()
  const held = await open(graph).then((model) => model.memoryBytes)
  for (let i = 0; i < 20; i++) await round()
  const grown = process.memoryUsage().rss - before
  // Leaking what a model holds would show twenty times; the collector may keep some inputs of half a megabyte.
  assert.ok(
    grown < Math.max(10 * held, 30e6),
    `grew by ${(grown / 1e6).toFixed(1)} MB, a model holds ${(held / 1e6).toFixed(1)}`,
  )
})

test.run()
