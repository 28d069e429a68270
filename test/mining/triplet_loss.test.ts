/** The hinge loss and its gradient: against plain loops, against differences, by hand. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Triplets } from '../../lib/index.js'
import { ulp } from '../support/precision.js'
import { seeded } from '../support/random.js'
import { devices, mineTriplets, runsOn, tripletLoss } from './on_device.js'
import { columns, distances, faces, hinge, tuples } from './oracle.js'

/** Loss and gradient in fp64, over the triplets that are active in fp32. */
function oracle(x: Float32Array, triplets: Triplets, dimensions: number, margin: number) {
  const d = distances(x, dimensions)
  const active = tuples(triplets).filter(([a, p, n]) => hinge(d, a, p, n, margin) > 0)
  const loss = active.reduce((sum, [a, p, n]) => sum + hinge(d, a, p, n, margin), 0)
  const gradient = new Float64Array(x.length)
  /** The sum of what was added, without signs: what rounding is measured by. */
  const size = new Float64Array(x.length)
  for (const [a, p, n] of active) {
    for (let k = 0; k < dimensions; k++) {
      const [ak, pk, nk] = [a, p, n].map((row) => row * dimensions + k) as [number, number, number]
      const parts = [
        [ak, nk, pk],
        [pk, pk, ak],
        [nk, ak, nk],
      ] as const
      for (const [at, plus, minus] of parts) {
        gradient[at]! += 2 * (x[plus]! - x[minus]!)
        size[at]! += 2 * (Math.abs(x[plus]!) + Math.abs(x[minus]!))
      }
    }
  }
  return { loss, active: active.length, gradient, size }
}

/** Any triplets, not only those that selection would give. */
function randomTriplets(n: number, count: number, seed: number): Triplets {
  const random = seeded(seed)
  const index = () => random.integer(0, n - 1)
  return columns(Array.from({ length: count }, () => [index(), index(), index()]))
}

