/** Networks that learn from a model: the gradient, the whole run, and what is refused. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer, openModel, type TrainerOptions } from '../../lib/index.js'
import { readProgress } from '../../lib/report/training_progress.js'
import { facenet } from '../cli/support.js'
import { randomTensors } from '../graph/support.js'
import { assertFails } from '../importers/support.js'
import { normals, seeded } from '../support/random.js'
import { writePeople, writeSmallNetwork } from './coloured_faces.js'
import { batch, bits, options, small } from './small_trainer.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-teacher-'))
test.after(() => rm(folder, { recursive: true }))

/** Unit rows that no network would give. */
function targetsFor(count: number, seed = 3): Float32Array {
  const rows = normals(count * 8, seeded(seed))
  return rows.map((value, i) => {
    const row = rows.subarray(i - (i % 8), i - (i % 8) + 8)
    return value / Math.hypot(...row)
  })
}

for (const device of ['cpu', 'reference'] as const) {
  test(`${device}: the loss is that of its formula, and falls until the network gives what it was taught`, async () => {
    // Without batch normalisation a step's embeddings are those of the model.
    const settings: TrainerOptions = { ...options, device, frozen: ['a/bn'], optimizer: 'adam', learningRate: 0.01 }
    await using trainer = await createTrainer(small(), settings)
    const { images, labels } = batch(1)
    const embeddings = targetsFor(labels.length)
    const own = await trainer.embed(images)
    const expected = own.reduce((sum, value, i) => sum + (value - embeddings[i]!) ** 2, 0) / labels.length
    const first = await trainer.step(images, labels, { teacher: { embeddings } })
    assert.ok(Math.abs(first.teacherLoss! - expected) < 1e-5 * expected, `${first.teacherLoss} for ${expected}`)
    assert.is(first.loss, first.teacherLoss)
    assert.equal([first.triplets, first.skipped], [0, false])
    for (let step = 0; step < 150; step++) await trainer.step(images, labels, { teacher: { embeddings } })
    const last = await trainer.step(images, labels, { teacher: { embeddings } })
    assert.ok(last.loss < 0.2 * first.loss, `${first.loss} to ${last.loss}`)
  })
}

/** One plain step of gradient descent: the gradient of each weight is what it moved by. */
async function moved(settings: TrainerOptions, teacher?: { embeddings: Float32Array; weight?: number }) {
  await using trainer = await createTrainer(small(), { ...options, ...settings, optimizer: 'sgd', learningRate: 1 })
  const before = await trainer.read()
  const { images, labels } = batch(1)
  const report = await trainer.step(images, labels, { teacher })
  const after = await trainer.read()
  const names = trainer.tensors.flatMap(({ name, kind }) => (kind === 'weight' ? [name] : []))
  const steps = names.flatMap((name) => [...after.get(name)!.data].map((v, i) => v - before.get(name)!.data[i]!))
  return { steps, report }
}

for (const loss of ['triplet', 'nt-xent'] as const) {
  test(`mixed with ${loss}, loss and gradient are the weighted sum of both`, async () => {
    const settings: TrainerOptions = loss === 'triplet' ? {} : { loss, strategy: undefined }
    const given = { ...options, ...settings }
    if (loss !== 'triplet') delete given.strategy
    const embeddings = targetsFor(20)
    const [own, taught, both] = [
      await moved(settings),
      await moved(settings, { embeddings }),
      await moved(settings, { embeddings, weight: 0.3 }),
    ]
    const largest = Math.max(...both.steps.map(Math.abs))
    const error = Math.max(...both.steps.map((v, i) => Math.abs(v - 0.7 * own.steps[i]! - 0.3 * taught.steps[i]!)))
    assert.ok(error < 1e-5 * largest, `${error} of ${largest}`)
    const sum = 0.7 * own.report.loss + 0.3 * taught.report.loss
    assert.ok(Math.abs(both.report.loss - sum) < 1e-5 * sum)
  })
}

test('a loss that judges lengths is compared by direction, whose gradient is that of differences', async () => {
  const loss = { kind: 'sphereface', numClasses: 4 } as const
  const { images, labels } = batch(1)
  const embeddings = targetsFor(labels.length).map((value) => 3 * value)
  const settings: TrainerOptions = {
    loss,
    device: 'cpu',
    chunk: 64,
    frozen: ['a/bn'],
    optimizer: 'sgd',
    learningRate: 0.01,
  }
  await using trainer = await createTrainer(small(), settings)
  const before = await trainer.read(['fc.weight'])
  const report = await trainer.step(images, labels, { teacher: { embeddings } })
  const gradient = (await trainer.read(['fc.weight'])).get('fc.weight')!.data
  const change = gradient.map((value, i) => value - before.get('fc.weight')!.data[i]!)
  // Along the gradient the loss falls by rate times its squared length.
  const again = await trainer.step(images, labels, { teacher: { embeddings } })
  const predicted = report.gradientNorm ** 2 * 0.01
  assert.ok(Math.max(...change.map(Math.abs)) > 0)
  const fallen = report.teacherLoss! - again.teacherLoss!
  assert.ok(Math.abs(fallen - predicted) < 0.1 * predicted, `${fallen} for ${predicted}`)
})

