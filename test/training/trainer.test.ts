/** The trainer as its users see it: options, steps, and what a step refuses. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer, mineTriplets, type TrainerOptions, type Triplets } from '../../lib/index.js'
import type { Trainer } from '../../lib/training/index.js'
import { assertFails } from '../importers/support.js'
import { abortLaterAndLater } from '../support/aborting.js'
import { batch, bits, options, small, train } from './small_trainer.js'

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
    [{ dtype: 'bf16', device: 'reference' }, /options\.dtype/],
    [{ dtype: 'f16' as never }, /options\.dtype/],
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
