/**
 * Ten pairs small enough for paper. S: two images of one person, D: of two people; sorted by distance:
 *
 *   pair       a    b    c    d    e    f    g    h    i    j
 *   distance   1    2    3    4    5    6    7    8    9   10
 *   kind       S    S    S    D    S    D    S    D    D    D
 *
 * Five of each kind. A threshold accepts what lies below it. Whole numbers, so that every midpoint is exact.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { curveOf } from '../../lib/evaluation/curve.js'
import { atFar, atThreshold, bestThreshold, equalErrorRate } from '../../lib/evaluation/rates.js'
import { evaluatePairs } from '../../lib/index.js'

const a = { distance: 1, same: true }
const b = { distance: 2, same: true }
const c = { distance: 3, same: true }
const d = { distance: 4, same: false }
const e = { distance: 5, same: true }
const f = { distance: 6, same: false }
const g = { distance: 7, same: true }
const h = { distance: 8, same: false }
const i = { distance: 9, same: false }
const j = { distance: 10, same: false }
const all = [a, b, c, d, e, f, g, h, i, j]

const of = (kind: boolean) => Float64Array.from(all.filter(({ same }) => same === kind).map((pair) => pair.distance))
const close = (received: number, expected: number) => assert.ok(Math.abs(received - expected) < 1e-12, `${received}`)
const run = (pairs: typeof all, folds: number | Int32Array) =>
  evaluatePairs(
    pairs.map((pair) => pair.distance),
    pairs.map((pair) => pair.same),
    folds,
  )

test('VAL and FAR at a threshold are shares of the two kinds', () => {
  const curve = curveOf(of(true), of(false))
  // Below 6.5 lie a b c e of five same pairs, and d f of five different ones.
  assert.equal(atThreshold(curve, 6.5), { threshold: 6.5, val: 4 / 5, far: 2 / 5 })
  // The same a little further down: 6.5 is midway between f and g, and 6.1 above f as well. At 6 itself f is not below.
  assert.equal(atThreshold(curve, 6.1), { threshold: 6.1, val: 4 / 5, far: 2 / 5 })
  assert.equal(atThreshold(curve, 6), { threshold: 6, val: 4 / 5, far: 1 / 5 })
  // Nothing lies below 0.5; everything below 20.
  assert.equal(atThreshold(curve, 0.5), { threshold: 0.5, val: 0, far: 0 })
  assert.equal(atThreshold(curve, 20), { threshold: 20, val: 1, far: 1 })
})

test('VAL at a FAR: as many false accepts as it allows, and the threshold midway to the next distance', () => {
  const curve = curveOf(of(true), of(false))
  // FAR 0.2 allows one of five: d. The next false accept is f at 6, and e at 5 still comes before it: (5 + 6) / 2.
  const one = atFar(curve, 0.2)
  assert.is(one.threshold, 5.5)
  assert.equal([one.val, one.far], [4 / 5, 1 / 5])
  // FAR 0.1 allows half a pair, so none: a b c pass, and the threshold lies between c and d.
  const none = atFar(curve, 0.1)
  assert.is(none.threshold, 3.5)
  assert.equal([none.val, none.far], [3 / 5, 0])
})

test('the best threshold: eight of ten are right at 3.5, 5.5 and 7.5, and the lowest is taken', () => {
  // 3.5: a b c accepted, all five D refused: 3 + 5. 5.5: a b c e, four D refused: 4 + 4. 7.5: all S, three D refused: 5 + 3.
  assert.is(bestThreshold(curveOf(of(true), of(false))), 3.5)
})

test('the equal error rate: at 5.5 one of five D is accepted and one of five S refused', () => {
  const { rate, threshold } = equalErrorRate(curveOf(of(true), of(false)))
  close(rate, 1 / 5)
  assert.is(threshold, 5.5)
})

test('two folds: each judged by the other one', async () => {
  // Fold 1 is a c f h j, fold 2 is b d e g i.
  const folds = [a, c, f, h, j, b, d, e, g, i]
  const result = await run(folds, 2)
  // Fold 2 alone: b S, d D, e S, g S, i D. Between g and i, at 8, four of five are right (d is not); nowhere more.
  // There fold 1 (a c S, f D at 6, h D at 8, j D) has f wrong: 4 of 5. h lies at the threshold, not below it.
  assert.is(result.folds[0]!.threshold, 8)
  close(result.folds[0]!.accuracy, 4 / 5)
  // Fold 1 alone parts fully between c and f, at 4.5. There fold 2 has d wrong, e and g as well: 2 of 5.
  assert.is(result.folds[1]!.threshold, 4.5)
  close(result.folds[1]!.accuracy, 2 / 5)
  close(result.accuracy, 3 / 5)
  // Of 0.8 and 0.4: deviation sqrt((0.2² + 0.2²) / 1), over sqrt 2.
  close(result.standardError, 0.2)
  assert.is(result.threshold, 6.25)
})

test('the ROC goes from nothing accepted to everything, by its corners', async () => {
  const { roc } = await run(all, 2)
  // Three S, D, S, D, S, three D: the line goes up 3, right 1, up 1, right 1, up 1, right 3.
  assert.equal(
    roc.map(({ far, val }) => [Math.round(far * 5), Math.round(val * 5)]),
    [
      [0, 0],
      [0, 3],
      [1, 3],
      [1, 4],
      [2, 4],
      [2, 5],
      [5, 5],
    ],
  )
})

test('a FAR that a fold cannot show is refused by name', async () => {
  const { val } = await run([a, c, f, h, j, b, d, e, g, i], 2)
  assert.is(val.length, 6)
  assert.equal(val[0], {
    far: 0.1,
    val: null,
    standardError: null,
    threshold: null,
    reason: 'FAR 0.1 needs at least 10 different pairs a fold, and there are 2',
  })
})

test.run()
