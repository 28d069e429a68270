/** Batches of identities and negatives: what is in them, that they repeat, and what is refused. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Sampler } from '../../lib/training/sampler.js'
import { randomAt, shuffle } from '../../lib/training/sampler_random.js'

/** People with 1, 2, ... faces each. */
const labels = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].flatMap((faces) => Array.from({ length: faces }, () => 100 + faces))
const countsOf = (values: Int32Array) => {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

test('a batch has P identities, at most K faces of each, and no face twice', () => {
  const sampler = new Sampler(labels, { identitiesPerBatch: 3, facesPerIdentity: 4, seed: 7 })
  for (let number = 0; number < 50; number++) {
    const { faces, labels: of } = sampler.batch(number)
    assert.is(new Set(faces).size, faces.length)
    assert.equal(
      [...of],
      [...faces].map((face) => labels[face]),
    )
    const counts = countsOf(of)
    assert.is(counts.size, 3)
    for (const [label, count] of counts) assert.is(count, Math.min(4, label - 100))
  }
})

test('everybody with two faces has one turn an epoch; one face makes a negative only', () => {
  const sampler = new Sampler(labels, { identitiesPerBatch: 3, facesPerIdentity: 2 })
  assert.is(sampler.batchesPerEpoch, 3)
  const orders = [0, 1].map((epoch) => {
    const seen = [0, 1, 2].flatMap((i) => [...countsOf(sampler.batch(3 * epoch + i).labels).keys()])
    assert.equal(
      [...seen].sort((a, b) => a - b),
      [102, 103, 104, 105, 106, 107, 108, 109, 110],
    )
    return seen.join()
  })
  assert.is.not(orders[0], orders[1])
})

test('negatives come from everybody else, also from those with one face, and never more than there are', () => {
  const sampler = new Sampler(labels, { identitiesPerBatch: 1, facesPerIdentity: 10, negatives: 1000 })
  let single = 0
  for (let number = 0; number < 9; number++) {
    const { faces } = sampler.batch(number)
    assert.is(faces.length, labels.length)
    single += Number(faces.includes(0))
  }
  assert.is(single, 9)
  const few = new Sampler(labels, { identitiesPerBatch: 2, facesPerIdentity: 2, negatives: 5 })
  assert.is(few.batch(4).faces.length, 9)
})

test('a batch depends on the seed and its number alone, whatever was taken before', () => {
  const options = { identitiesPerBatch: 4, facesPerIdentity: 3, negatives: 6, seed: 3 }
  const [one, other] = [new Sampler(labels, options), new Sampler(labels, options)]
  for (let i = 0; i < 20; i++) one.batch(i)
  assert.equal(one.batch(20), other.batch(20))
  assert.not.equal(one.batch(20), one.batch(21))
  assert.not.equal(one.batch(20), new Sampler(labels, { ...options, seed: 4 }).batch(20))
})

test('what cannot be sampled is refused by name', () => {
  assert.throws(() => new Sampler([5, 5, 5]), /at least two people for labels but received 1 identity, 3 faces/)
  assert.throws(() => new Sampler([]), /at least two people/)
  assert.throws(() => new Sampler([1, 2, 3]), /at least one person with two faces for labels but received 3 people/)
  assert.throws(() => new Sampler([1, 1, 2], {}, 4), /Expected 4, one a face for labels but received an array of 3/)
  assert.throws(() => new Sampler([1, 1, 2.5]), /labels\[2\]/)
  assert.throws(() => new Sampler([1, 1, 2]), /at least 1, since only one person has two faces for options.negatives/)
  assert.throws(() => new Sampler([1, 1, 2, 2], { facesPerIdentity: 1 }), /options.facesPerIdentity/)
  assert.throws(() => new Sampler([1, 1, 2, 2], { seed: -1 }), /options.seed/)
})

test('draws are spread evenly', () => {
  const counts = new Array(6).fill(0) as number[]
  for (let i = 0; i < 6000; i++) counts[shuffle([0, 1, 2, 3, 4, 5], randomAt(1, i))[2]!]!++
  // 1000 expected each, standard deviation 29.
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 150, `${counts}`)
})

test.run()
