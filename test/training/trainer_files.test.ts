/** What a trainer writes and reads: checkpoints, exported models, and files that are damaged. */
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer, openModel } from '../../lib/index.js'
import { assertFails } from '../importers/support.js'
import { batch, bits, options, small, train } from './small_trainer.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-train-'))
test.after(() => rm(folder, { recursive: true }))

test('training saved, dropped and resumed goes on bit for bit, whatever the number of threads', async () => {
  for (const optimizer of ['momentum', 'adagrad', 'adam'] as const) {
    const path = join(folder, `${optimizer}.safetensors`)
    const settings = { ...options, optimizer, weightDecay: 1e-4, clipNorm: 1, frozen: ['b'] }
    await using whole = await createTrainer(small(), settings)
    const curve = await train(whole, 0, 12)
    {
      await using first = await createTrainer(small(), { ...settings, threads: 1 })
      assert.equal(await train(first, 0, 5), curve.slice(0, 5))
      first.learningRate = options.learningRate!
      await first.save(path, { state: { epoch: 3, order: [2, 1, 0] } })
    }
    await using second = await createTrainer.resume(path, { threads: 3 })
    assert.equal(second.state, { epoch: 3, order: [2, 1, 0] })
    assert.is(second.steps, 5)
    assert.equal(await train(second, 5, 12), curve.slice(5))
    assert.equal(await bits(second), await bits(whole))
  }
})

test('a checkpoint is a model, and so is an export; both embed as the trainer does', async () => {
  const [checkpoint, model] = [join(folder, 'c.safetensors'), join(folder, 'm.safetensors')]
  await using trainer = await createTrainer(small(), { ...options, alignment: 'dlib' })
  await train(trainer, 0, 3)
  await trainer.save(checkpoint)
  const metadata = await trainer.export(model)
  assert.is(metadata.alignment, 'dlib')
  const { images } = batch(9)
  const expected = await trainer.embed(images)
  for (const path of [checkpoint, model]) {
    await using opened = await openModel(path, { device: 'cpu' })
    assert.is(opened.fingerprint, metadata.fingerprint)
    assert.equal(await opened.embed(images), expected)
  }
  await assertFails(() => createTrainer.resume(model), 'ERR_FACENET_MODEL_INVALID', /a checkpoint/)
})

test('a model file is trained on; another embedding size starts the last layer anew and keeps the others', async () => {
  const model = join(folder, 'base.safetensors')
  await using base = await createTrainer(small(), options)
  await base.export(model)
  await using finer = await createTrainer(model, { ...options, dimensions: 3, frozen: ['a*', 'b'] })
  assert.is(finer.dimensions, 3)
  const before = await bits(finer)
  assert.equal(before.get('b.weight'), (await bits(base)).get('b.weight'))
  assert.is(before.get('fc.weight')!.length, 3 * 4 * 4 * 10)
  await train(finer, 0, 3)
  const after = await bits(finer)
  const changed = [...before.keys()].filter((name) => String(before.get(name)) !== String(after.get(name)))
  assert.equal(changed.filter((name) => !name.startsWith('optimizer/')).sort(), ['fc.bias', 'fc.weight'])
  const { images } = batch(1)
  assert.is((await finer.embed(images)).length, 20 * 3)
})

test('damaged checkpoints are refused, and the one before is named', async () => {
  const path = join(folder, 'd.safetensors')
  await using trainer = await createTrainer(small(), options)
  await trainer.save(path)
  await train(trainer, 0, 1)
  await trainer.save(path)
  await using before = await createTrainer.resume(`${path}.previous`)
  assert.is(before.steps, 0)

  const whole = await readFile(path)
  const damage = async (change: (bytes: Buffer) => unknown) => {
    const bytes = Buffer.from(whole)
    change(bytes)
    await writeFile(path, bytes)
    const hint = /The checkpoint before it is .*d\.safetensors\.previous/
    await assertFails(() => createTrainer.resume(path), 'ERR_FACENET_MODEL_INVALID', hint)
  }
  const { tensors } = await import('../../lib/files/model/safetensors.js').then(({ readHeader }) => readHeader(whole))
  for (const { name, offset } of tensors) {
    if (name.endsWith('a.weight') || name.endsWith('fc.bias')) await damage((bytes) => (bytes[offset]! ^= 1))
  }
  const text = whole.toString('latin1')
  await damage((bytes) => bytes.write('9', text.indexOf('\\"steps\\":1') + '\\"steps\\":'.length))
  await writeFile(path, whole)
  await truncate(path, whole.length - 4)
  await assertFails(() => createTrainer.resume(path), 'ERR_FACENET_MODEL_INVALID', /previous/)
  await copyFile(`${path}.previous`, path)
  await assertFails(() => createTrainer.resume(path, { network: 'nn2' }), 'ERR_FACENET_MODEL_INVALID', /network/)
  await assertFails(() => createTrainer.resume(join(folder, 'none')), 'ERR_FACENET_IO', /none/)
})

test('where a checkpoint cannot be written, the one that was there stays', async () => {
  const path = join(folder, 'none', 'e.safetensors')
  await using trainer = await createTrainer(small(), options)
  await assertFails(() => trainer.save(path), 'ERR_FACENET_IO', /e\.safetensors/)
})

test.run()
