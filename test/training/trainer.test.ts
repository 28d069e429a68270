/** The trainer as its users see it: options, steps, what a step refuses, files. */
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer, mineTriplets, openModel, type TrainerOptions, type Triplets } from '../../lib/index.js'
import type { ModelInMemory } from '../../lib/model/in_memory.js'
import type { Trainer } from '../../lib/training/index.js'
import type { GraphDescription } from '../../types/graph.js'
import {
  batchNorm,
  concat,
  conv,
  fullyConnected,
  l2Normalize,
  pool,
  preprocess,
  randomTensors,
  relu,
} from '../graph/support.js'
import { assertFails } from '../importers/support.js'
import { abortLaterAndLater } from '../support/aborting.js'
import { seeded } from '../support/random.js'

/** Faces of 8 x 8 pixels, with batch normalisation: what every run of it depends on is in the checkpoint. */
const graph: GraphDescription = {
  name: 'small',
  input: { name: 'image', height: 8, width: 8, channels: 3, dtype: 'u8' },
  nodes: [
    preprocess('x', 'image'),
    conv('a', 'x', 6, { kernel: 3, stride: 2, bias: false }),
    batchNorm('a/bn', 'a'),
    relu('a/relu', 'a/bn'),
    conv('b', 'a/relu', 4),
    relu('b/relu', 'b'),
    pool('c', 'a/relu'),
    concat('bc', 'b/relu', 'c'),
    fullyConnected('fc', 'bc', 8),
    l2Normalize('y', 'fc'),
  ],
  outputs: ['y'],
}
const small = (): ModelInMemory => ({ graph, tensors: new Map(Object.entries(randomTensors(graph, 1))) })

/** `identities` colours with noise, `faces` images of each, shuffled alike for the same seed. */
function batch(seed: number, identities = 4, faces = 5) {
  const random = seeded(seed)
  const colours = Array.from({ length: identities }, (_, i) => {
    const own = seeded(1000 + i)
    return Array.from({ length: 192 }, () => own.integer(40, 215))
  })
  const labels = Int32Array.from({ length: identities * faces }, (_, i) => i % identities)
  const images = Uint8Array.from({ length: labels.length * 192 }, (_, i) => {
    return colours[labels[Math.floor(i / 192)]!]![i % 192]! + random.integer(-40, 40)
  })
  return { images, labels }
}

async function train(trainer: Trainer, from: number, to: number) {
  const curve: number[] = []
  for (let i = from; i < to; i++) {
    const { images, labels } = batch(i)
    curve.push((await trainer.step(images, labels)).loss)
  }
  return curve
}

const bits = async (trainer: Trainer) => {
  const names = trainer.tensors.filter(({ kind }) => kind !== 'gradient').map(({ name }) => name)
  return new Map([...(await trainer.read(names))].map(([name, { data }]) => [name, [...data]]))
}

const options: TrainerOptions = { learningRate: 0.02, strategy: 'all', chunk: 8, threads: 2 }
const folder = await mkdtemp(join(tmpdir(), 'facenet-train-'))
test.after(() => rm(folder, { recursive: true }))

test('the loss falls, and faces of one identity come closer than those of others', async () => {
  for (const optimizer of ['sgd', 'momentum', 'adagrad', 'adam'] as const) {
    const learningRate = { sgd: 0.3, momentum: 0.05, adagrad: 0.05, adam: 0.003 }[optimizer]
    await using trainer = await createTrainer(small(), { ...options, strategy: 'hard', optimizer, learningRate })
    const before = await trainer.step(batch(0).images, batch(0).labels)
    await train(trainer, 1, 40)
    const { images, labels } = batch(40)
    const after = await trainer.step(images, labels)
    assert.ok(after.loss < before.loss / 2, `${optimizer}: ${before.loss} became ${after.loss}`)
    assert.ok(after.meanPositive < after.meanNegative, optimizer)
    assert.is(after.step, 41)
    assert.is(trainer.steps, 41)
  }
})

