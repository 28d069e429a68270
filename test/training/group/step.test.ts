/** Steps of several processes against those of one with the whole batch. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer, type TrainerOptions } from '../../../lib/index.js'
import type { Group, Trainer } from '../../../lib/training/index.js'
import type { DeviceKind } from '../../../types/native.js'
import { modelDevices } from '../../support/ops.js'
import { batch, bits, options, small } from '../small_trainer.js'
import { batchOf, cancel, openTrainer, readTensors } from '../support.js'
import { fails, join } from './members.js'

const pixels = 8 * 8 * 3
/** The default. */
const margin = 0.2

/** What part `rank` of so many has of a batch. */
function part({ images, labels }: ReturnType<typeof batch>, rank: number, of: number) {
  const [first, end] = [rank, rank + 1].map((i) => Math.floor((labels.length * i) / of)) as [number, number]
  return { images: images.subarray(first * pixels, end * pixels), labels: labels.subarray(first, end) }
}

/** Trainers that begin with different weights, and take over those of the first. */
async function members(groups: readonly Group[], settings: TrainerOptions): Promise<Trainer[]> {
  const trainers = await Promise.all(
    groups.map(async ({ rank }) => {
      const model = small()
      for (const { data } of model.tensors.values()) if (rank > 0) (data as Float32Array).fill(rank)
      return createTrainer(model, settings)
    }),
  )
  await Promise.all(trainers.map((trainer, rank) => trainer.join(groups[rank]!)))
  return trainers
}

/** Without batch normalisation by the batch, whose statistics are each process's own. */
const frozen = { ...options, frozen: ['a/bn'], clipNorm: 0.5 }
const cases: [name: string, settings: TrainerOptions][] = [
  ['all triplets, momentum', { ...frozen, optimizer: 'momentum', learningRate: 0.05 }],
  ['semi-hard triplets, adam', { ...frozen, strategy: 'semi-hard', optimizer: 'adam', learningRate: 0.003 }],
  ['arcface', { frozen: ['a/bn'], loss: { kind: 'arcface', numClasses: 4 }, learningRate: 0.01, seed: 3 }],
]
for (const [name, settings] of cases) {
  for (const size of [2, 3]) {
    test(`${size} processes have the loss curve of one: ${name}`, async () => {
      const groups = await join(size)
      const trainers = await members(groups, settings)
      await using alone = await createTrainer(small(), settings)
      for (let i = 0; i < 12; i++) {
        const whole = batch(i)
        const expected = await alone.step(whole.images, whole.labels)
        const reports = await Promise.all(
          trainers.map((trainer, rank) => {
            const own = part(whole, rank, size)
            return trainer.step(own.images, own.labels)
          }),
        )
        for (const report of reports) {
          for (const key of ['loss', 'gradientNorm', 'meanPositive', 'meanNegative'] as const) {
            // A hinge is a difference from the margin, which is what its last bits are of.
            const allowed = 1e-5 * Math.max(expected[key], margin)
            const what = `step ${i}, ${key}: ${report[key]}, not ${expected[key]}`
            assert.ok(Math.abs(report[key] - expected[key]) <= allowed, what)
          }
          assert.equal([report.triplets, report.active, report.step], [expected.triplets, expected.active, i + 1])
        }
      }
      const [first, ...others] = await Promise.all(trainers.map(bits))
      for (const other of others) assert.equal(other, first)
      await Promise.all(groups.map((group) => group.close()))
      for (const trainer of trainers) trainer.dispose()
    })
  }
}

test('running statistics of batch normalisation are the means of the processes, and the same everywhere', async () => {
  const groups = await join(2)
  const trainers = await members(groups, options)
  const whole = batch(0)
  const { name } = trainers[0]!.tensors.find(({ kind }) => kind === 'statistic')!
  const meansOf = async (trainer: Trainer) => (await trainer.read([name])).get(name)!.data
  const before = await meansOf(trainers[0]!)
  const own = await Promise.all(
    [0, 1].map(async (rank) => {
      await using alone = await createTrainer(small(), options)
      const { images, labels } = part(whole, rank, 2)
      await alone.step(images, labels)
      return meansOf(alone)
    }),
  )
  await Promise.all(
    trainers.map((trainer, rank) => {
      const { images, labels } = part(whole, rank, 2)
      return trainer.step(images, labels)
    }),
  )
  const [a, b] = await Promise.all(trainers.map(bits))
  assert.equal(a, b)
  const found = await meansOf(trainers[0]!)
  assert.not.equal(found, before)
  for (const [i, value] of found.entries()) assert.ok(Math.abs(value - (own[0]![i]! + own[1]![i]!) / 2) < 1e-6)
  await Promise.all(groups.map((group) => group.close()))
})

