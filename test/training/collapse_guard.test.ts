/** The shape of embeddings, what counts as a collapse, and learning-rate schedules. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CollapseGuard, diagnose, type Inspection, patience, shapeOf } from '../../lib/training/collapse_guard.js'
import { parseSchedule } from '../../lib/training/schedule.js'
import { seeded } from '../support/random.js'

const close = (a: number, b: number, tolerance = 1e-6) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`)

test('mean distance and effective rank of rows known by hand', () => {
  // Corners of a square: distances 4, 4, 8 twice each way; two equal directions.
  const square = shapeOf(Float32Array.from([1, 1, 1, -1, -1, 1, -1, -1]), 2)
  close(square.meanDistance, (4 * 4 + 2 * 8) / 6)
  close(square.effectiveRank, 2)
  const line = shapeOf(Float32Array.from([0, 0, 0, 1, 2, 2, 2, 4, 4]), 3)
  close(line.effectiveRank, 1)
  assert.equal(shapeOf(new Float32Array(12).fill(0.5), 3), { meanDistance: 0, effectiveRank: 1 })
  assert.is(shapeOf(Float32Array.from([1, 0]), 2).meanDistance, 0)
})

test('the mean distance is that of all pairs', () => {
  const random = seeded(3)
  const rows = Float32Array.from({ length: 20 * 5 }, () => random.normal())
  let sum = 0
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 20; j++) for (let k = 0; k < 5; k++) sum += (rows[i * 5 + k]! - rows[j * 5 + k]!) ** 2
  }
  close(shapeOf(rows, 5).meanDistance, sum / (20 * 19), 1e-5)
})

const healthy: Inspection = {
  meanDistance: 1.4,
  effectiveRank: 20,
  loss: 0.12,
  activeShare: 1,
  margin: 0.2,
  dimensions: 128,
  strategy: 'semi-hard',
}
const point: Inspection = { ...healthy, meanDistance: 0.002, loss: 0.1999, strategy: 'hard' }

test('a point and a line are collapses, hard batches of a healthy network are not', () => {
  assert.is(diagnose(healthy), undefined)
  assert.is(diagnose({ ...healthy, loss: 0.199 }), undefined)
  assert.is(diagnose({ ...healthy, loss: 0.9, strategy: 'hard' }), undefined)
  assert.match(
    diagnose(point)!,
    /nearly one point: mean squared distance 0\.00200.*loss 0\.200 at a margin of 0\.2, 100 %/,
  )
  assert.match(diagnose(point)!, /hardest negatives alone/)
  assert.match(diagnose({ ...healthy, effectiveRank: 1.2 })!, /one direction or two.*effective rank 1\.2 of 128/)
})

test('it takes several in a row, and starts anew after a diagnosis', () => {
  const guard = new CollapseGuard()
  const answers = Array.from({ length: 2 * patience }, () => guard.inspect(point) !== undefined)
  assert.equal(
    answers,
    answers.map((_, i) => (i + 1) % patience === 0),
  )
  for (let i = 1; i < patience; i++) assert.is(guard.inspect(point), undefined)
  assert.is(guard.inspect(healthy), undefined)
  assert.is(guard.inspect(point), undefined)
  assert.is(guard.suspicious, 1)
})

test('schedules', () => {
  assert.is(parseSchedule('constant')(99, 100), 1)
  const step = parseSchedule('step:0.5@10,20')
  assert.equal(
    [0, 9, 10, 19, 20, 99].map((at) => step(at, 100)),
    [1, 1, 0.5, 0.5, 0.25, 0.25],
  )
  const cosine = parseSchedule('cosine')
  close(cosine(0, 100), 1)
  close(cosine(50, 100), 0.505)
  close(cosine(100, 100), 0.01)
  close(cosine(150, 100), 0.01)
  for (const text of ['linear', 'step:0@5', 'step:0.1', 'step:0.1@', 'step:-1@5', '']) {
    assert.throws(() => parseSchedule(text), /for schedule but received/)
  }
})

test.run()
