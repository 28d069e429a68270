/** What reaches the decoder, what is said of the rest, and how a call ends that waits for it. */
import { setTimeout as wait } from 'node:timers/promises'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { decode } from '../../lib/images/decode.js'
import { kindOf } from '../../lib/images/format.js'
import { decodeImage } from '../../lib/images/index.js'
import { batches, type SourceImage } from '../../lib/sources/index.js'
import { fakeDetector } from './fake_detector.js'

const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251)
const picture = () => sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
const formats = {
  JPEG: await picture().jpeg().toBuffer(),
  PNG: await picture().png().toBuffer(),
  WebP: await picture().webp().toBuffer(),
  GIF: await picture().gif().toBuffer(),
  TIFF: await picture().tiff({ compression: 'lzw' }).toBuffer(),
  AVIF: await picture().avif().toBuffer(),
}
const svg = (start: string) => Buffer.from(`${start}<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"/>`)

async function failure(bytes: Uint8Array, options = {}): Promise<FaceNetError> {
  const error = await decodeImage(bytes, options).catch((error) => error)
  assert.instance(error, FaceNetError)
  return error
}

test('each format is known by its first bytes', () => {
  for (const [name, bytes] of Object.entries(formats)) {
    assert.equal([kindOf(bytes)?.name, kindOf(bytes)?.decodes], [name, true])
    assert.equal(kindOf(bytes.subarray(0, 64))?.name, name)
  }
})

test('SVG and other formats do not reach the decoder, whatever they start with', async () => {
  const cases: [Buffer, RegExp][] = [
    [svg(''), /a JPEG, PNG, WebP, GIF, AVIF or TIFF for image but received SVG or XML: convert it/],
    [svg('<?xml version="1.0"?>'), /SVG or XML/],
    [svg('\ufeff \n<!-- hidden -->'), /SVG or XML/],
    [svg('GIF89a'), /the GIF/],
    [svg('RIFFaaaaWEBP'), /the WebP/],
    [svg('II*\0'), /the TIFF/],
    [svg('text '), /its first bytes are of no JPEG/],
    [
      Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'),
      /received HEIC: convert it to JPEG first \(heif-convert/,
    ],
    [Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isomiso2', 'latin1'), /received video: take images out of it/],
    [Buffer.from('BM and pixels'), /received BMP/],
    [Buffer.from('%PDF-1.7'), /received PDF/],
    [Buffer.from('\xff\x0a', 'latin1'), /received JPEG XL/],
  ]
  for (const [bytes, message] of cases) {
    const error = await failure(bytes)
    assert.is(error.code, 'ERR_FACENET_IMAGE_INVALID')
    assert.match(error.message, message)
  }
})

test('what is wrong with an image is said of this image, however many are decoded at once', async () => {
  const cut = Object.entries(formats).map(([name, bytes]): [string, Buffer] => [
    name,
    bytes.subarray(0, bytes.length >> 1),
  ])
  const alone = []
  for (const [, bytes] of cut) alone.push((await failure(bytes)).message)
  for (const [i, [name]] of cut.entries()) assert.match(alone[i]!, new RegExp(`: the ${name} ends too early`))
  for (let round = 0; round < 5; round++) {
    const together = await Promise.all(cut.map(async ([, bytes]) => (await failure(bytes)).message))
    assert.equal(together, alone)
  }
  const damaged = Buffer.from(formats.PNG)
  for (let i = 60; i < damaged.length - 40; i += 7) damaged[i]! ^= 0x5a
  assert.match((await failure(damaged)).message, /the PNG is damaged, or of a variant/)
})

test('a JPEG that lacks its last bytes is decoded where that is asked for', async () => {
  const cut = formats.JPEG.subarray(0, formats.JPEG.length - 300)
  assert.match((await failure(cut)).message, /the JPEG ends too early; allowTruncated \(--allow-truncated\)/)
  const [whole, part] = [await decodeImage(formats.JPEG), await decodeImage(cut, { allowTruncated: true })]
  assert.equal([part.width, part.height], [64, 64])
  assert.equal(part.data.subarray(0, 64 * 3 * 16), whole.data.subarray(0, 64 * 3 * 16))
  // Of a PNG the option says nothing.
  await failure(formats.PNG.subarray(0, formats.PNG.length >> 1), { allowTruncated: true })
})

test('the limit of pixels is named with the option that raises it', async () => {
  const error = await failure(formats.PNG, { limitInputPixels: 64 * 64 - 1 })
  assert.match(error.message, /limitInputPixels \(--max-megapixels\) allows more/)
  assert.is((await decodeImage(formats.PNG, { limitInputPixels: 64 * 64 })).width, 64)
})

test('an abort does not wait for what decodes', async () => {
  const abort = new AbortController()
  const order: string[] = []
  const decoding = decode({ bytes: formats.AVIF, name: 'x' }, {}, undefined, abort.signal).then(
    () => order.push('decoded'),
    (error) => order.push(error.code),
  )
  abort.abort()
  await decoding
  assert.equal(order, ['ERR_FACENET_ABORTED'])
})

test('an abort does not wait for a file that never comes, in a stream of images', async () => {
  const abort = new AbortController()
  let asked = 0
  async function* images(): AsyncGenerator<SourceImage> {
    for (let i = 0; i < 9; i++) {
      const read = () => {
        asked++
        return new Promise<Uint8Array>(() => {})
      }
      yield { path: `${i}`, read }
    }
  }
  const stream = batches(images(), { width: 4, height: 4 }, { signal: abort.signal })
  const first = stream.next().catch((error) => error)
  await wait(0)
  abort.abort()
  assert.is((await first).code, 'ERR_FACENET_ABORTED')
  assert.ok(asked > 0 && asked < 9)
  // Nor for a source that never gives its next image.
  const stuck = new AbortController()
  async function* never(): AsyncGenerator<SourceImage> {
    await new Promise(() => {})
  }
  const waiting = batches(never(), { width: 4, height: 4 }, { signal: stuck.signal }).next()
  stuck.abort()
  assert.is((await waiting.catch((error) => error)).code, 'ERR_FACENET_ABORTED')
})

test('an image named pic#0 is not taken for the first face of pic', async () => {
  const colours = (...names: string[]) =>
    sharp({ create: { width: 60, height: 40, channels: 3, background: '#ffffff' } })
      .composite(
        names.map((background, i) => ({
          input: { create: { width: 10, height: 10, channels: 3, background } },
          left: 5 + i * 25,
          top: 10,
        })),
      )
      .png()
      .toBuffer()
  const [one, two] = [await colours('#ff0000'), await colours('#ff0000', '#0000ff')]
  async function* images(): AsyncGenerator<SourceImage> {
    yield { path: 'pic#0', read: async () => one }
    yield { path: 'pic', read: async () => two }
  }
  const detection = { detector: fakeDetector(), faces: 'all' as const }
  const target = { width: 4, height: 4, align: 'detect' as const, template: 'dlib' as const, detection }
  for await (const { paths, imagePaths } of batches(images(), target)) {
    assert.equal(paths, ['pic#0', 'pic#0', 'pic#1'])
    assert.equal(imagePaths, ['pic#0', 'pic', 'pic'])
  }
})

test.run()
