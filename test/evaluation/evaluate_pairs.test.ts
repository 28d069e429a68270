import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { binCount, curveOf, curveOfBins } from '../../lib/evaluation/curve.js'
import { atFar, bestThreshold, thresholdInterval } from '../../lib/evaluation/rates.js'
import { evaluatePairs } from '../../lib/index.js'
import { rejection } from '../api/support.js'
import { seeded } from '../support/random.js'

/** Pairs whose distances overlap: same ones around 0.8, different ones around 1.6, alternating. */
function overlapping(count: number, seed = 1) {
  const random = seeded(seed)
  const same = Array.from({ length: count }, (_, i) => i % 2 === 0)
  const distances = Float32Array.from(same, (one) => (one ? 0.2 : 1) + random.uniform() * 1.2)
  return { distances, same }
}

test('300 different pairs a fold show FAR 1e-2, and not 1e-3', async () => {
  const { distances, same } = overlapping(6000)
  const { val, folds } = await evaluatePairs(distances, same, 10)
  assert.is(folds.length, 10)
  assert.ok(folds.every(({ pairs }) => pairs === 600))
  assert.equal(
    val.map((entry) => entry.val !== null),
    [true, true, false, false, false, false],
  )
  assert.is(val[2]!.reason, 'FAR 0.001 needs at least 1000 different pairs a fold, and there are 300')
  for (const { val: share, standardError, threshold } of val.slice(0, 2)) {
    assert.ok(share! > 0 && share! < 1 && standardError! > 0 && threshold! > 1)
  }
})

test('fold numbers do the same as blocks, in any order of pairs', async () => {
  const { distances, same } = overlapping(200)
  const blocks = await evaluatePairs(distances, same, 4)
  const order = Array.from({ length: 200 }, (_, i) => (i * 77) % 200)
  const shuffled = await evaluatePairs(
    order.map((i) => distances[i]!),
    order.map((i) => Number(same[i])),
    Int32Array.from(order, (i) => 10 + Math.floor(i / 50)),
  )
  assert.equal(shuffled, blocks)
})

test('no threshold does better than the one that is chosen', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed)
    // Whole numbers, so that many distances are equal.
    const draw = (shift: number) => Float64Array.from({ length: 30 }, () => Math.floor(random.uniform() * 12) + shift)
    const [same, different] = [draw(0), draw(4)]
    const right = (t: number) => same.filter((d) => d < t).length + different.filter((d) => d >= t).length
    const chosen = bestThreshold(curveOf(same, different))
    const most = Math.max(...Array.from({ length: 40 }, (_, i) => right(i / 2 - 0.25)))
    assert.is(right(chosen), most)
    assert.ok(Array.from({ length: 40 }, (_, i) => i / 2 - 0.25).every((t) => t >= chosen - 0.5 || right(t) < most))
  }
})

test('neighbouring floats are told apart', () => {
  const [low, high] = [1, 1 + Number.EPSILON]
  const chosen = bestThreshold(curveOf(Float64Array.of(low), Float64Array.of(high)))
  assert.ok(low < chosen && !(high < chosen))
})

test('bins count exactly at their edges, and their threshold is next to the exact one', () => {
  const { distances, same } = overlapping(20_000)
  const of = (kind: boolean) => distances.filter((_, i) => same[i] === kind)
  const count = (values: Float32Array) => {
    const counts = new Float64Array(binCount)
    for (const bits of new Uint32Array(values.slice().buffer)) counts[bits >>> 12]!++
    return counts
  }
  const [exact, binned] = [curveOf(of(true), of(false)), curveOfBins(count(of(true)), count(of(false)))]
  for (const far of [0.1, 0.01, 0.001]) {
    const { threshold, val, far: reached } = atFar(binned, far)
    assert.is(val, of(true).filter((d) => d < threshold).length / 10_000)
    assert.is(reached, of(false).filter((d) => d < threshold).length / 10_000)
    const best = atFar(exact, far).threshold
    // A bin is at most 1/2048 of its distance wide.
    assert.ok(Math.abs(threshold / best - 1) < 1 / 1024, `${threshold} and ${best}`)
  }
})

test('the interval of a threshold holds it, and narrows with more pairs', () => {
  const width = (count: number) => {
    const { distances, same } = overlapping(count)
    const curve = curveOf(
      distances.filter((_, i) => same[i]),
      distances.filter((_, i) => !same[i]),
    )
    const { low, high } = thresholdInterval(curve, 0.05)
    const { threshold } = atFar(curve, 0.05)
    assert.ok(low <= threshold && threshold <= high)
    return high - low
  }
  assert.ok(width(40_000) < width(400) / 3)
})

const good: [number[], boolean[]] = [
  [0.1, 1, 0.2, 2],
  [true, false, true, false],
]
const wrong: [string, Promise<unknown>, RegExp][] = [
  ['a NaN', evaluatePairs([0.1, Number.NaN], [true, false], 2), /a finite number for distances\[1\] but received NaN/],
  ['no array', evaluatePairs('abc' as never, [true], 2), /an array of numbers for distances/],
  [
    'too few truths',
    evaluatePairs([0.1, 1], [true], 2),
    /2 values, one a distance for same but received an array of 1/,
  ],
  ['a truth that is none', evaluatePairs([0.1, 1], [true, 'no' as never], 2), /true or false, 1 or 0 for same\[1\]/],
  [
    'same pairs only',
    evaluatePairs([0.1, 1], [true, true], 2),
    /pairs of both kinds for same but received 2 same pairs only/,
  ],
  [
    'different pairs only',
    evaluatePairs([0.1, 1], [0, 0], 2),
    /both kinds for same but received 2 different pairs only/,
  ],
  ['no pairs', evaluatePairs([], [], 2), /both kinds for same/],
  ['one fold', evaluatePairs(...good, 1), /an integer 2\.\.4 for folds but received 1/],
  ['half a fold', evaluatePairs(...good, 2.5), /an integer 2\.\.4 for folds/],
  ['folds that do not divide', evaluatePairs(...good, 3), /folds of equal size: a number that divides 4 pairs/],
  [
    'folds of unequal size',
    evaluatePairs(...good, Int32Array.of(0, 0, 0, 1)),
    /folds of equal size for folds but received folds of 1 to 3 of 4 pairs/,
  ],
  [
    'a fold below zero',
    evaluatePairs(...good, Int32Array.of(0, 0, -1, 1)),
    /at least 0 for folds\[2\] but received -1/,
  ],
  ['too few fold numbers', evaluatePairs(...good, Int32Array.of(0, 1)), /4 fold numbers, one a pair for folds/],
  [
    'one kind on all other folds',
    evaluatePairs([0.1, 0.2, 1, 2], [true, true, false, false], 2),
    /pairs of both kinds in all folds but number 0 for folds but received different pairs only/,
  ],
  ['an unknown option', evaluatePairs(...good, 2, { unequal: true } as never), /options\.unequal/],
]

for (const [what, call, message] of wrong) {
  const outcome = rejection(call)
  test(`${what} is refused`, async () => {
    const error = await outcome
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  })
}

test('folds of unequal size are taken where that is asked for', async () => {
  const folds = Int32Array.of(0, 0, 1, 1, 1)
  const result = await evaluatePairs([0.1, 1.5, 0.2, 2, 3], [true, false, true, false, false], folds, {
    unequalFolds: true,
  })
  assert.equal(
    result.folds.map((fold) => [fold.pairs, fold.accuracy]),
    [
      [2, 1],
      [3, 1],
    ],
  )
})

test.run()
