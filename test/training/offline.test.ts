/** Offline selection: which triplets, and how they make batches. Whole runs with it are in loop.test.ts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTrainer } from '../../lib/index.js'
import { noAugmentation } from '../../lib/training/augment.js'
import { openFaces } from '../../lib/training/faces.js'
import { BatchMaker, makeBatch } from '../../lib/training/faces_batches.js'
import { fill, OfflineSampler } from '../../lib/training/offline.js'
import { Sampler } from '../../lib/training/sampler.js'
import { modelFails } from '../importers/support.js'
import { seeded } from '../support/random.js'
import { writePeople, writeSmallNetwork } from './coloured_faces.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-offline-'))
test.after(() => rm(folder, { recursive: true }))
const people = await writePeople(join(folder, 'people'), [6, 6, 6, 6, 6, 6, 6, 6])
const network = await writeSmallNetwork(join(folder, 'small.safetensors'))
const input = { width: 8, height: 8 }
const open = () => openFaces([people], { input, border: 0.25, memoryBytes: 2 ** 20 })
const settings = {
  seed: 5,
  identitiesPerBatch: 3,
  facesPerIdentity: 4,
  negatives: 2,
  selectEvery: 4,
  selectFrom: 22,
}

test('batches hold as many triplets as fit, each once, and together all of them in turn', () => {
  const random = seeded(1)
  for (let round = 0; round < 200; round++) {
    const count = random.integer(1, 30)
    const draw = () => {
      const first = random.integer(0, 20)
      return [first, (first + random.integer(1, 10)) % 21, (first + random.integer(11, 20)) % 21] as const
    }
    const triplets = Array.from({ length: count }, draw)
    const [number, most] = [random.integer(1, 8), random.integer(3, 12)]
    const { batches, seen } = fill(triplets, number, most)
    assert.is(batches.length, number)
    let next = 0
    for (const batch of batches) {
      for (const triplet of batch) assert.is(triplet, triplets[next++ % count])
      assert.ok(batch.length > 0 && new Set(batch.flat()).size <= most)
      assert.is(new Set(batch).size, batch.length)
      const more = new Set([...batch.flat(), ...triplets[next % count]!])
      assert.ok(batch.length === count || more.size > most, 'one more would have fitted')
    }
    // What is kept for a resumed run gives the same batches.
    assert.equal(fill(triplets.slice(0, seen), number, most).batches, batches)
  }
  assert.equal(fill([], 2, 3), { batches: [[], []], seen: 0 })
})

test('a selection has the farthest positive and the nearest negative of every anchor of the subset', async () => {
  const faces = await open()
  const offline = OfflineSampler.open(faces, settings)
  await using trainer = await createTrainer(network, { strategy: 'hard', threads: 1 })
  assert.is(offline.batch(8), undefined)
  const { round, faces: chosen } = await offline.select(8, trainer, {})
  assert.is(round, 2)
  // The subset, and squared distances in it, once more.
  const subset = new Sampler(faces.labels, { identitiesPerBatch: 5, facesPerIdentity: 4, negatives: 2, seed: 5 }).batch(
    2,
  )
  assert.is(subset.faces.length, 22)
  const { images } = await makeBatch(faces, subset, 0, { input, augmentation: noAugmentation, seed: 0 })
  const rows = await trainer.embed(images)
  const row = (face: number) => rows.subarray(8 * subset.faces.indexOf(face), 8 * subset.faces.indexOf(face) + 8)
  const distance = (a: number, b: number) => row(a).reduce((sum, v, k) => sum + (v - row(b)[k]!) ** 2, 0)
  const labels = faces.labels
  const anchors = new Set<number>()
  for (let t = 0; t < chosen.length; t += 3) {
    const [a, p, n] = [chosen[t]!, chosen[t + 1]!, chosen[t + 2]!]
    anchors.add(a)
    assert.ok(labels[a] === labels[p] && a !== p && labels[a] !== labels[n])
    const others = [...subset.faces].filter((face) => face !== a)
    const mates = others.filter((face) => labels[face] === labels[a])
    const strangers = others.filter((face) => labels[face] !== labels[a])
    assert.ok(mates.every((face) => distance(a, face) <= distance(a, p) + 1e-6))
    assert.ok(strangers.every((face) => distance(a, face) >= distance(a, n) - 1e-6))
  }
  assert.is(anchors.size, chosen.length / 3)
  for (let number = 8; number < 12; number++) {
    const { faces: some, labels: who, triplets } = offline.batch(number)!
    assert.ok(some.length <= 14)
    assert.is(new Set(some).size, some.length)
    assert.equal(
      [...who],
      [...some].map((face) => labels[face]),
    )
    assert.ok(triplets!.anchors.length > 0)
    for (const [t, anchor] of triplets!.anchors.entries()) {
      const triplet = [anchor, triplets!.positives[t]!, triplets!.negatives[t]!].map((place) => some[place]!)
      const at = chosen.findIndex((face, i) => i % 3 === 0 && face === triplet[0])
      assert.equal(chosen.slice(at, at + 3), triplet)
    }
  }
  assert.is(offline.batch(12), undefined)
  // From what a checkpoint holds.
  const again = OfflineSampler.open(faces, settings, { round, faces: chosen })
  for (let number = 8; number < 12; number++) assert.equal(again.batch(number), offline.batch(number))
  await modelFails(
    () => OfflineSampler.open(faces, settings, { round, faces: [0, 1, 99] }),
    /below 48 for the selected/,
  )
})

test('an image that has vanished takes its triplets with it', async () => {
  const faces = await open()
  const anchors = Int32Array.of(0, 1, 6)
  const triplets = { anchors, positives: Int32Array.of(1, 2, 7), negatives: Int32Array.of(6, 7, 0) }
  const sampled = { faces: Int32Array.from({ length: 8 }, (_, i) => i), labels: faces.labels.slice(0, 8), triplets }
  await rm(join(people, 'person_0', 'person_0_0003.png'))
  const batch = await new BatchMaker(
    faces,
    { batchesPerEpoch: 1, batch: () => sampled },
    { input, augmentation: noAugmentation, seed: 0 },
  ).take(0)
  assert.equal([...batch.faces], [0, 1, 3, 4, 5, 6, 7])
  assert.equal([...batch.labels], [0, 0, 0, 0, 0, 1, 1])
  assert.is(batch.images.length, 7 * 192)
  assert.equal(batch.triplets, {
    anchors: Int32Array.of(0, 5),
    positives: Int32Array.of(1, 6),
    negatives: Int32Array.of(5, 0),
  })
  await faces.read(2)
  assert.is(faces.failures.length, 1)
})

test('a subset of one person is refused', async () => {
  const faces = await open()
  assert.throws(() => OfflineSampler.open(faces, { ...settings, selectFrom: 9 }), /at least 10/)
})

test.run()
