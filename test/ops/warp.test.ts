/** Affine crops: both backends against plain loops written here. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../lib/native/addon.js'
import type { Crop, DeviceKind } from '../../types/native.js'
import { devices } from '../support/ops.js'
import { integers, seeded } from '../support/random.js'

type Image = Crop['image']
type Map = Crop['map']
interface Size {
  width: number
  height: number
}

function noise(width: number, height: number, seed: number): Image {
  const data = Uint8Array.from(integers(width * height * 3, seeded(seed)), (value) => (value * 37) & 255)
  return { width, height, data }
}

async function warped(crops: Crop[], size: Size, device: DeviceKind): Promise<Uint8Array> {
  const out = new Uint8Array(crops.length * size.width * size.height * 3)
  await native().warp(crops, { ...size, device }, out)
  return out
}

/** The mean of taps x taps bilinear samples for each pixel, unrounded. */
function warpLoop({ image, map }: Crop, size: Size): number[] {
  const { data, width, height } = image
  const taps = Math.max(1, Math.round(Math.sqrt(Math.abs(map.xx * map.yy - map.xy * map.yx))))
  const at = (x: number, y: number, c: number) =>
    data[(Math.min(y, height - 1) * width + Math.min(x, width - 1)) * 3 + c]!
  const sample = (u: number, v: number, c: number) => {
    if (u < -0.5 || v < -0.5 || u > width - 0.5 || v > height - 0.5) return 0
    const [x, y] = [Math.min(Math.max(u, 0), width - 1), Math.min(Math.max(v, 0), height - 1)]
    const [left, top] = [Math.floor(x), Math.floor(y)]
    const [a, b] = [x - left, y - top]
    const above = at(left, top, c) * (1 - a) + at(left + 1, top, c) * a
    return above * (1 - b) + (at(left, top + 1, c) * (1 - a) + at(left + 1, top + 1, c) * a) * b
  }
  return Array.from({ length: size.width * size.height * 3 }, (_, i) => {
    const [column, row, c] = [Math.floor(i / 3) % size.width, Math.floor(i / 3 / size.width), i % 3]
    let sum = 0
    for (let tap = 0; tap < taps * taps; tap++) {
      const x = column + ((tap % taps) + 0.5) / taps - 0.5
      const y = row + (Math.floor(tap / taps) + 0.5) / taps - 0.5
      sum += sample(map.xx * x + map.xy * y + map.x0, map.yx * x + map.yy * y + map.y0, c)
    }
    return sum / taps ** 2
  })
}

/** Turned by `angle`, `scale` image pixels a step, output pixel (0, 0) at (x0, y0). */
const turn = (scale: number, angle: number, x0: number, y0: number): Map => ({
  xx: scale * Math.cos(angle),
  xy: -scale * Math.sin(angle),
  x0,
  yx: scale * Math.sin(angle),
  yy: scale * Math.cos(angle),
  y0,
})

/** Each map, and what it meets in an image of 60 x 50. */
const maps: [string, Map][] = [
  ['well inside', turn(0.8, 0.3, 20, 8)],
  ['enlarged', turn(0.21, -0.7, 25, 30)],
  ['shrunk by 1.4', turn(1.4, 0.1, 6, 5)],
  ['shrunk by 2.5', turn(2.5, -0.2, -3, 4)],
  ['shrunk by 7', turn(7, 0.4, -40, -60)],
  ['over the left and upper edge', turn(1.1, 0.2, -9, -12)],
  ['over the right and lower edge', turn(1.1, 0.2, 44, 30)],
  ['upside down', turn(1, Math.PI, 55.5, 44.5)],
  ['mirrored and sheared', { xx: -0.9, xy: 0.3, x0: 50, yx: 0.1, yy: 1.2, y0: 3 }],
  ['nowhere near', turn(1, 0, 1000, 1000)],
]

const size = { width: 23, height: 19 }

for (const device of devices) {
  for (const [name, map] of maps) {
    test(`warp, ${name} (${device})`, async () => {
      const crop = { image: noise(60, 50, 5), map }
      const expected = warpLoop(crop, size)
      const actual = await warped([crop], size, device)
      // Rounding to whole levels is half a level; fp32 sums on either side of a half are a thousandth more.
      for (const [i, value] of expected.entries()) assert.ok(Math.abs(actual[i]! - value) <= 0.501, `element ${i}`)
    })
  }

  test(`warp of images of one pixel, one row and one column (${device})`, async () => {
    for (const [width, height] of [
      [1, 1],
      [60, 1],
      [1, 50],
      [2, 2],
    ] as const) {
      const crop = { image: noise(width, height, 6), map: turn(0.5, 0.2, -1, -1) }
      const expected = warpLoop(crop, size)
      const actual = await warped([crop], size, device)
      for (const [i, value] of expected.entries()) assert.ok(Math.abs(actual[i]! - value) <= 0.501)
    }
  })

  test(`warp of many crops of several images, over all threads, equals each one alone (${device})`, async () => {
    const images = [noise(200, 170, 7), noise(61, 300, 8)]
    const crops = Array.from({ length: 40 }, (_, i) => ({ image: images[i % 2]!, map: turn(1 + i / 20, i, 40, 60) }))
    const large = { width: 96, height: 100 }
    const together = await warped(crops, large, device)
    const bytes = large.width * large.height * 3
    for (const [i, crop] of crops.entries()) {
      assert.equal(await warped([crop], large, device), together.subarray(i * bytes, (i + 1) * bytes))
    }
  })

  test(`warp by an absurdly coarse map ends (${device})`, async () => {
    const crop = { image: noise(60, 50, 9), map: turn(1e9, 0.3, 0, 0) }
    assert.is((await warped([crop], { width: 2, height: 2 }, device)).length, 12)
  })
}

test('the event loop turns while photographs are cropped', async () => {
  const image = { width: 3000, height: 3000, data: new Uint8Array(3000 * 3000 * 3).fill(100) }
  let done = false
  let turns = 0
  const work = warped([{ image, map: turn(10, 0, 5, 5) }], { width: 290, height: 290 }, 'cpu')
  void work.then(() => {
    done = true
  })
  while (!done) {
    turns++
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(turns > 10, `${turns} turns`)
  assert.ok((await work).every((value) => value === 100))
})

test('what does not fit is refused', async () => {
  const crop = { image: noise(4, 4, 1), map: turn(1, 0, 0, 0) }
  const call = (crops: unknown, out: Uint8Array, device = 'cpu') => {
    return () => native().warp(crops as Crop[], { width: 2, height: 2, device: device as DeviceKind }, out)
  }
  assert.throws(call([crop], new Uint8Array(11)), /out/)
  assert.throws(call([{ ...crop, image: { ...crop.image, width: 5 } }], new Uint8Array(12)), /crops\[0\]\.image\.data/)
  assert.throws(call([{ ...crop, map: { ...crop.map, x0: Number.NaN } }], new Uint8Array(12)), /x0/)
  assert.throws(call([crop], new Uint8Array(12), 'cuda'), /CUDA/)
})

test.run()
