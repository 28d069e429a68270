import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Affine, aligned, invert, similarity } from '../../lib/images/geometry.js'
import {
  cropFace,
  decodeImage,
  type FaceTarget,
  loadFace,
  type RawImage,
  templatePoints,
} from '../../lib/images/index.js'
import { warp } from '../../lib/images/warp.js'
import { openSource } from '../../lib/sources/index.js'

const identity: Affine = { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 }

/** Noise, the same every time. */
function noise(width: number, height: number): RawImage {
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  }
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, next) }
}

/** Values that rise evenly to the right and downwards, where bilinear interpolation is exact up to rounding. */
function ramp(width: number, height: number): RawImage {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; ++i) data.set([i % width, Math.floor(i / width), 128], i * 3)
  return { width, height, data }
}

const pixel = (data: Uint8Array, width: number, x: number, y: number) =>
  Array.from(data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3))

async function rejects(action: () => unknown, argument: string): Promise<void> {
  try {
    await action()
  } catch (error) {
    assert.is((error as { argument: string }).argument, argument)
    return
  }
  assert.unreachable(`accepted a bad ${argument}`)
}

test('a similarity is recovered from its points', () => {
  const [scale, angle, dx, dy] = [1.7, 0.4, -12, 31]
  const map = {
    xx: scale * Math.cos(angle),
    xy: -scale * Math.sin(angle),
    x0: dx,
    yx: scale * Math.sin(angle),
    yy: scale * Math.cos(angle),
    y0: dy,
  }
  const from = [10, 12, 40, 9, 26, 30, 14, 44, 37, 46]
  const to = from.map((_, i) => {
    const [x, y] = [from[i & ~1]!, from[i | 1]!]
    return i % 2 === 0 ? map.xx * x + map.xy * y + map.x0 : map.yx * x + map.yy * y + map.y0
  })
  const found = similarity(from, to)
  const back = invert(invert(found))
  for (const key of ['xx', 'xy', 'x0', 'yx', 'yy', 'y0'] as const) {
    assert.ok(Math.abs(found[key] - map[key]) < 1e-12, key)
    assert.ok(Math.abs(back[key] - map[key]) < 1e-12, key)
  }
})

test('no nearby similarity fits noisy points better', () => {
  const from = [10, 12, 40, 9, 26, 30, 14, 44, 37, 46]
  const to = [31, 40, 70, 44, 49, 66, 33, 88, 61, 90]
  const best = similarity(from, to)
  const residual = (c: number, s: number, x0: number, y0: number) => {
    let sum = 0
    for (let i = 0; i < 10; i += 2) {
      sum +=
        (c * from[i]! - s * from[i + 1]! + x0 - to[i]!) ** 2 + (s * from[i]! + c * from[i + 1]! + y0 - to[i + 1]!) ** 2
    }
    return sum
  }
  const least = residual(best.xx, best.yx, best.x0, best.y0)
  for (const step of [-1e-3, 1e-3]) {
    assert.ok(residual(best.xx + step, best.yx, best.x0, best.y0) > least)
    assert.ok(residual(best.xx, best.yx + step, best.x0, best.y0) > least)
    assert.ok(residual(best.xx, best.yx, best.x0 + step, best.y0) > least)
    assert.ok(residual(best.xx, best.yx, best.x0, best.y0 + step) > least)
  }
})

test('the identity is exact, edges included', async () => {
  const image = noise(17, 11)
  const out = new Uint8Array(image.data.length)
  await warp([{ image, map: identity }], image, out)
  assert.equal(out, image.data)
})

test('a quarter turn is exact', async () => {
  const image = noise(9, 9)
  const out = new Uint8Array(image.data.length)
  await warp([{ image, map: { xx: 0, xy: 1, x0: 0, yx: -1, yy: 0, y0: 8 } }], image, out)
  for (let y = 0; y < 9; ++y) {
    for (let x = 0; x < 9; ++x) assert.equal(pixel(out, 9, x, y), pixel(image.data, 9, y, 8 - x))
  }
})

