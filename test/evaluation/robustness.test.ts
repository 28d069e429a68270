/** What inputs become when they are degraded, and what is measured on them. */
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { degrade, jpegQualities, pixelCounts, reducedSize } from '../../lib/evaluation/degrade.js'
import { publishedRobustness } from '../../lib/evaluation/published.js'
import {
  countDifferent,
  robustnessOfAllPairs,
  robustnessOfListedPairs,
  supportedFar,
} from '../../lib/evaluation/robustness.js'
import { seeded } from '../support/random.js'

const size = { width: 48, height: 60 }
const bytes = size.width * size.height * 3

/** Two images of smooth colours with noise on them. */
function twoImages(): Uint8Array {
  const random = seeded(1)
  return Uint8Array.from({ length: 2 * bytes }, (_, i) => {
    const y = Math.floor((i % bytes) / (size.width * 3))
    return 60 + 2 * y + Math.floor(random.uniform() * 60)
  })
}

const error = (a: Uint8Array, b: Uint8Array) => a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length

test('JPEG: each image is encoded at the quality and decoded again; lower qualities lose more', async () => {
  const images = twoImages()
  const losses: number[] = []
  for (const quality of jpegQualities) {
    const out = (await degrade(images, 2, size, { kind: 'jpeg', quality }))!
    losses.push(error(out, images))
    const encoded = await sharp(images.subarray(bytes), { raw: { ...size, channels: 3 } })
      .jpeg({ quality })
      .toBuffer()
    assert.equal(new Uint8Array(await sharp(encoded).raw().toBuffer()), out.subarray(bytes))
  }
  assert.equal(
    losses,
    losses.toSorted((a, b) => b - a),
  )
  assert.ok(losses.at(-1)! > 0)
})

test('pixels: an area, with the shape kept, and never enlarged', async () => {
  assert.equal(reducedSize({ width: 112, height: 112 }, 1600), { width: 40, height: 40 })
  assert.equal(reducedSize({ width: 116, height: 140 }, 4060), { width: 58, height: 70 })
  assert.is(reducedSize({ width: 112, height: 112 }, 112 * 112), undefined)
  assert.is(reducedSize({ width: 112, height: 112 }, 65_536), undefined)
  assert.equal(reducedSize({ width: 300, height: 1 }, 2), { width: 24, height: 1 })

  const images = twoImages()
  const losses: number[] = []
  for (const pixels of [30, 300, 1500]) {
    const out = (await degrade(images, 2, size, { kind: 'pixels', pixels }))!
    assert.is(out.length, images.length)
    losses.push(error(out, images))
  }
  assert.equal(
    losses,
    losses.toSorted((a, b) => b - a),
  )
  assert.is(await degrade(images, 2, size, { kind: 'pixels', pixels: 6400 }), undefined)
})

test('one pixel is the mean colour of its image, and images do not mix', async () => {
  const images = new Uint8Array(2 * bytes).fill(10).fill(200, bytes)
  const out = (await degrade(images, 2, size, { kind: 'pixels', pixels: 1 }))!
  assert.equal(out, images)
})

test('the FAR: what is asked for, else 1e-3 or the lowest above it that the pairs can show', () => {
  assert.is(supportedFar(3000), 1e-3)
  assert.is(supportedFar(1000), 1e-3)
  assert.is(supportedFar(999), 1e-2)
  assert.is(supportedFar(10), 1e-1)
  assert.is(supportedFar(1_000_000, 1e-6), 1e-6)
  assert.throws(() => supportedFar(9), /FAR 0\.1 needs at least 10 different pairs, and there are 9/)
  assert.throws(() => supportedFar(300, 1e-3), /FAR 0\.001 needs at least 1000 different pairs, and there are 300/)
  assert.throws(() => supportedFar(300, 2), /a rate between 0 and 1/)
})

test('pairs: VAL at the common threshold, its error over folds, and accuracy', async () => {
  // Two folds: same pairs at 1 2 and 1 5, different ones at 4 6 and 3 7. Below 3 lies no different pair; FAR 0.25 allows one.
  const distances = Float64Array.of(1, 2, 4, 6, 1, 5, 3, 7)
  const same = [true, true, false, false, true, true, false, false]
  const folds = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1)
  const strict = await robustnessOfListedPairs({ distances, same, folds }, 0.1)
  assert.equal([strict.val, strict.threshold], [3 / 4, 2.5])
  // Fold 1 accepts both of its same pairs, fold 2 one of two: 1 and 0.5, whose standard error is 0.25.
  assert.ok(Math.abs(strict.valError! - 0.25) < 1e-12)
  const loose = await robustnessOfListedPairs({ distances, same, folds }, 0.25)
  assert.equal([loose.val, loose.threshold], [3 / 4, 3.5])
  // Fold 1 is judged by a threshold of fold 2, (1 + 3) / 2 = 2, which refuses its pair at 2; fold 2 by 3: 3 of 4 each.
  assert.is(strict.accuracy, 3 / 4)
  assert.is(strict.accuracyError, 0)
})

test('people: all pairs of labelled images', async () => {
  const embeddings = Float32Array.of(0, 1, 10, 11)
  const input = { embeddings, dimensions: 1, people: ['a', 'a', 'b', 'b'], paths: ['a/1', 'a/2', 'b/1', 'b/2'] }
  assert.is(countDifferent(input.people), 4)
  const { val, valError, equalErrorRate, accuracy } = await robustnessOfAllPairs(input, 0.1, { device: 'cpu' })
  assert.equal([val, valError, equalErrorRate, accuracy], [1, null, 0, undefined])
})

test('the published figures have a row for each condition', () => {
  const { jpegQuality, pixels } = publishedRobustness
  assert.equal(
    jpegQuality.rows.map(({ at }) => at),
    [...jpegQualities],
  )
  assert.equal(
    pixels.rows.map(({ at }) => at),
    [...pixelCounts],
  )
})

test.run()
