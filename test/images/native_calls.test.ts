/** How many calls into the addon a batch takes, by an addon that counts them, and that their bits are those of one image a call. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { detectInPlace } from '../../lib/detection/own_pixels.js'
import type { DetectedFace, DetectOptions, RgbImage } from '../../lib/detection/types.js'
import type { FaceTarget } from '../../lib/images/index.js'
import loader from '../../lib/native/load.cjs'
import { fakeDetector } from './fake_detector.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-calls-'))
const real = process.env.FACENET_ADDON ?? loader.builtIn(loader.packageRoot())
const wrapper = `
const addon = require(${JSON.stringify(real)})
const calls = (globalThis.facenetCalls = {})
const counted = (key) => (...args) => {
  calls[key] = (calls[key] ?? 0) + 1
  return addon[key](...args)
}
module.exports = new Proxy({}, { get: (_, key) => (typeof addon[key] === 'function' ? counted(key) : addon[key]) })
`
await writeFile(join(folder, 'counting.cjs'), wrapper)
process.env.FACENET_ADDON = join(folder, 'counting.cjs')
const { loadFaceBatch, loadFacesBatch } = await import('../../lib/images/index.js')
const { native } = await import('../../lib/native/addon.js')
const hasJpeg = native().info().jpeg !== null
const { facenetCalls: calls } = globalThis as unknown as { facenetCalls: Record<string, number> }

/** The calls that `work` makes. */
async function callsOf<T>(
  work: () => Promise<T>,
): Promise<{ result: T; crops: number; jpegs: number; decodes: number }> {
  for (const key of Object.keys(calls)) calls[key] = 0
  const result = await work()
  return { result, crops: calls.warp ?? 0, jpegs: calls.cropJpegs ?? 0, decodes: calls.decodeJpegs ?? 0 }
}

/** Photographs with one to three faces that `fakeDetector` finds. */
function photograph(i: number, width = 200, height = 170) {
  const colours = ['#ff0000', '#00ff00', '#0000ff'].slice(0, 1 + (i % 3))
  const composite = colours.map((background, n) => {
    const side = 30 + 4 * i + 6 * n
    return {
      input: { create: { width: side, height: side, channels: 3 as const, background } },
      left: 60 * n,
      top: 10 + i,
    }
  })
  return sharp({ create: { width, height, channels: 3, background: '#888' } }).composite(composite)
}

const target: FaceTarget = { width: 64, height: 56, template: 'dlib', align: 'points' }
const bytes = 64 * 56 * 3
const points = [60, 60, 110, 64, 90, 90, 66, 120, 108, 122]

test('the crops of a batch are one call where they are JPEGs, and one for four others', async () => {
  for (const kind of ['jpeg', 'png'] as const) {
    const inputs = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => ({
        image: { bytes: await photograph(i)[kind]().toBuffer(), name: `${i}` },
        points: points.map((value) => value + i),
      })),
    )
    const out = new Uint8Array(8 * bytes)
    const { result, crops, jpegs } = await callsOf(() => loadFaceBatch(inputs, target, out))
    assert.equal(result, Array(8).fill(undefined))
    assert.equal([crops, jpegs], kind === 'jpeg' && hasJpeg ? [0, 1] : [2, 0])
    for (const [i, input] of inputs.entries()) {
      const alone = new Uint8Array(bytes)
      await loadFaceBatch([input], target, alone)
      assert.equal(out.subarray(i * bytes, (i + 1) * bytes), alone, `${kind} ${i}`)
    }
  }
})

test('bad images of a batch are named, and the others are where they belong', async () => {
  const good = await photograph(1).jpeg().toBuffer()
  const files = [good, good.subarray(0, 400), await photograph(2).png().toBuffer(), Buffer.from('no image'), good]
  const inputs = files.map((bytes, i) => ({ image: { bytes, name: `${i}.jpg` }, points: i === 4 ? undefined : points }))
  const out = new Uint8Array(5 * bytes)
  const errors = (await loadFaceBatch(inputs, target, out)) as ({ argument?: string } | undefined)[]
  assert.equal(
    errors.map((error) => error?.argument),
    [undefined, '1.jpg', undefined, '3.jpg', '4.jpg'],
  )
  for (const i of [0, 2]) {
    const alone = new Uint8Array(bytes)
    await loadFaceBatch([inputs[i]!], target, alone)
    assert.equal(out.subarray(i * bytes, (i + 1) * bytes), alone)
  }
})

/** `fakeDetector` as one of this package's: it is given several images a call. */
function ownDetector() {
  const fake = fakeDetector()
  const detect = (images: readonly RgbImage[], options: DetectOptions): Promise<DetectedFace[][]> =>
    fake.detect(images, options)
  return Object.assign(fake, { [detectInPlace]: detect })
}

test('photographs of one size are looked at together, and the crops of all their faces are one call', async () => {
  const detector = ownDetector()
  const way: FaceTarget = { ...target, align: 'detect', detection: { detector, faces: 'all' } }
  const images = await Promise.all(
    Array.from({ length: 6 }, async (_, i) => {
      const size = i % 2 === 0 ? [200, 170] : [210, 170]
      return {
        bytes: await photograph(i, ...size)
          .png()
          .toBuffer(),
        name: `${i}`,
      }
    }),
  )
  const { result, crops } = await callsOf(() => loadFacesBatch(images, way))
  assert.equal(
    detector.calls.map((call) => call.map(({ width }) => width)),
    [
      [200, 200, 200],
      [210, 210, 210],
    ],
  )
  assert.is(crops, 2)
  for (const [i, image] of images.entries()) {
    const [alone] = await loadFacesBatch([image], way)
    assert.equal(result[i], alone)
    assert.is((alone as { faces: unknown[] }).faces.length, 1 + (i % 3))
  }
})

test('an image without a face, one that is damaged and a detector that fails are said of the image at fault', async () => {
  const images = await Promise.all(
    [0, 1, 2, 3].map(async (i) => ({ bytes: await photograph(i).png().toBuffer(), name: `${i}` })),
  )
  images[1]!.bytes = await sharp({ create: { width: 200, height: 170, channels: 3, background: '#888' } })
    .png()
    .toBuffer()
  images[2]!.bytes = images[2]!.bytes.subarray(0, 300)
  const detector = ownDetector()
  const way: FaceTarget = { ...target, align: 'detect', detection: { detector, faces: 'largest' } }
  const said = async () =>
    (await loadFacesBatch(images, way)).map((result) => ('error' in result ? (result.error as Error).message : 'good'))
  const expected = ['good', /a face in 1 but found none/, /complete image file for 2/, 'good']
  for (const [i, message] of (await said()).entries()) {
    if (typeof expected[i] === 'string') assert.is(message, expected[i])
    else assert.match(message, expected[i] as RegExp)
  }
  const detect = detector[detectInPlace]
  detector[detectInPlace] = async (images, options) => {
    if (images.length > 1 || images[0]!.data[0] === 255) throw new Error('too hard')
    return detect(images, options)
  }
  images[3]!.bytes = await sharp({ create: { width: 200, height: 170, channels: 3, background: '#ff0000' } })
    .png()
    .toBuffer()
  const then = await said()
  assert.equal([then[0], then[3]], ['good', 'too hard'])
})

test.after(() => rm(folder, { recursive: true }))
test.run()