test('shrinking by a whole number averages boxes', async () => {
  for (const shrink of [2, 3, 5]) {
    const image = noise(shrink * 7, shrink * 4)
    const out = new Uint8Array(7 * 4 * 3)
    await cropFace(image, { width: 7, height: 4 }, out)
    for (let y = 0; y < 4; ++y) {
      for (let x = 0; x < 7; ++x) {
        for (let c = 0; c < 3; ++c) {
          let sum = 0
          for (let i = 0; i < shrink * shrink; ++i) {
            const [u, v] = [x * shrink + (i % shrink), y * shrink + Math.floor(i / shrink)]
            sum += image.data[(v * image.width + u) * 3 + c]!
          }
          // Half a level of rounding; a hair more where the mean lies halfway and the order of sums decides.
          assert.ok(Math.abs(out[(y * 7 + x) * 3 + c]! - sum / shrink ** 2) < 0.5 + 1e-9)
        }
      }
    }
  }
})

test('interpolation is bilinear, and what lies outside the image is black', async () => {
  const image = ramp(20, 20)
  const out = new Uint8Array(20 * 20 * 3)
  await warp([{ image, map: { ...identity, x0: 0.5, y0: 3 } }], image, out)
  assert.equal(pixel(out, 20, 4, 2), [5, 5, 128])
  assert.equal(pixel(out, 20, 4, 16), [5, 19, 128])
  assert.equal(pixel(out, 20, 4, 17), [0, 0, 0])
})

test('none covers the input and crops the longer side', async () => {
  const image = ramp(40, 20)
  const out = new Uint8Array(10 * 10 * 3)
  await cropFace(image, { width: 10, height: 10, align: 'none' }, out)
  // Boxes of 2 x 2 from column 10 on: their means lie half a level above the even number, and are rounded up.
  assert.equal(pixel(out, 10, 0, 0), [11, 1, 128])
  assert.equal(pixel(out, 10, 9, 9), [29, 19, 128])
})

test('center takes the fraction in the middle', async () => {
  const image = ramp(40, 40)
  const out = new Uint8Array(20 * 20 * 3)
  await cropFace(image, { width: 20, height: 20, align: 'center', centerFraction: 0.5 }, out)
  assert.equal(pixel(out, 20, 0, 0), [10, 10, 128])
  assert.equal(pixel(out, 20, 19, 19), [29, 29, 128])
})

test('points land on the template', async () => {
  for (const template of ['dlib', 'arcface112'] as const) {
    const target = { width: 112, height: 112 }
    const goal = templatePoints(template, target)
    const turn = { xx: 1.1, xy: -0.3, x0: 70, yx: 0.3, yy: 1.1, y0: 25 }
    const points = goal.map((_, i) => {
      const [x, y] = [goal[i & ~1]!, goal[i | 1]!]
      return i % 2 === 0 ? turn.xx * x + turn.xy * y + turn.x0 : turn.yx * x + turn.yy * y + turn.y0
    })
    const map = aligned(points, goal)
    for (const key of ['xx', 'xy', 'x0', 'yx', 'yy', 'y0'] as const) assert.ok(Math.abs(map[key] - turn[key]) < 1e-9)
    const image = ramp(250, 250)
    const out = new Uint8Array(112 * 112 * 3)
    await cropFace(image, { ...target, align: 'points', template }, out, points)
    const [x, y] = [50, 60]
    const [r, g] = pixel(out, 112, x, y)
    assert.ok(Math.abs(r! - (turn.xx * x + turn.xy * y + turn.x0)) <= 0.51)
    assert.ok(Math.abs(g! - (turn.yx * x + turn.yy * y + turn.y0)) <= 0.51)
  }
})

test('a template scales with the size of the input', () => {
  const [small, large] = [56, 224].map((side) => templatePoints('arcface112', { width: side, height: side }))
  for (let i = 0; i < 10; ++i) assert.ok(Math.abs((small![i]! + 0.5) * 4 - (large![i]! + 0.5)) < 1e-9)
})

