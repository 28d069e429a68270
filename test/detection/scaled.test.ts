/** Scales and tiles: how often a network looks at an image, and that every place of it is one tile's own. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkMinSize, minPixels } from '../../lib/detection/min_size.js'
import { type ScaledImage, scaledBatches, unscaledBox } from '../../lib/detection/scaled.js'

const image = (width: number, height: number) => ({ data: new Uint8Array(width * height * 3), width, height })

async function looks(width: number, height: number, longest: number): Promise<ScaledImage[]> {
  const rule = { multiple: 32, coarsest: 128, longestOf: () => longest }
  const all: ScaledImage[] = []
  for await (const batch of scaledBatches([image(width, height)], rule)) {
    const [{ scaled: first }] = batch as [(typeof batch)[0]]
    for (const { scaled } of batch) assert.equal([scaled.width, scaled.height], [first.width, first.height])
    all.push(...batch.map(({ scaled }) => scaled))
  }
  return all
}

const sizes = (all: ScaledImage[]) => all.map(({ width, height }) => `${width}x${height}`)

test('a scale that fits goes through a network whole, a larger one in tiles of one size', async () => {
  assert.equal(sizes(await looks(400, 300, 416)), ['416x320', '224x160', '128x96'])
  const large = await looks(2048, 1536, 2048)
  assert.equal(sizes(large).slice(0, 4), new Array(4).fill('1120x864'))
  assert.equal(sizes(large).slice(4), ['1024x768', '512x384', '256x192', '128x96'])
  assert.ok((await looks(300, 3000, 3000)).every(({ width, height }) => Math.max(width, height) <= 1280))
})

test('every place is one tile’s own, and a face there is whole in it', async () => {
  const tiles = (await looks(2048, 1536, 2048)).slice(0, 4)
  const box = (x: number, y: number, side: number) => ({ x: x - side / 2, y: y - side / 2, width: side, height: side })
  for (let y = 0; y < 1536; y += 29) {
    for (let x = 0; x < 2048; x += 29) {
      const owners = tiles.filter((tile) => unscaledBox(box(x - tile.left, y - tile.top, 190), tile))
      assert.is(owners.length, 1, `${x}, ${y}`)
      const { left, top, width, height } = owners[0]!
      const inside = (place: number, start: number, size: number, side: number) =>
        Math.max(0, place - 95) >= start && Math.min(side, place + 95) <= start + size
      assert.ok(inside(x, left, width, 2048) && inside(y, top, height, 1536), `${x}, ${y}`)
    }
  }
  // Larger ones may be cut: a coarser scale, which is not in tiles, answers for them.
  assert.is(unscaledBox(box(500, 500, 300), tiles[0]!), undefined)
  assert.equal(unscaledBox(box(50, 60, 20), { ...tiles[0]!, left: 100, top: 10 }), {
    x: 140,
    y: 60,
    width: 20,
    height: 20,
  })
})

test('the smallest face is so many pixels, or a share of the longer side', () => {
  const size = { width: 300, height: 4000 }
  assert.equal([minPixels(20, size), minPixels('2.5%', size), minPixels(undefined, size)], [20, 100, undefined])
  for (const wrong of [0, -1, Number.NaN, Infinity, '2', '0%', '101%', '-2%', 'x%', true]) {
    assert.throws(
      () => checkMinSize(wrong),
      /pixels above 0, or a share of the longer side as '2%' for options\.minSize/,
    )
  }
})

test.run()
