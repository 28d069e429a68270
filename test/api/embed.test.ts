import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Model, openModel } from '../../lib/index.js'
import { abortLaterAndLater, turns } from '../support/aborting.js'
import { asPngs, inMemory, openSmall, pixels, rejection, withFolder } from './support.js'

let model: Model
test.before(async () => {
  model = await openSmall()
})
test.after(() => model.dispose())

test('pixels, buffers and files of the same images give the same bytes', async () => {
  const images = pixels(model, 5)
  const pngs = await asPngs(model, images)
  const fromPixels = await model.embed(images)
  assert.is(fromPixels.length, 5 * model.dimensions)
  assert.equal(await model.embed(pngs), fromPixels)
  assert.equal(await model.embed(pngs.map((png) => new Uint8Array(png))), fromPixels)
  await withFolder(Object.fromEntries(pngs.map((png, i) => [`${i}.png`, png])), async (folder) => {
    const paths = pngs.map((_, i) => join(folder, `${i}.png`))
    assert.equal(await model.embed(paths), fromPixels)
    assert.equal(await model.embed([paths[0]!, pngs[1]!]), fromPixels.slice(0, 2 * model.dimensions))
  })
})

test('embeddings have unit length and depend on the image', async () => {
  const embeddings = await model.embed(pixels(model, 3))
  const rows = [0, 1, 2].map((i) => embeddings.subarray(i * model.dimensions, (i + 1) * model.dimensions))
  for (const row of rows) assert.ok(Math.abs(Math.hypot(...row) - 1) < 1e-5)
  assert.is.not(rows[0]!.join(), rows[1]!.join())
})

test('an image embeds to the same bytes alone, and anywhere in a batch of any size', async () => {
  const images = pixels(model, 37)
  const size = images.length / 37
  const all = await model.embed(images)
  for (const [first, count] of [
    [0, 1],
    [36, 1],
    [5, 8],
    [3, 31],
  ] as const) {
    const some = await model.embed(images.subarray(first * size, (first + count) * size))
    assert.equal(some, all.slice(first * model.dimensions, (first + count) * model.dimensions))
  }
})

test('more files than one batch holds', async () => {
  const images = pixels(model, 70)
  assert.equal(await model.embed(await asPngs(model, images)), await model.embed(images))
})

test('out is written and returned', async () => {
  const images = pixels(model, 2)
  const whole = new Float32Array(4 * model.dimensions).fill(7)
  const out = whole.subarray(model.dimensions, 3 * model.dimensions)
  assert.is(await model.embed(images, { out }), out)
  assert.equal(out, await model.embed(images))
  assert.ok(whole.subarray(0, model.dimensions).every((value) => value === 7))
  assert.ok(whole.subarray(3 * model.dimensions).every((value) => value === 7))
})

test('no images give no embeddings', async () => {
  assert.is((await model.embed([])).length, 0)
  assert.is((await model.embed(new Uint8Array(0))).length, 0)
})

const wrong: [string, unknown, object, RegExp][] = [
  ['a number', 1, {}, /a Uint8Array of pixels or an array of image files for images but received 1/],
  ['half an image', new Uint8Array(100), {}, /N x 140 x 116 x 3 = N x 48720 bytes of RGB .* Uint8Array of 100/],
  ['an array with something else', ['a.jpg', 3], {}, /a path or the bytes of an image file for images\[1\]/],
  ['out of another length', [], { out: new Float32Array(3) }, /a Float32Array of 0 .* Float32Array of 3/],
  ['out of another type', [], { out: [] }, /a Float32Array of 0/],
  ['points for other images', ['a.jpg'], { points: [] }, /five points for each of the 1 images/],
  ['a misspelt option', [], { signals: null }, /options\.signals/],
]

for (const [what, images, options, message] of wrong) {
  test(`embed refuses ${what}`, async () => {
    const error = await rejection(model.embed(images as Uint8Array, options))
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  })
}

test('a bad image among good ones rejects and is named', async () => {
  const [good] = await asPngs(model, pixels(model, 1))
  const error = await rejection(model.embed([good!, Buffer.from('not an image')]))
  assert.is(error.code, 'ERR_FACENET_IMAGE_INVALID')
  assert.match(error.message, /images\[1\]/)
  assert.is((await rejection(model.embed(['no/such/image.jpg']))).code, 'ERR_FACENET_IO')
})

test('calls made at once do not mix', async () => {
  const images = pixels(model, 12)
  const size = images.length / 12
  const all = await model.embed(images)
  const each = await Promise.all(
    Array.from({ length: 12 }, (_, i) => model.embed(images.subarray(i * size, (i + 1) * size))),
  )
  assert.equal(Float32Array.from(each.flatMap((row) => [...row])), all)
})

test('aborting ends a call before all images are embedded, with the reason, and the model goes on working', async () => {
  const big = await openModel(inMemory('nn3'))
  const images = pixels(big, 32)
  const out = new Float32Array(32 * big.dimensions)
  await abortLaterAndLater(
    (signal) => big.embed(images, { out: out.fill(0), signal }),
    () => {
      const embedded = Array.from({ length: 32 }, (_, i) => out[i * big.dimensions]).filter((first) => first !== 0)
      assert.ok(embedded.length < 32, 'all images were embedded')
    },
  )
  assert.is((await big.embed(pixels(big, 1))).length, big.dimensions)
  big.dispose()
})

test('a call that waits behind another one aborts at once', async () => {
  const images = pixels(model, 64)
  const first = model.embed(images)
  const abort = new AbortController()
  const second = rejection(model.embed(images, { signal: abort.signal }))
  abort.abort()
  assert.is((await second).code, 'ERR_FACENET_ABORTED')
  assert.is((await first).length, 64 * model.dimensions)
})

test('an aborted signal ends embedding of files', async () => {
  const pngs = await asPngs(model, pixels(model, 4))
  const error = await rejection(model.embed(pngs, { signal: AbortSignal.abort() }))
  assert.is(error.code, 'ERR_FACENET_ABORTED')
})

test('the event loop turns while a batch of 256 is embedded', async () => {
  let embedding = true
  const batch = model.embed(pixels(model, 256)).finally(() => {
    embedding = false
  })
  let count = 0
  for (; embedding; count++) await turns(1)
  await batch
  // A blocked loop would turn once or twice; how long one turn takes is measured in bench.
  assert.ok(count > 100, `${count} turns`)
})

test.run()
