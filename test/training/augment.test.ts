/** Crops, flips, colour and JPEG: what each does to pixels, and that the same place gives the same image. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { augment, checkAugmentOptions, noAugmentation, recolour } from '../../lib/training/augment.js'
import { seeded } from '../support/random.js'

const input = { width: 6, height: 5 }
const border = { width: 2, height: 1 }
const [stride, rows] = [10, 7]
/** Every pixel says where it is. */
const face = Uint8Array.from({ length: stride * rows * 3 }, (_, i) => {
  const [pixel, channel] = [Math.floor(i / 3), i % 3]
  return channel === 0 ? pixel % stride : channel === 1 ? Math.floor(pixel / stride) : 7
})

async function made(options: Partial<typeof noAugmentation>, batch = 0, index = 0, seed = 1) {
  const out = new Uint8Array(input.width * input.height * 3)
  await augment(face, border, input, { seed, batch, index }, { ...noAugmentation, ...options }, out)
  return out
}
const at = (pixels: Uint8Array, x: number, y: number) => [...pixels.subarray((y * 6 + x) * 3, (y * 6 + x) * 3 + 3)]

test('with everything off it is the middle', async () => {
  const out = await made({})
  for (let y = 0; y < 5; y++) for (let x = 0; x < 6; x++) assert.equal(at(out, x, y), [x + 2, y + 1, 7])
})

test('crops reach every place of the border and nothing beyond', async () => {
  const places = new Set<string>()
  for (let i = 0; i < 300; i++) {
    const out = await made({ crop: true }, i)
    const [x, y] = at(out, 0, 0)
    assert.equal(at(out, 5, 4), [x! + 5, y! + 4, 7])
    places.add(`${x} ${y}`)
  }
  assert.is(places.size, 5 * 3)
})

test('every second image is mirrored, and only from left to right', async () => {
  let mirrored = 0
  for (let i = 0; i < 200; i++) {
    const out = await made({ flip: true }, 3, i)
    const first = at(out, 0, 0)[0]!
    if (first === 7) {
      mirrored++
      for (let x = 0; x < 6; x++) assert.equal(at(out, x, 2), [7 - x, 3, 7])
    } else assert.is(first, 2)
  }
  assert.ok(mirrored > 70 && mirrored < 130, `${mirrored}`)
})

test('an option that is off does not change what the others draw', async () => {
  for (let i = 0; i < 20; i++) {
    const [crop, both] = [await made({ crop: true }, i), await made({ crop: true, flip: true }, i)]
    const isMirrored = at(both, 0, 0)[0] !== at(crop, 0, 0)[0]
    for (let x = 0; x < 6; x++) assert.equal(at(both, x, 1), at(crop, isMirrored ? 5 - x : x, 1))
  }
})

test('colours change as the formula says', () => {
  const pixels = Uint8Array.from([100, 100, 100, 200, 200, 200])
  recolour(pixels, { brightness: 1, contrast: 0.5, saturation: 1 })
  // Mean grey 150: half the distance to it.
  assert.equal([...pixels], [125, 125, 125, 175, 175, 175])
  recolour(pixels, { brightness: 1.6, contrast: 1, saturation: 1 })
  assert.equal([...pixels], [200, 200, 200, 255, 255, 255])
  const colour = Uint8Array.from([200, 50, 0])
  recolour(colour, { brightness: 1, contrast: 1, saturation: 0 })
  assert.equal([...colour], [89, 89, 89])
  const same = Uint8Array.from([1, 250, 17])
  recolour(same, { brightness: 1, contrast: 1, saturation: 1 })
  assert.equal([...same], [1, 250, 17])
})

test('the same seed, batch and place give the same bytes, others do not; JPEG loses little', async () => {
  const noisy = seeded(5)
  const options = { crop: true, flip: true, colour: 0.3, jpeg: 1 }
  const one = await made(options, 4, 2)
  assert.equal(await made(options, 4, 2), one)
  assert.not.equal(await made(options, 4, 3), one)
  assert.not.equal(await made(options, 5, 2), one)
  assert.not.equal(await made(options, 4, 2, 9), one)
  const flat = new Uint8Array(stride * rows * 3).fill(noisy.integer(60, 200))
  const out = new Uint8Array(input.width * input.height * 3)
  await augment(flat, border, input, { seed: 0, batch: 0, index: 0 }, { ...noAugmentation, jpeg: 1 }, out)
  for (const value of out) assert.ok(Math.abs(value - flat[0]!) <= 8)
})

test('options out of range are refused by name', () => {
  assert.throws(() => checkAugmentOptions({ colour: 1.5 }), /0\.\.1 for options.colour but received 1.5/)
  assert.throws(() => checkAugmentOptions({ jpeg: -1 }), /options.jpeg/)
  assert.throws(() => checkAugmentOptions({ blur: 1 } as object), /options.blur/)
  assert.equal(checkAugmentOptions({}), { crop: true, flip: true, colour: 0.2, jpeg: 0.1 })
})

test.run()
