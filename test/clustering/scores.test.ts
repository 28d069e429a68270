/** Scores that can be checked on paper. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError, scoreClusters } from '../../lib/index.js'

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}, ${expected}`)

test('six images of two people in two clusters', () => {
  // Clusters {a a a b} and {b b}. Pairs joined 6 + 1 = 7, of which of one person 3 + 1 = 4; of one person there are 3 + 3 = 6.
  const { pairwise, bcubed, purity, clusters, identities } = scoreClusters([0, 0, 0, 0, 1, 1], 'aaabbb'.split(''))
  near(pairwise.precision, 4 / 7)
  near(pairwise.recall, 4 / 6)
  near(pairwise.f, 8 / 13)
  // Precision of the images: 3/4 three times, 1/4, 1, 1. Recall: 1 three times, 1/3, 2/3, 2/3.
  near(bcubed.precision, 4.5 / 6)
  near(bcubed.recall, (3 + 5 / 3) / 6)
  near(bcubed.f, (2 * 0.75 * (14 / 18)) / (0.75 + 14 / 18))
  near(purity, 5 / 6)
  assert.equal([clusters, identities], [2, 2])
})

test('extremes', () => {
  for (const [labels, people] of [
    [
      [7, 7, 2],
      ['x', 'x', 'y'],
    ],
    [[5], ['x']],
  ] as const) {
    const { pairwise, bcubed, purity } = scoreClusters(labels, people)
    assert.equal([pairwise.f, bcubed.f, purity], [1, 1, 1])
  }
  const apart = scoreClusters([0, 1, 2, 3], [9, 9, 9, 9])
  assert.equal(apart.pairwise, { precision: 1, recall: 0, f: 0 })
  assert.equal(apart.bcubed, { precision: 1, recall: 0.25, f: 0.4 })
  const together = scoreClusters([0, 0, 0, 0], ['a', 'b', 'c', 'd'])
  assert.equal(together.pairwise, { precision: 0, recall: 1, f: 0 })
  assert.equal(together.bcubed, { precision: 0.25, recall: 1, f: 0.4 })
  assert.is(together.purity, 0.25)
})

test('bad input', () => {
  const refused = (run: () => unknown, words: RegExp) =>
    assert.throws(
      run,
      (error: FaceNetError) =>
        error instanceof FaceNetError && error.code === 'ERR_FACENET_INVALID_ARGUMENT' && words.test(error.message),
    )
  refused(() => scoreClusters([], []), /at least one label/)
  refused(() => scoreClusters([0, 1], ['a', 'b', 'c']), /one for each of the 2 labels .* 3 of them/)
  refused(() => scoreClusters([0, 1], ['a']), /one for each of the 2 labels/)
})

test.run()
