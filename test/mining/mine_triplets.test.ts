/** Which triplets are selected, against three nested loops. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Strategy } from '../../lib/index.js'
import { devices, mineTriplets, runsOn } from './on_device.js'
import { faces, mine, tuples } from './oracle.js'

const strategies: Strategy[] = ['all', 'semi-hard', 'hard']

for (const device of devices) {
  for (const strategy of strategies) {
    for (const [n, dimensions, identities] of [
      [24, 2, 3],
      [40, 3, 5],
      [70, 37, 4],
      [150, 128, 12],
    ] as const) {
      test(`${strategy}: ${n} faces of ${identities}, ${dimensions} dimensions (${device})`, async () => {
        const { embeddings, labels } = faces(n, dimensions, identities, n)
        const expected = mine(embeddings, labels, dimensions, strategy)
        assert.ok(expected.length > 0)
        assert.equal(tuples(await mineTriplets(embeddings, labels, { dimensions, strategy, device })), expected)
      })
    }

    test(`${strategy}: any small batch, with many ties (${device})`, async () => {
      const batch = fc
        .integer({ min: 1, max: 4 })
        .chain((dimensions) =>
          fc
            .array(
              fc.tuple(
                fc.integer({ min: -3, max: 3 }),
                fc.array(fc.integer({ min: -2, max: 2 }), { minLength: dimensions, maxLength: dimensions }),
              ),
              { maxLength: 40 },
            )
            .map((faces) => ({ dimensions, faces })),
        )
      await fc.assert(
        fc.asyncProperty(batch, fc.constantFrom(0.25, 1, 4), async ({ dimensions, faces }, margin) => {
          const labels = faces.map(([label]) => label)
          // Quarters: distances and margins are exact, so many are equal.
          const embeddings = Float32Array.from(faces.flatMap(([, values]) => values.map((value) => value / 4)))
          const actual = await mineTriplets(embeddings, labels, { dimensions, strategy, margin, device })
          assert.equal(tuples(actual), mine(embeddings, labels, dimensions, strategy, margin))
        }),
        { numRuns: runsOn(device), seed: 5 },
      )
    })

    test(`${strategy}: no triplets where there cannot be any (${device})`, async () => {
      const { embeddings } = faces(20, 8, 3, 1)
      const none = { anchors: new Int32Array(0), positives: new Int32Array(0), negatives: new Int32Array(0) }
      const count = async (labels: number[]) =>
        await mineTriplets(embeddings.subarray(0, labels.length * 8), labels, { dimensions: 8, strategy, device })
      assert.equal(await count([]), none)
      assert.equal(await count([3]), none)
      assert.equal(await count(Array(20).fill(7)), none, 'one identity')
      assert.equal(await count(Array.from({ length: 20 }, (_, i) => i)), none, 'a single face each')
    })

    test(`${strategy}: identities with a single face are negatives only (${device})`, async () => {
      const { embeddings } = faces(30, 8, 3, 2)
      const labels = Array.from({ length: 30 }, (_, i) => (i < 4 ? 100 : i))
      const { anchors, positives, negatives } = await mineTriplets(embeddings, labels, {
        dimensions: 8,
        strategy,
        margin: 4,
        device,
      })
      assert.ok(anchors.length > 0)
      assert.ok(anchors.every((a) => a < 4) && positives.every((p) => p < 4) && negatives.every((n) => n >= 4))
    })

    test(`${strategy}: equal embeddings (${device})`, async () => {
      const found = await mineTriplets(new Float32Array(6 * 5).fill(0.25), [0, 0, 1, 1, 0, 1], {
        dimensions: 5,
        strategy,
        device,
      })
      const expected = {
        all: 6 * 2 * 3, // every hinge is the margin
        'semi-hard': 0, // no negative is farther than the positive
        hard: 6,
      }
      assert.is(found.anchors.length, expected[strategy])
      if (strategy === 'hard') {
        assert.equal(found.positives, Int32Array.of(1, 0, 3, 2, 0, 2), 'the lowest index')
        assert.equal(found.negatives, Int32Array.of(2, 2, 0, 0, 2, 0))
      }
    })
  }

  test(`semi-hard by hand: both bounds are open, both ways round count (${device})`, async () => {
    // On a line: anchor 0, its positive at distance 1, negatives at 1, 1.25 and 1.5 from it.
    const line = [0, 1, -1, -Math.sqrt(1.25), Math.sqrt(1.5)]
    const labels = [0, 0, 1, 2, 3]
    const mineAt = async (margin: number) =>
      tuples(await mineTriplets(Float32Array.from(line), labels, { dimensions: 1, margin, device }))
    assert.equal(await mineAt(0.2), [])
    assert.equal(await mineAt(0.3), [[0, 1, 3]])
    assert.equal(await mineAt(4), [
      [0, 1, 3],
      [1, 0, 2],
    ])
  })
}

test('the result depends on neither device nor threads', async () => {
  const { embeddings, labels } = faces(333, 128, 20, 9)
  for (const strategy of strategies) {
    const expected = await mineTriplets(embeddings, labels, { dimensions: 128, strategy, device: 'reference' })
    assert.ok(expected.anchors.length > 0)
    for (const threads of [1, 2, 3, 16]) {
      assert.equal(await mineTriplets(embeddings, labels, { dimensions: 128, strategy, threads }), expected)
    }
  }
})

test('rows of any scale are compared as they are', async () => {
  const { embeddings, labels } = faces(60, 16, 4, 3)
  for (const scale of [2 ** -40, 2 ** 40]) {
    const scaled = embeddings.map((value) => value * scale)
    const expected = mine(scaled, labels, 16, 'hard')
    assert.equal(tuples(await mineTriplets(scaled, labels, { dimensions: 16, strategy: 'hard' })), expected)
  }
})

test.run()
