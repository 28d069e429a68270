/** What is said of the picture of a face, and what gates leave out of it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkGates, qualityOf, refusedBy } from '../../lib/images/quality.js'
import { templates } from '../../lib/images/templates.js'

const size = { width: 16, height: 16 }
const flat = new Uint8Array(16 * 16 * 3).fill(128)
const checks = flat.map((_, i) => ((Math.floor(i / 3) + Math.floor(i / 48)) % 2) * 255)
const front = templates.arcface112.points
const faceOf = (points: readonly number[]) => ({ box: { x: 0, y: 0, width: 40, height: 50 }, score: 1, points })
const pose = (points: readonly number[]) => qualityOf(faceOf(points), flat, size)
/** The points turned by degrees, clockwise. */
const tilted = (degrees: number) => {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  return front.map((v, i) => (i % 2 === 0 ? c * v - s * front[i + 1]! : s * front[i - 1]! + c * v))
}
const noseMoved = (dx: number, dy: number) => front.map((v, i) => v + (i === 4 ? dx : i === 5 ? dy : 0))

test('a flat crop is not sharp, and one of edges alone is', () => {
  assert.is(pose(front).sharpness, 0)
  assert.ok(qualityOf(faceOf(front), checks, size).sharpness > 100_000)
  assert.is(pose(front).size, 40)
})

test('pose: from the front, tilted, to either side, up and down', () => {
  const { yaw, pitch, roll } = pose(front)
  assert.ok(Math.abs(yaw!) < 3 && Math.abs(pitch!) < 5 && Math.abs(roll!) < 1, JSON.stringify({ yaw, pitch, roll }))
  const turned = pose(tilted(30))
  assert.ok(
    Math.abs(turned.roll! - 30) < 1 && Math.abs(turned.yaw! - yaw!) < 1e-6 && Math.abs(turned.pitch! - pitch!) < 1e-6,
  )
  assert.ok(pose(noseMoved(10, 0)).yaw! > 20 && pose(noseMoved(-10, 0)).yaw! < -20)
  assert.ok(pose(noseMoved(0, -8)).pitch! > 15 && pose(noseMoved(0, 8)).pitch! < -15)
  const none = pose([])
  assert.equal([none.yaw, none.pitch, none.roll], [null, null, null])
})

test('gates say why a face is left out, and nothing of a pose that is not known', () => {
  const quality = { size: 40, sharpness: 12, yaw: -31, pitch: 2, roll: null }
  assert.is(refusedBy({}, quality), undefined)
  assert.is(refusedBy({ minSharpness: 20 }, quality), 'sharpness 12.0 below 20')
  assert.is(refusedBy({ maxYaw: 30 }, quality), 'yaw -31, beyond 30 degrees')
  assert.is(refusedBy({ maxPitch: 3, maxRoll: 1 }, quality), undefined)
  assert.equal(checkGates({ maxYaw: 0 }), { maxYaw: 0 })
  for (const bad of [{ maxYaw: -1 }, { minSharpness: '3' as never }, { maxRoll: Number.NaN }]) {
    assert.throws(() => checkGates(bad), /options\.\w+/)
  }
})

test.run()
