import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cell, HalvedImage, pyramidLevels, step, tilesBySize } from '../../lib/detection/pyramid.js'
import { warp } from '../../lib/images/warp.js'
import { seeded } from '../support/random.js'

const sizes = [
  { width: 250, height: 250 },
  { width: 1920, height: 1080 },
  { width: 13, height: 700 },
  { width: 4000, height: 3000 },
]

test('levels begin where a face of the least size fills a window, each half the area of the last, and end before they are smaller than one', () => {
  const levels = pyramidLevels({ width: 250, height: 250 }, 20)
  assert.is(levels.length, 8)
  assert.equal(levels[0], { shrinkX: 250 / 150, shrinkY: 250 / 150, columns: 70, rows: 70 })
  for (const [i, { shrinkX }] of levels.slice(1).entries()) {
    const ratio = levels[i]!.shrinkX / shrinkX
    assert.ok(Math.abs(ratio - 0.709) < 0.08, `${ratio}`)
  }
  for (const size of sizes) {
    for (const { shrinkX, shrinkY, columns, rows } of pyramidLevels(size, 20)) {
      assert.ok(columns >= 1 && rows >= 1)
      assert.ok(Math.abs(((columns - 1) * step + cell) * shrinkX - size.width) < 1e-9)
      assert.ok(Math.abs(((rows - 1) * step + cell) * shrinkY - size.height) < 1e-9)
    }
  }
})

test('there are none in an image without room for a window, nor above its size', () => {
  for (const size of [
    { width: 1, height: 1 },
    { width: 11, height: 5000 },
  ]) {
    assert.equal(pyramidLevels(size, 20), [])
  }
  assert.equal(pyramidLevels({ width: 250, height: 250 }, 300), [])
  assert.is(pyramidLevels({ width: 250, height: 250 }, 250).length, 1)
  // Windows are never larger than the image's own pixels.
  assert.equal(pyramidLevels({ width: 50, height: 50 }, 1), pyramidLevels({ width: 50, height: 50 }, 12))
})

test('tiles hold every window of every level once, in few sizes', () => {
  for (const size of sizes) {
    const levels = pyramidLevels(size, 20)
    const seen = levels.map(({ columns, rows }) => new Uint8Array(columns * rows))
    const groups = tilesBySize(levels)
    assert.ok(groups.length <= levels.length, `${groups.length} sizes for ${levels.length} levels`)
    for (const tiles of groups) {
      for (const tile of tiles) {
        assert.is(`${tile.width}x${tile.height}`, `${tiles[0]!.width}x${tiles[0]!.height}`)
        assert.ok((tile.columns - 1) * step + cell <= tile.width && (tile.rows - 1) * step + cell <= tile.height)
        for (let row = tile.row; row < tile.row + tile.rows; row++) {
          for (let column = tile.column; column < tile.column + tile.columns; column++) {
            seen[tile.level]![row * levels[tile.level]!.columns + column]!++
          }
        }
      }
    }
    assert.ok(seen.every((level) => level.every((times) => times === 1)))
  }
})

/** A slope of brightness, so that a pixel's value tells where it came from. */
function slope(width: number, height: number) {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([x, y, 128], (y * width + x) * 3)
  }
  return { data, width, height }
}

test('a crop shows its place of the image whichever half it is read from', async () => {
  const halved = new HalvedImage(slope(255, 251))
  const out = new Uint8Array(10 * 10 * 3)
  for (const shrink of [0.5, 1, 1.7, 2, 3.9, 4, 7.3, 20]) {
    const [left, top] = [30.5, 41.25]
    await warp([await halved.crop(left, top, shrink, shrink)], { width: 10, height: 10 }, out)
    for (const pixel of [0, 9, 90, 99]) {
      const [x, y] = [left + ((pixel % 10) + 0.5) * shrink - 0.5, top + (Math.floor(pixel / 10) + 0.5) * shrink - 0.5]
      const [red, green, blue] = out.subarray(pixel * 3, pixel * 3 + 3)
      if (x > 254 || y > 250) continue
      // Each halving rounds to whole brightness.
      assert.ok(Math.abs(red! - x) <= 1.5 && Math.abs(green! - y) <= 1.5, `${shrink}: ${red} ${green} at ${x} ${y}`)
      assert.is(blue, 128)
    }
  }
})

test('beyond the image it is black', async () => {
  const random = seeded(1)
  const data = Uint8Array.from({ length: 40 * 30 * 3 }, () => random.integer(1, 255))
  const halved = new HalvedImage({ data, width: 40, height: 30 })
  const out = new Uint8Array(24 * 24 * 3)
  await warp([await halved.crop(-100, -100, 2, 2)], { width: 24, height: 24 }, out)
  assert.ok(out.every((value) => value === 0))
})

test.run()
