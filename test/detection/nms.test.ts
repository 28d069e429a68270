import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type FaceBox, nonMaximumSuppression, overlap } from '../../lib/detection/index.js'
import { seeded } from '../support/random.js'

const box = (x: number, y: number, width: number, height: number): FaceBox => ({ x, y, width, height })

test('overlap of boxes that share a quarter, of one inside the other, and of boxes that only touch', () => {
  assert.is(overlap(box(0, 0, 10, 10), box(5, 5, 10, 10)), 25 / 175)
  assert.is(overlap(box(0, 0, 10, 10), box(5, 5, 10, 10), 'min'), 25 / 100)
  assert.is(overlap(box(0, 0, 10, 10), box(2, 2, 5, 5)), 25 / 100)
  assert.is(overlap(box(0, 0, 10, 10), box(2, 2, 5, 5), 'min'), 1)
  assert.is(overlap(box(0, 0, 10, 10), box(10, 0, 10, 10)), 0)
  assert.is(overlap(box(0, 0, 0, 0), box(0, 0, 0, 0)), 0)
})

test('the best stays, what it hides goes, and what only the hidden one hid stays', () => {
  const boxes = [box(0, 0, 10, 10), box(4, 0, 10, 10), box(8, 0, 10, 10)]
  assert.equal(nonMaximumSuppression(boxes, [0.9, 0.8, 0.7], 0.4), [0, 2])
  assert.equal(nonMaximumSuppression(boxes, [0.7, 0.9, 0.8], 0.4), [1])
  assert.equal(nonMaximumSuppression(boxes, [0.7, 0.9, 0.8], 0.5), [1, 2, 0])
  assert.equal(nonMaximumSuppression([], [], 0.5), [])
})

test('of equal scores the earlier box stays', () => {
  const boxes = Array.from({ length: 100 }, () => box(1, 1, 5, 5))
  assert.equal(nonMaximumSuppression(boxes, new Float32Array(100).fill(0.5), 0.5), [0])
})

const boxes = fc.array(
  fc.record({
    x: fc.integer({ min: -20, max: 50 }),
    y: fc.nat(50),
    width: fc.integer({ min: 1, max: 40 }),
    height: fc.integer({ min: 1, max: 40 }),
  }),
  { maxLength: 30 },
)

test('those that stay do not overlap, and each that goes overlaps a better one that stays', () => {
  const cases = fc.tuple(
    boxes,
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom('union', 'min'),
    fc.infiniteStream(fc.nat(5)),
  )
  fc.assert(
    fc.property(cases, ([boxes, threshold, kind, stream]) => {
      const scores = boxes.map(() => stream.next().value as number)
      const kept = nonMaximumSuppression(boxes, scores, threshold, kind as 'union' | 'min')
      const hides = (better: number, i: number) =>
        overlap(boxes[better]!, boxes[i]!, kind as 'union' | 'min') > threshold &&
        (scores[better]! > scores[i]! || (scores[better] === scores[i] && better < i))
      for (const i of boxes.keys())
        assert.is(
          kept.some((better) => hides(better, i)),
          !kept.includes(i),
        )
    }),
  )
})

test('of many thousand boxes each is held against those near it only', () => {
  const random = seeded(3)
  let reads = 0
  const boxes = Array.from({ length: 20_000 }, (): FaceBox => {
    const side = 2 ** random.integer(3, 8)
    const { x, ...rest } = box(random.integer(0, 6000), random.integer(0, 4000), side, side)
    return {
      ...rest,
      get x() {
        reads++
        return x
      },
    }
  })
  const kept = nonMaximumSuppression(boxes, new Float32Array(boxes.length).fill(1), 0.7)
  assert.ok(kept.length > 10_000, `${kept.length} stay`)
  // Against all that stay it would be some 10,000 others a box, four reads each.
  assert.ok(reads < 400 * boxes.length, `${reads / boxes.length} reads a box`)
})

test('thresholds, kinds and numbers of scores that make no sense', () => {
  const code = { code: 'ERR_FACENET_INVALID_ARGUMENT' }
  const fails = (call: () => unknown, argument: string) => {
    try {
      call()
    } catch (error) {
      assert.is((error as { code: string }).code, code.code)
      return assert.is((error as { argument: string }).argument, argument)
    }
    assert.unreachable()
  }
  const one = [box(0, 0, 1, 1)]
  for (const threshold of [-0.1, 1.1, Number.NaN]) fails(() => nonMaximumSuppression(one, [1], threshold), 'threshold')
  fails(() => nonMaximumSuppression(one, [], 0.5), 'scores')
  fails(() => nonMaximumSuppression(one, [1], 0.5, 'max' as 'min'), 'kind')
})

test.run()