test('what is no teacher of a batch is refused, and changes nothing', async () => {
  await using trainer = await createTrainer(small(), options)
  const { images, labels } = batch(0)
  const before = await bits(trainer)
  const wrong: [unknown, RegExp][] = [
    [null, /options\.teacher/],
    [{ embeddings: targetsFor(20), other: 1 }, /options\.teacher\.other/],
    [{ embeddings: targetsFor(19) }, /a Float32Array of 160, 20 images x 8/],
    [{ embeddings: [1] }, /options\.teacher\.embeddings/],
    [{ embeddings: targetsFor(20).fill(Number.NaN) }, /options\.teacher\.embeddings/],
    [{ embeddings: targetsFor(20), weight: 0 }, /options\.teacher\.weight/],
    [{ embeddings: targetsFor(20), weight: 1.1 }, /options\.teacher\.weight/],
  ]
  for (const [teacher, message] of wrong) {
    const step = () => trainer.step(images, labels, { teacher: teacher as never })
    await assertFails(step, 'ERR_FACENET_INVALID_ARGUMENT', message)
  }
  assert.equal(await bits(trainer), before)
})

const people = await writePeople(join(folder, 'people'), [5, 5, 5, 5, 5, 5])
const network = await writeSmallNetwork(join(folder, 'small.safetensors'))
const common = ['--identities-per-batch', '4', '--faces-per-identity', '4', '--threads', '1', '--optimizer', 'adam']
const training = (out: string, ...more: string[]) => [
  ...[
    'train',
    people,
    '--from',
    network,
    '--out',
    join(folder, out),
    '--learning-rate',
    '0.01',
    ...common,
    '--quiet',
    ...more,
  ],
]

test('a student comes close to its teacher, so that faces of both are compared, and goes on from a checkpoint', async () => {
  const teacher = join(folder, 'teacher.safetensors')
  await using made = await createTrainer(small(), { ...options, seed: 9 })
  await made.export(teacher)
  for (const augment of [[], ['--no-augment']]) {
    const out = `taught${augment.length}`
    const whole = await facenet(...training(out, '--teacher', teacher, '--steps', '60', ...augment))
    assert.is(whole.code, 0, whole.stderr)
    const lines = await readProgress(join(folder, out))
    assert.ok(lines.at(-1)!.loss! < 0.2 * lines[0]!.loss!, JSON.stringify([lines[0], lines.at(-1)]))
    const cut = await facenet(...training(`${out} cut`, '--teacher', teacher, '--steps', '20', ...augment))
    assert.is(cut.code, 0, cut.stderr)
    const words = ['--resume', '--out', join(folder, `${out} cut`), '--steps', '60', '--quiet']
    const resumed = await facenet('train', people, ...words)
    assert.is(resumed.code, 0, resumed.stderr)
    await using one = await openModel(join(folder, out, 'model.safetensors'))
    await using other = await openModel(join(folder, `${out} cut`, 'model.safetensors'))
    assert.is(other.fingerprint, one.fingerprint)
    const another = await facenet('train', people, ...words, '--teacher', network)
    assert.is(another.code, 1)
    assert.match(another.stderr, /is not the model that the run has learned from/)
  }
})

test('a teacher that does not fit is refused with a reason', async () => {
  const aligned = join(folder, 'aligned.safetensors')
  await using cut = await createTrainer(small(), { ...options, alignment: 'dlib' })
  await cut.export(aligned)
  const { graph } = small()
  const larger = { ...graph, input: { ...graph.input, height: 12, width: 12 } }
  const large = join(folder, 'large.safetensors')
  await using whole = await createTrainer(
    { graph: larger, tensors: new Map(Object.entries(randomTensors(larger, 1))) },
    options,
  )
  await whole.export(large)
  const finer = join(folder, 'finer.safetensors')
  await using other = await createTrainer(small(), { ...options, dimensions: 3 })
  await other.export(finer)
  const cases: [string[], number, RegExp][] = [
    [['--teacher', join(folder, 'none.safetensors')], 1, /none\.safetensors/],
    [['--teacher', finer], 1, /8 floats for teacher\.dimensions but received 3/],
    [['--teacher', large], 1, /8 x 8 pixels for teacher\.inputSize but received 12 x 12 pixels\. What helps/],
    [['--teacher', aligned], 1, /none for teacher\.alignment but received dlib/],
    [['--teacher-weight', '0.5'], 2, /--teacher-weight goes with --teacher/],
    [['--teacher-resize'], 2, /--teacher-resize goes with --teacher/],
    [['--teacher', network, '--teacher-weight', '2'], 2, /--teacher-weight is a number above 0 and at most 1, not 2/],
    [['--teacher', large, '--teacher-resize'], 0, /^$/],
  ]
  for (const [words, code, message] of cases) {
    const outcome = await facenet(...training('refused', '--steps', '1', ...words))
    assert.is(outcome.code, code, `${words.join(' ')}: ${outcome.stderr}`)
    assert.match(outcome.stderr, message)
  }
})

test.run()