for (const device of devices) {
  for (const [n, dimensions, count] of [
    [3, 1, 5],
    [20, 17, 200],
    [60, 128, 1500],
    [40, 300, 700],
  ] as const) {
    test(`${count} triplets of ${n} rows, ${dimensions} dimensions, against plain loops (${device})`, async () => {
      const { embeddings } = faces(n, dimensions, 4, n)
      const triplets = randomTriplets(n, count, n)
      const actual = await tripletLoss(embeddings, triplets, { dimensions, margin: 0.3, device })
      const expected = oracle(embeddings, triplets, dimensions, 0.3)
      assert.is(actual.loss, expected.loss)
      assert.is(actual.active, expected.active)
      // A chain of at most n terms, each rounded once; what cancels between triplets does so exactly.
      for (const [i, value] of expected.gradient.entries()) {
        assert.ok(Math.abs(actual.gradient[i]! - value) <= n * ulp.f32 * expected.size[i]!, `element ${i}`)
      }
    })
  }

  test(`small integers are exact, also where a row has several roles (${device})`, async () => {
    const triplet = (n: number) =>
      fc.tuple(...Array<fc.Arbitrary<number>>(3).fill(fc.nat(n - 1))) as fc.Arbitrary<[number, number, number]>
    const batch = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 })).chain(([n, dimensions]) =>
      fc.record({
        dimensions: fc.constant(dimensions),
        values: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: n * dimensions, maxLength: n * dimensions }),
        triplets: fc.array(triplet(n), { maxLength: 30 }),
      }),
    )
    await fc.assert(
      fc.asyncProperty(batch, async ({ dimensions, values, triplets }) => {
        const embeddings = Float32Array.from(values)
        const actual = await tripletLoss(embeddings, columns(triplets), { dimensions, margin: 0.5, device })
        const expected = oracle(embeddings, columns(triplets), dimensions, 0.5)
        assert.is(actual.loss, expected.loss)
        assert.is(actual.active, expected.active)
        assert.ok(actual.gradient.every((value, i) => value === expected.gradient[i]))
      }),
      { numRuns: runsOn(device), seed: 6 },
    )
  })

  test(`by hand (${device})`, async () => {
    // d(a, p) = 1, d(a, n) = 4: a hinge of 0 at a margin of 3, which is inactive, and of 0.5 at 3.5.
    const embeddings = Float32Array.of(0, 0, 1, 0, 0, 2)
    const triplets = columns([[0, 1, 2]])
    const at = (margin: number) => tripletLoss(embeddings, triplets, { dimensions: 2, margin, device })
    assert.equal(await at(3), { loss: 0, gradient: new Float32Array(6), active: 0 })
    assert.equal(await at(3.5), { loss: 0.5, gradient: Float32Array.of(-2, 4, 2, 0, 0, -4), active: 1 })
  })

  test(`no triplets cost nothing (${device})`, async () => {
    const none = await tripletLoss(new Float32Array(12).fill(1), columns([]), { dimensions: 4, device })
    assert.equal(none, { loss: 0, gradient: new Float32Array(12), active: 0 })
    const empty = await tripletLoss(new Float32Array(0), columns([]), { dimensions: 4, device })
    assert.equal(empty, { loss: 0, gradient: new Float32Array(0), active: 0 })
  })

  test(`the gradient is the slope of the loss, away from kinks (${device})`, async () => {
    const [dimensions, margin, step] = [8, 0.4, 2 ** -8]
    const { embeddings, labels } = faces(14, dimensions, 3, 21)
    const d = distances(embeddings, dimensions)
    const mined = tuples(await mineTriplets(embeddings, labels, { dimensions, strategy: 'all', margin: 1, device }))
    // A coordinate moved by `step` changes a distance by less than 2 * 2 * step + step^2, and a hinge by twice that.
    const smooth = mined.filter(([a, p, n]) => Math.abs(hinge(d, a, p, n, margin)) > 10 * step)
    const lossAt = async (x: Float32Array) => await tripletLoss(x, columns(smooth), { dimensions, margin, device })
    const { gradient, active } = await lossAt(embeddings)
    assert.ok(active > 20 && active < smooth.length, `${active} of ${smooth.length} are active`)
    for (let i = 0; i < embeddings.length; i++) {
      const [above, below] = [embeddings.slice(), embeddings.slice()]
      above[i]! += step
      below[i]! -= step
      const [high, low] = [(await lossAt(above)).loss, (await lossAt(below)).loss]
      const slope = (high - low) / (above[i]! - below[i]!)
      // The loss is quadratic, so central differences are exact but for rounding: each of the active hinges is off by a
      // few ulp of numbers below 8.
      const allowed = (active * 4 * 8 * ulp.f32) / step
      assert.ok(Math.abs(gradient[i]! - slope) <= allowed, `element ${i}: ${gradient[i]} and ${slope}`)
    }
  })

  test(`mined triplets are active, all of them (${device})`, async () => {
    const { embeddings, labels } = faces(80, 32, 6, 4)
    for (const strategy of ['all', 'semi-hard'] as const) {
      const triplets = await mineTriplets(embeddings, labels, { dimensions: 32, strategy, device })
      const { active } = await tripletLoss(embeddings, triplets, { dimensions: 32, device })
      assert.is(active, triplets.anchors.length)
    }
  })
}

test('the result depends on neither device nor threads, the gradient not on the order of the triplets', async () => {
  const { embeddings, labels } = faces(300, 100, 15, 9)
  const triplets = await mineTriplets(embeddings, labels, { dimensions: 100, margin: 1 })
  const expected = await tripletLoss(embeddings, triplets, { dimensions: 100, margin: 1, device: 'reference' })
  assert.ok(expected.active > 1000)
  for (const threads of [1, 2, 5]) {
    assert.equal(await tripletLoss(embeddings, triplets, { dimensions: 100, margin: 1, threads }), expected)
  }
  const backwards = await tripletLoss(embeddings, columns(tuples(triplets).toReversed()), {
    dimensions: 100,
    margin: 1,
  })
  assert.equal(backwards.gradient, expected.gradient)
})

test.run()