test('where a step fails in one process, all are as they were, and the others say who is lost', async () => {
  const groups = await join(2)
  const trainers = await members(groups, options)
  const before = await bits(trainers[0]!)
  const whole = batch(0)
  const [first, second] = [0, 1].map((rank) => part(whole, rank, 2))
  const good = trainers[0]!.step(first!.images, first!.labels)
  const bad = trainers[1]!.step(second!.images, second!.labels, { signal: AbortSignal.abort() })
  await fails(bad, 'ERR_FACENET_ABORTED', /abort/i)
  await fails(good, 'ERR_FACENET_PEER_LOST', /Rank 1 is lost/)
  for (const trainer of trainers) assert.equal(await bits(trainer), before)
  assert.equal(
    trainers.map((trainer) => trainer.steps),
    [0, 0],
  )
  await fails(trainers[0]!.step(first!.images, first!.labels), 'ERR_FACENET_PEER_LOST', /Rank 1 is lost/)
  // On its own it goes on from there.
  await trainers[0]!.embed(whole.images)
})

test('triplets of one process alone are refused', async () => {
  const groups = await join(1)
  const [trainer] = await members(groups, options)
  const { images, labels } = batch(0)
  const triplets = { anchors: Int32Array.of(0), positives: Int32Array.of(4), negatives: Int32Array.of(1) }
  await fails(trainer!.step(images, labels, { triplets }), 'ERR_FACENET_INVALID_ARGUMENT', /options\.triplets/)
})

for (const device of modelDevices as DeviceKind[]) {
  test(`gradients of parts add up to that of the whole (${device})`, async () => {
    const { graph, tensors } = small()
    const plain = Object.fromEntries([...tensors].map(([name, { shape, data }]) => [name, { shape, data }]))
    const settings = { device, frozen: ['a/bn'], chunk: 3 } as const
    const open = () => openTrainer(graph, plain as never, settings)
    const { images, labels } = batchOf(graph, 10)
    const [whole, ...trainers] = [await open(), await open(), await open()] as const
    const report = await whole.gradient(images, labels, cancel())
    const gradients = whole.tensors.filter(({ kind }) => kind === 'gradient').map(({ name }) => name)
    const bounds = [0, 4, 10]
    const rows = new Float32Array(10 * whole.dimensions)
    const own = (i: number) => (images as Uint8Array).subarray(bounds[i]! * pixels, bounds[i + 1]! * pixels)
    for (const [i, trainer] of trainers.entries()) {
      const out = new Float32Array((bounds[i + 1]! - bounds[i]!) * whole.dimensions)
      await trainer.embedPart(own(i), bounds[i + 1]! - bounds[i]!, out, cancel())
      rows.set(out, bounds[i]! * whole.dimensions)
    }
    for (const [i, trainer] of trainers.entries()) {
      await trainer.learnPart(own(i), bounds[i + 1]! - bounds[i]!, rows, labels, bounds[i]!, cancel())
    }
    const expected = await readTensors(whole, gradients)
    const found = await Promise.all(trainers.map((trainer) => readTensors(trainer, gradients)))
    for (const name of gradients) {
      const most = Math.max(...expected.get(name)!.map(Math.abs), 1e-6)
      for (const [i, value] of expected.get(name)!.entries()) {
        const sum = found[0]!.get(name)![i]! + found[1]!.get(name)![i]!
        assert.ok(Math.abs(sum - value) <= 1e-5 * most, `${name}[${i}]: ${sum}, not ${value}`)
      }
    }
    const update = await trainers[0]!.update({ learningRate: 0.1, clipNorm: 0 })
    assert.equal([update.triplets, update.step, update.chunks], [report.triplets, 1, [2, 2]])
    for (const trainer of [whole, ...trainers]) trainer.dispose()
  })
}

test.run()