test('a step reports what it did', async () => {
  await using trainer = await createTrainer(small(), options)
  const { images, labels } = batch(3)
  const report = await trainer.step(images, labels)
  assert.equal(report.chunks, [6, 7, 7])
  assert.is(report.loss, report.lossSum / report.triplets)
  assert.is(report.active, report.triplets, 'every triplet of `all` is active')
  assert.ok(report.gradientNorm > 0 && report.meanNegative > 0 && !report.skipped)
})

test('given triplets are learned from as mined ones are: those that mining would find, bit for bit', async () => {
  const { images, labels } = batch(3)
  for (const strategy of ['all', 'semi-hard', 'hard'] as const) {
    // Without batch normalisation a step's embeddings are those of the model.
    const settings: TrainerOptions = { ...options, strategy, frozen: ['a/bn'] }
    await using mined = await createTrainer(small(), settings)
    await using given = await createTrainer(small(), { ...settings, strategy: 'hard' })
    const embeddings = await mined.embed(images)
    const triplets = await mineTriplets(embeddings, labels, { dimensions: mined.dimensions, strategy, device: 'cpu' })
    assert.ok(triplets.anchors.length > 0, strategy)
    const { seconds: _, ...expected } = await mined.step(images, labels)
    const { seconds: __, ...report } = await given.step(images, labels, { triplets })
    assert.equal(report, expected)
    assert.equal(await bits(given), await bits(mined))
    const none = { anchors: new Int32Array(), positives: new Int32Array(), negatives: new Int32Array() }
    const before = await bits(given)
    assert.ok((await given.step(images, labels, { triplets: none })).skipped)
    assert.equal(await bits(given), before)
  }
})

test('triplets that are none of the batch are refused', async () => {
  await using trainer = await createTrainer(small(), options)
  const { images, labels } = batch(0)
  const of = (anchors: number[], positives: number[], negatives: number[]): Triplets => ({
    anchors: Int32Array.from(anchors),
    positives: Int32Array.from(positives),
    negatives: Int32Array.from(negatives),
  })
  // Image i is of label i % 4.
  const wrong: [unknown, RegExp][] = [
    [null, /for triplets /],
    [{ ...of([0], [4], [1]), weights: [] }, /triplets\.weights/],
    [of([20], [4], [1]), /triplets\.anchors\[0\]/],
    [of([0], [-1], [1]), /triplets\.positives\[0\]/],
    [of([0, 1], [4], [1]), /as many as anchors, 2 for triplets\.positives/],
    [{ ...of([0], [4], [1]), negatives: [1] }, /an Int32Array for triplets\.negatives/],
    [of([0, 0], [4, 1], [1, 1]), /another row than 0 of its label, 0 for triplets\.positives\[1\] .*1 of label 1/],
    [of([0], [0], [1]), /another row than 0 .*triplets\.positives\[0\]/],
    [of([0], [4], [8]), /another label than 0 for triplets\.negatives\[0\]/],
  ]
  const before = await bits(trainer)
  for (const [triplets, message] of wrong) {
    const step = () => trainer.step(images, labels, { triplets: triplets as Triplets })
    await assertFails(step, 'ERR_FACENET_INVALID_ARGUMENT', message)
  }
  assert.equal(await bits(trainer), before)
})

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

test('batches without a triplet change nothing and say so: one identity, or one face of each', async () => {
  await using trainer = await createTrainer(small(), options)
  const before = await bits(trainer)
  const { images } = batch(0)
  for (const labels of [new Int32Array(20).fill(7), Int32Array.from({ length: 20 }, (_, i) => i)]) {
    const report = await trainer.step(images, labels)
    assert.ok(report.skipped)
    assert.equal([report.loss, report.triplets, report.active, report.gradientNorm], [0, 0, 0, 0])
  }
  assert.equal(await bits(trainer), before)
  assert.is(trainer.steps, 2)
})

test('weights that overflow stop the step, which names itself and the layer and changes nothing', async () => {
  const model = small()
  model.tensors.get('b.weight')!.data.fill(3e38)
  await using trainer = await createTrainer(model, options)
  const before = await bits(trainer)
  const { images, labels } = batch(0)
  await assertFails(() => trainer.step(images, labels), 'ERR_FACENET_NOT_FINITE', /Step 1: .*layer b\/relu /)
  assert.equal(await bits(trainer), before)
  assert.is(trainer.steps, 0)
})