test('a large file is decoded in part and reduced, with the same result', async () => {
  // A photograph of 2000 x 1500 that is smooth at the scale of its reduction; the face is 900 pixels wide and tilted.
  const small = noise(12, 9)
  const photograph = await sharp(small.data, { raw: { width: 12, height: 9, channels: 3 } })
    .resize(2000, 1500, { fit: 'fill', kernel: 'cubic' })
    .toBuffer({ resolveWithObject: true })
  const raw = { raw: { width: 2000, height: 1500, channels: 3 as const } }
  const file = await sharp(photograph.data, raw).png({ compressionLevel: 0 }).toBuffer()
  const whole = { data: new Uint8Array(photograph.data), width: 2000, height: 1500 }
  const points = [700, 500, 1050, 560, 850, 720, 660, 850, 960, 900]
  for (const align of ['none', 'center', 'points'] as const) {
    const target: FaceTarget = { width: 96, height: 96, align, template: 'dlib' }
    const [partly, fully] = [new Uint8Array(96 * 96 * 3), new Uint8Array(96 * 96 * 3)]
    await loadFace(file, target, partly, points)
    await cropFace(whole, target, fully, points)
    const differences = partly.map((value, i) => Math.abs(value - fully[i]!))
    const mean = differences.reduce((a, b) => a + b) / differences.length
    // libvips reduces with Lanczos, the warp with boxes: on smooth pictures within a level or so.
    assert.ok(mean < 1, `${align}: mean difference ${mean}`)
    assert.ok(Math.max(...differences) < 12, `${align}: largest difference ${Math.max(...differences)}`)
  }
})

test('options are checked', async () => {
  const image = ramp(20, 20)
  const out = new Uint8Array(10 * 10 * 3)
  const crop = (options: object, points?: number[]) => () =>
    cropFace(image, { width: 10, height: 10, ...options } as FaceTarget, out, points)
  const points = templatePoints('dlib', { width: 10, height: 10 })
  await rejects(crop({ align: 'middle' }), 'align')
  await rejects(crop({ align: 'center', centerFraction: 0 }), 'centerFraction')
  await rejects(crop({ align: 'center', centerFraction: 1.1 }), 'centerFraction')
  await rejects(crop({ align: 'points' }, points), 'template')
  await rejects(crop({ align: 'points', template: 'toString' }, points), 'template')
  await rejects(crop({ align: 'points', template: 'dlib' }), 'image')
  await rejects(crop({ align: 'points', template: 'dlib' }, points.slice(1)), 'points')
  await rejects(crop({ align: 'points', template: 'dlib' }, points.with(3, Number.NaN)), 'points')
  await rejects(crop({ align: 'points', template: 'dlib' }, new Array(10).fill(4)), 'points')
})

const data = process.env.FACENET_DATA ?? '../shared/data'
const reference = join(data, 'fixtures/mobilefacenet/reference.json')

if (!existsSync(reference) || !existsSync(join(data, 'lfw/lfw.tar'))) {
  console.log(`skipped: crops of LFW against those of OpenCV, for want of ${reference}`)
} else {
  test('crops of LFW match those that OpenCV made with the same template', async () => {
    const { items } = JSON.parse(readFileSync(reference, 'utf8')) as { items: { crop: string; lfw: string }[] }
    const wanted = new Map(items.map((item) => [join(data, 'lfw/lfw.tar', item.lfw), item.crop]))
    let compared = 0
    for await (const { path, read, points } of openSource(join(data, 'lfw/lfw.tar'))) {
      const crop = wanted.get(join(path))
      if (!crop) continue
      const out = new Uint8Array(112 * 112 * 3)
      const target = { width: 112, height: 112, align: 'points', template: 'arcface112' } as const
      await loadFace(await read(), target, out, points)
      const { data: theirs } = await decodeImage(join(data, 'fixtures/mobilefacenet', crop))
      // Theirs were cut from the 250-pixel originals: what is outside the archive's 192, black here, has no match.
      const inside = Array.from(out.keys()).filter((i) => out[i] !== 0)
      assert.ok(inside.length > 0.9 * out.length)
      const mean = inside.reduce((sum, i) => sum + Math.abs(out[i]! - theirs[i]!), 0) / inside.length
      // Their points have more digits than the table's one, and OpenCV interpolates in steps of 1/32 pixel.
      assert.ok(mean < 0.5, `${crop}: mean difference ${mean}`)
      ++compared
    }
    assert.is(compared, items.length)
  })
}

test.run()
