/** Trainers with a loss of classes: checkpoints, models without them, and what is refused. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer, embeddingLoss, type LossOptions, openModel, type TrainerOptions } from '../../lib/index.js'
import { checkClassMemory } from '../../lib/training/loss_tensors.js'
import { checkTrainerOptions } from '../../lib/training/options.js'
import { facenet, jsonLines } from '../cli/support.js'
import { writePeople, writeSmallNetwork } from '../training/coloured_faces.js'
import { batch, bits, small, train } from '../training/small_trainer.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-losses-'))
test.after(() => rm(folder, { recursive: true }))

const options: TrainerOptions = { learningRate: 0.02, chunk: 8, threads: 2, device: 'cpu' }
const of = (loss: LossOptions, more: TrainerOptions = {}): TrainerOptions => ({ ...options, loss, ...more })

for (const [loss, optimizer] of [
  [{ kind: 'arcface', numClasses: 4, scale: 16 }, 'momentum'],
  [{ kind: 'adaface', numClasses: 4, scale: 16, tAlpha: 0.5 }, 'adam'],
  [{ kind: 'proxy-anchor', numClasses: 4 }, 'adagrad'],
  [{ kind: 'nt-xent', temperature: 0.3 }, 'adagrad'],
] as const) {
  test(`${loss.kind} learns, and goes on from a checkpoint bit for bit`, async () => {
    const path = join(folder, `${loss.kind}.safetensors`)
    await using whole = await createTrainer(small(), of(loss, { optimizer, learningRate: 0.01 }))
    const before = await train(whole, 0, 4)
    await whole.save(path)
    const after = await train(whole, 4, 24)
    assert.ok(after.at(-1)! < before[0]! / 2, `${before[0]} to ${after.at(-1)}`)
    await using again = await createTrainer.resume(path, { device: 'cpu', threads: 1 })
    assert.equal(again.settings.loss, whole.settings.loss)
    assert.equal(await train(again, 4, 24), after)
    assert.equal(await bits(again), await bits(whole))
  })
}

test('a model has no weights of its loss, and gives what the trainer gives', async () => {
  const path = join(folder, 'model.safetensors')
  await using trainer = await createTrainer(small(), of({ kind: 'sphereface', numClasses: 4 }))
  await train(trainer, 0, 3)
  assert.not([...(await trainer.read()).keys()].some((name) => name.startsWith('loss/')))
  await trainer.export(path)
  await using model = await openModel(path, { device: 'cpu' })
  const { images } = batch(1)
  assert.equal(await model.embed(images), await trainer.embed(images))
})

test('other random weights of classes for another seed', async () => {
  const weights = async (seed: number) => {
    await using trainer = await createTrainer(small(), of({ kind: 'cosface', numClasses: 6 }, { seed }))
    return (await trainer.read(['loss/classes'])).get('loss/classes')!
  }
  const [one, same, other] = [await weights(1), await weights(1), await weights(2)]
  assert.equal(one.shape, [6, 8])
  assert.equal(one, same)
  assert.not.equal(one.data, other.data)
})

const refused: [string, TrainerOptions, RegExp][] = [
  ['a name that is none', { loss: 'arc' as never }, /one of triplet, nt-xent, .* for options\.loss but received arc/],
  ['no number of classes', { loss: 'arcface' }, /how many people.*arcface has a class.*options\.loss\.numClasses/],
  ['no class', of({ kind: 'arcface', numClasses: 0 }), /integer .*options\.loss\.numClasses but received 0/],
  [
    'a constant of another loss',
    of({ kind: 'cosface', numClasses: 2, alpha: 1 }),
    /an option of cosface: numClasses, margin, scale/,
  ],
  ['classes without any', of({ kind: 'nt-xent', numClasses: 2 }), /an option of nt-xent: temperature/],
  ['constants of triplets', of({ kind: 'triplet', margin: 0.2 }), /nothing: triplet takes no options/],
  ['half a margin', of({ kind: 'sphereface', numClasses: 2, margin: 1.5 }), /options\.loss\.margin but received 1\.5/],
  ['a temperature of 0', of({ kind: 'nt-xent', temperature: 0 }), /above 0 .*options\.loss\.temperature/],
  ['a strategy', { loss: 'nt-xent', strategy: 'hard' }, /nothing: nt-xent has no triplets for options\.strategy/],
  [
    'the margin of triplets',
    { loss: 'nt-xent', margin: 0.2 },
    /its own margin, if it has one, is options\.loss\.margin/,
  ],
]
for (const [name, given, message] of refused) {
  test(`${name} is refused`, async () => {
    await assertRejects(() => createTrainer(small(), { ...given }), message)
  })
}

async function assertRejects(call: () => Promise<unknown>, message: RegExp): Promise<void> {
  try {
    await call()
  } catch (error) {
    assert.match((error as Error).message, message)
    assert.match((error as { code: string }).code, /^ERR_FACENET_/)
    return
  }
  assert.unreachable(`nothing was thrown that matches ${message}`)
}

test('more classes than memory holds are refused before any is made', () => {
  const settings = checkTrainerOptions({ loss: { kind: 'arcface', numClasses: 1_000_000 } })
  checkClassMemory(settings, 128, 2 ** 33)
  assert.throws(
    () => checkClassMemory(settings, 512, 2 ** 33),
    /at most 599186, which the 8\.0 GiB of memory that are left hold .*numClasses but received 1000000/,
  )
})

test('a step refuses a label without a class, and triplets; the weights are as before', async () => {
  await using trainer = await createTrainer(small(), of({ kind: 'arcface', numClasses: 3 }))
  const before = await bits(trainer)
  const { images, labels } = batch(0)
  await assertRejects(
    () => trainer.step(images, labels),
    /a class below numClasses, 3 for labels\[\d+\] but received 3/,
  )
  await assertRejects(
    () =>
      trainer.step(
        images,
        labels.map(() => -1),
      ),
    /labels\[0\] but received -1/,
  )
  const triplets = { anchors: new Int32Array(0), positives: new Int32Array(0), negatives: new Int32Array(0) }
  await assertRejects(
    () =>
      trainer.step(
        images,
        labels.map(() => 0),
        { triplets },
      ),
    /arcface has no triplets/,
  )
  assert.equal(await bits(trainer), before)
})

test('a function of rows refuses what a trainer does', async () => {
  const x = new Float32Array(4).fill(0.5)
  const call = (loss: LossOptions['kind'] | LossOptions, labels: number[], classes?: Float32Array) =>
    embeddingLoss(x, labels, { dimensions: 2, loss, ...(classes && { classes }) })
  await assertRejects(() => call('triplet', [0, 1]), /tripletLoss computes it/)
  await assertRejects(() => call({ kind: 'cosface', numClasses: 2 }, [0, 1]), /a Float32Array of 4, 2 classes x 2/)
  await assertRejects(() => call('nt-xent', [0, 1], x), /nt-xent has no classes/)
  await assertRejects(() => call({ kind: 'cosface', numClasses: 2 }, [0, 2], x), /labels\[1\] but received 2/)
  await assertRejects(() => call('nt-xent', [0]), /2 of them.*labels/)
  const broken = Float32Array.of(1, Number.NaN, 0, 1)
  await assertRejects(() => call({ kind: 'cosface', numClasses: 2 }, [0, 1], broken), /NaN in row 0/)
})

test('facenet train --loss: a class for each person, and a run that goes on', async () => {
  const people = await writePeople(join(folder, 'people'), [5, 5, 5, 5, 1])
  const network = await writeSmallNetwork(join(folder, 'small.safetensors'))
  const out = join(folder, 'run')
  const batches = ['--identities-per-batch', '4', '--faces-per-identity', '4', '--negatives', '1', '--threads', '1']
  const words = [
    'train',
    people,
    '--from',
    network,
    '--out',
    out,
    '--loss',
    'arcface',
    '--loss-scale',
    '16',
    ...batches,
  ]
  const first = await facenet(...words, '--steps', '6', '--device', 'cpu', '--json')
  assert.is(first.code, 0, first.stderr)
  const losses = jsonLines<{ loss: number; triplets: number }>(first.stdout)
  assert.ok(losses.at(-1)!.loss < losses[0]!.loss)
  assert.is(losses[0]!.triplets, 17)
  const checkpoint = join(out, 'checkpoint.safetensors')
  await using trainer = await createTrainer.resume(checkpoint, { device: 'cpu' })
  assert.equal(trainer.settings.loss, { kind: 'arcface', numClasses: 5, margin: 28.6, scale: 16 })
  const more = await facenet('train', people, '--resume', '--out', out, '--steps', '8', '--json')
  assert.is(more.code, 0, more.stderr)
  assert.is(jsonLines(more.stdout).length, 2)
  for (const [flags, message] of [
    [['--strategy', 'all'], /arcface has no triplets/],
    [['--selection', 'offline'], /--selection offline selects triplets, which --loss arcface has not/],
  ] as const) {
    const wrong = await facenet(
      ...words.map((word) => (word === out ? `${out}-wrong` : word)),
      '--steps',
      '1',
      ...flags,
    )
    assert.ok(wrong.code > 0)
    assert.match(wrong.stderr, message)
  }
})

test.run()