test('a gradient that overflows stops the step as well', async () => {
  const model = small()
  // Tiny activations times huge weights: what comes forward is small, what goes backward is multiplied by the huge ones.
  const scale = (name: string, factor: (i: number) => number) => {
    const { data } = model.tensors.get(name)!
    for (let i = 0; i < data.length; i++) data[i] = data[i]! * factor(i)
  }
  scale('b.weight', () => 1e-41)
  scale('b.bias', () => 0)
  scale('fc.weight', (i) => (i % 160 < 64 ? 1e39 : 0))
  scale('fc.bias', () => 0)
  await using trainer = await createTrainer(model, options)
  const before = await bits(trainer)
  const { images, labels } = batch(0)
  await assertFails(
    () => trainer.step(images, labels),
    'ERR_FACENET_NOT_FINITE',
    /Step 1: The gradient of .* is not finite/,
  )
  assert.equal(await bits(trainer), before)
})

test('an aborted step changes nothing', async () => {
  await using trainer = await createTrainer(small(), options)
  const before = await bits(trainer)
  const { images, labels } = batch(0, 12, 12)
  await abortLaterAndLater(
    (signal) => trainer.step(images, labels, { signal }),
    async () => assert.equal(await bits(trainer), before),
  )
})

test('arguments that cannot be', async () => {
  const wrong: [TrainerOptions, RegExp][] = [
    [{ margin: 0 }, /options\.margin/],
    [{ margin: 4.5 }, /options\.margin/],
    [{ learningRate: 0 }, /learningRate/],
    [{ learningRate: Number.NaN }, /learningRate/],
    [{ optimizer: 'lion' as never }, /options\.optimizer/],
    [{ optimizer: { kind: 'adam', beta1: 1 } }, /beta1/],
    [{ strategy: 'easy' as never }, /options\.strategy/],
    [{ dtype: 'bf16' }, /options\.dtype/],
    [{ frozen: ['nothing/*'] }, /frozen/],
    [{ frozen: ['*'] }, /at least one weight/],
    [{ chunk: 0 }, /options\.chunk/],
    [{ seed: -1 }, /seed/],
    [{ batchNorm: true }, /options\.batchNorm/],
    [{ learnRate: 1 } as never, /options\.learnRate/],
  ]
  for (const [options, message] of wrong) {
    await assertFails(() => createTrainer(small(), options), 'ERR_FACENET_INVALID_ARGUMENT', message)
  }
  await assertFails(() => createTrainer('nn9'), 'ERR_FACENET_IO', /nn9/)
  await assertFails(
    () => createTrainer(small(), { device: 'cuda' }),
    'ERR_FACENET_CUDA_UNAVAILABLE',
    /CUDA cannot be used/,
  )

  await using trainer = await createTrainer(small(), options)
  const { images, labels } = batch(0)
  const invalid = 'ERR_FACENET_INVALID_ARGUMENT'
  await assertFails(() => trainer.step(images, labels.subarray(1)), invalid, /labels/)
  await assertFails(() => trainer.step(images, [...labels].fill(0.5)), invalid, /labels\[0\]/)
  await assertFails(() => trainer.step(images.subarray(1), labels), invalid, /images/)
  await assertFails(() => trainer.step(new Uint8Array(0), []), invalid, /images/)
  assert.throws(() => (trainer.learningRate = -1), /learningRate/)
  trainer.dispose()
  await assertFails(() => trainer.step(images, labels), 'ERR_FACENET_DISPOSED', /trainer/)
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

test('a network of the package starts with random weights from its seed', async () => {
  const settings: TrainerOptions = { dimensions: 16, batchNorm: true, seed: 3, device: 'cpu' }
  await using a = await createTrainer('nns2', settings)
  await using b = await createTrainer('NNS2', settings)
  assert.is(a.dimensions, 16)
  assert.equal(a.inputSize, { height: 140, width: 116 })
  const weight = (trainer: Trainer) => trainer.read(['conv1.weight']).then((all) => [...all.get('conv1.weight')!.data])
  assert.equal(await weight(a), await weight(b))
  assert.match(a.plan.text, /backward of/)
  assert.ok(a.memoryBytes > 4.3e6 * 12)
})

test.run()
