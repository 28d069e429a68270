/** What models are exported from: the moving average of the weights, and statistics of norms that are measured anew. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer, openModel } from '../../lib/index.js'
import type { Trainer } from '../../lib/training/index.js'
import { assertFails } from '../importers/support.js'
import { batch, bits, options, small, train } from './small_trainer.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-averages-'))
test.after(() => rm(folder, { recursive: true }))

const tensorsOf = (trainer: Trainer) =>
  trainer.tensors.flatMap(({ name, kind }) => (kind === 'weight' || kind === 'statistic' ? [name] : []))
const largest = (values: Iterable<number>) => Math.max(...[...values].map(Math.abs))

for (const device of ['cpu', 'reference'] as const) {
  test(`${device}: the average follows weights and statistics as its formula says, and changes no step`, async () => {
    const ema = 0.5
    await using averaged = await createTrainer(small(), { ...options, device, ema })
    await using plain = await createTrainer(small(), { ...options, device })
    const names = tensorsOf(averaged)
    const expected = await averaged.read(names)
    let [updates, skipped] = [0, 0]
    for (let step = 0; step < 12; step++) {
      const { images, labels } = batch(step)
      const report = await averaged.step(images, labels)
      assert.is((await plain.step(images, labels)).loss, report.loss)
      if (report.skipped) {
        skipped++
        continue
      }
      updates++
      const d = Math.min(ema, (1 + updates) / (10 + updates))
      for (const [name, { data }] of await averaged.read(names)) {
        const average = expected.get(name)!.data
        for (const [i, value] of data.entries()) average[i]! += Math.fround(1 - d) * Math.fround(value - average[i]!)
      }
    }
    assert.ok(updates >= 8 && skipped > 0, 'the average stands still with the weights')
    const found = await averaged.read(names.map((name) => `average/${name}`))
    for (const [name, { data }] of expected) {
      const average = found.get(`average/${name}`)!.data
      const error = largest(average.map((value, i) => value - data[i]!)) / largest(data)
      assert.ok(error <= 1e-6, `${name}: ${error}`)
    }
    assert.equal(await averaged.read(names), await plain.read(names))
  })
}

test('the average is what is embedded, exported and resumed; the trained weights are there as well', async () => {
  const [checkpoint, model] = [join(folder, 'c.safetensors'), join(folder, 'm.safetensors')]
  const settings = { ...options, ema: 0.9, optimizer: 'adam', learningRate: 0.003 } as const
  await using whole = await createTrainer(small(), settings)
  await using plain = await createTrainer(small(), { ...settings, ema: undefined })
  const curve = await train(whole, 0, 12)
  assert.equal(await train(plain, 0, 12), curve)
  const { images } = batch(50)
  const expected = await whole.embed(images)
  assert.equal(await whole.embed(images, { trained: true }), await plain.embed(images))
  assert.equal(await whole.embed(images), expected, 'after the other kind')
  assert.not.equal(expected, await plain.embed(images))
  await whole.export(model)
  await using opened = await openModel(model, { device: 'cpu' })
  assert.equal(await opened.embed(images), expected)
  {
    await using first = await createTrainer(small(), settings)
    await train(first, 0, 5)
    await first.save(checkpoint)
  }
  await using second = await createTrainer.resume(checkpoint, { threads: 1 })
  assert.is(second.settings.ema, 0.9)
  assert.equal(await train(second, 5, 12), curve.slice(5))
  assert.equal(await bits(second), await bits(whole))
  assert.equal(await second.embed(images), expected)
})

for (const device of ['cpu', 'reference'] as const) {
  test(`${device}: measured statistics are those of the images, by the weights that are exported`, async () => {
    const { images } = batch(7)
    const labels = batch(7).labels
    // A chunk that holds all images, and statistics that a step takes over whole.
    await using stepped = await createTrainer(small(), { ...options, device, chunk: 64, statisticsRate: 1 })
    await using measured = await createTrainer(small(), { ...options, device, chunk: 64 })
    await measured.recalibrate(images)
    const path = join(folder, `${device}.safetensors`)
    await measured.export(path)
    await using model = await openModel(path, { device })
    const embeddings = await measured.embed(images)
    assert.equal(await model.embed(images), embeddings)
    await stepped.step(images, labels)
    const ofStep = await stepped.read(['a/bn.mean', 'a/bn.variance'])
    await using again = await createTrainer(path, { ...options, device })
    for (const [name, { data }] of await again.read(['a/bn.mean', 'a/bn.variance'])) {
      const other = ofStep.get(name)!.data
      const error = largest(data.map((value, i) => value - other[i]!)) / largest(other)
      assert.ok(error < 1e-6, `${name}: ${error}`)
    }
    await measured.step(images, labels)
    assert.not.equal(await measured.embed(images), embeddings, 'a step forgets them')
  })
}

test('measuring changes nothing that is trained, and several batches are as good as one', async () => {
  const settings = { ...options, ema: 0.9, chunk: 5 }
  await using disturbed = await createTrainer(small(), settings)
  await using plain = await createTrainer(small(), settings)
  const { images } = batch(60)
  await train(plain, 0, 3)
  await train(disturbed, 0, 3)
  await disturbed.recalibrate(images)
  const once = await disturbed.embed(images)
  const half = 10 * 192
  await disturbed.recalibrate([images.subarray(0, half), images.subarray(half)])
  const difference = (await disturbed.embed(images)).map((value, i) => value - once[i]!)
  assert.ok(largest(difference) < 1e-6)
  assert.not.equal(await plain.embed(images), once)
  assert.equal(await train(disturbed, 3, 6), await train(plain, 3, 6))
  assert.equal(await bits(disturbed), await bits(plain))
})

test('an average or a measurement that cannot be is refused', async () => {
  for (const ema of [1, -0.1, Number.NaN, '0.9']) {
    const create = () => createTrainer(small(), { ...options, ema: ema as number })
    await assertFails(create, 'ERR_FACENET_INVALID_ARGUMENT', /options\.ema/)
  }
  await using trainer = await createTrainer(small(), { ...options, frozen: ['a/bn'] })
  await assertFails(() => trainer.recalibrate(batch(0).images), 'ERR_FACENET_INVALID_ARGUMENT', /batch normalisation/)
  await using normal = await createTrainer(small(), options)
  await assertFails(() => normal.recalibrate(new Uint8Array()), 'ERR_FACENET_INVALID_ARGUMENT', /at least one image/)
  await assertFails(() => normal.recalibrate([]), 'ERR_FACENET_INVALID_ARGUMENT', /at least one image/)
  const aborted = AbortSignal.abort()
  const before = await bits(normal)
  await assertFails(() => normal.recalibrate(batch(0).images, { signal: aborted }), 'ERR_FACENET_ABORTED', /abort/i)
  assert.equal(await bits(normal), before)
})

test.run()
