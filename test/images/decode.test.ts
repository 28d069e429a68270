import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { readImageSize } from '../../lib/images/decode.js'
import { decodeImage, type ImageInput } from '../../lib/images/index.js'

/** 5 x 3 pixels, all different. */
const pixels = Uint8Array.from({ length: 5 * 3 * 3 }, (_, i) => (i * 37) % 256)
const picture = () => sharp(pixels, { raw: { width: 5, height: 3, channels: 3 } })
/** Smooth, so that lossy formats come close. */
const smooth = Uint8Array.from({ length: 32 * 24 * 3 }, (_, i) => 40 + Math.floor(i / 3 / 32) * 5 + (i % 3) * 20)
const smoothPicture = () => sharp(smooth, { raw: { width: 32, height: 24, channels: 3 } })

async function failure(input: ImageInput, limits = {}): Promise<FaceNetError> {
  try {
    await decodeImage(input, limits)
  } catch (error) {
    assert.instance(error, FaceNetError)
    return error as FaceNetError
  }
  return assert.unreachable('decoded') as never
}

test('lossless formats give the pixels back', async () => {
  for (const encode of [
    (s: Sharp) => s.png(),
    (s: Sharp) => s.webp({ lossless: true }),
    (s: Sharp) => s.tiff({ compression: 'lzw' }),
  ]) {
    const image = await decodeImage(await encode(picture()).toBuffer())
    assert.equal([image.width, image.height], [5, 3])
    assert.equal(Uint8Array.from(image.data), pixels)
  }
})

test('lossy formats come close', async () => {
  for (const encode of [
    (s: Sharp) => s.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }),
    (s: Sharp) => s.webp({ quality: 95 }),
    (s: Sharp) => s.avif({ quality: 90, chromaSubsampling: '4:4:4' }),
    (s: Sharp) => s.gif(),
  ]) {
    const { data, width, height } = await decodeImage(await encode(smoothPicture()).toBuffer())
    assert.equal([width, height], [32, 24])
    const error = data.reduce((sum, value, i) => sum + Math.abs(value - smooth[i]!), 0) / data.length
    assert.ok(error < 6, `mean error ${error}`)
  }
})

test('grey becomes three equal channels', async () => {
  const grey = Buffer.from([0, 50, 100, 200])
  const image = await decodeImage(
    await sharp(grey, { raw: { width: 4, height: 1, channels: 1 } })
      .png()
      .toBuffer(),
  )
  assert.equal([...image.data], [0, 0, 0, 50, 50, 50, 100, 100, 100, 200, 200, 200])
})

test('16 bits are cut to 8', async () => {
  const deep = Uint16Array.from([0, 257, 0x80ff, 0xffff, 0x1234, 0x5678])
  const png = await sharp(deep, { raw: { width: 2, height: 1, channels: 3 } })
    .toColourspace('rgb16')
    .png()
    .toBuffer()
  assert.is((await sharp(png).metadata()).depth, 'ushort')
  assert.equal([...(await decodeImage(png)).data], [0x00, 0x01, 0x80, 0xff, 0x12, 0x56])
})

test('transparency is laid over black', async () => {
  const rgba = Buffer.from([200, 100, 50, 255, 200, 100, 50, 0])
  const image = await decodeImage(
    await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
      .png()
      .toBuffer(),
  )
  assert.equal([...image.data], [200, 100, 50, 0, 0, 0])
})

test('grey with transparency is laid over black too', async () => {
  const png = await sharp(Buffer.from([90, 255, 90, 0]), { raw: { width: 2, height: 1, channels: 2 } })
    .png()
    .toBuffer()
  assert.equal([...(await decodeImage(png)).data], [90, 90, 90, 0, 0, 0])
})

test('CMYK becomes sRGB', async () => {
  const white = { create: { width: 8, height: 8, channels: 3 as const, background: '#ffffff' } }
  const jpeg = await sharp(white).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()
  assert.is((await sharp(jpeg).metadata()).space, 'cmyk')
  const image = await decodeImage(jpeg)
  assert.is(image.data.length, 8 * 8 * 3)
  assert.ok(image.data.every((value) => value > 245))
})

test('the EXIF orientation is applied', async () => {
  // Orientation 6: the stored rows are to be turned 90 degrees clockwise.
  const turned = await picture().png().withMetadata({ orientation: 6 }).toBuffer()
  const image = await decodeImage(turned)
  assert.equal([image.width, image.height], [3, 5])
  const stored = (x: number, y: number) => pixels.slice((y * 5 + x) * 3, (y * 5 + x) * 3 + 3)
  for (let y = 0; y < 5; ++y) {
    for (let x = 0; x < 3; ++x) {
      assert.equal(Uint8Array.from(image.data.subarray((y * 3 + x) * 3, (y * 3 + x) * 3 + 3)), stored(y, 2 - x))
    }
  }
  assert.equal(await readImageSize({ bytes: turned, name: 'x' }, {}), { width: 3, height: 5 })
})

test('the first frame of an animation is taken', async () => {
  const frames = Buffer.alloc(2 * 2 * 2 * 3)
  frames.fill(255, 12)
  const gif = await sharp(frames, { raw: { width: 2, height: 4, channels: 3, pageHeight: 2 } })
    .gif()
    .toBuffer()
  assert.is((await sharp(gif).metadata()).pages, 2)
  const image = await decodeImage(gif)
  assert.equal([image.width, image.height], [2, 2])
  assert.ok(image.data.every((value) => value === 0))
})

test('what is no image is refused, naming it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-decode-'))
  try {
    const jpeg = await smoothPicture().jpeg().toBuffer()
    const png = await smoothPicture().png().toBuffer()
    const cases: [string, Buffer, RegExp][] = [
      ['empty.jpg', Buffer.alloc(0), /^0 bytes$/],
      ['text.jpg', Buffer.from('this is no picture at all'), /25 bytes starting with "this is no p"/],
      ['cut.jpg', jpeg.subarray(0, jpeg.length - 40), /bytes starting with ffd8/],
      ['cut.png', png.subarray(0, png.length >> 1), /bytes starting with 8950/],
      ['header.jpg', jpeg.subarray(0, 20), /20 bytes/],
    ]
    for (const [name, bytes, received] of cases) {
      const path = join(folder, name)
      await writeFile(path, bytes)
      const error = await failure(path)
      assert.is(error.code, 'ERR_FACENET_IMAGE_INVALID', name)
      assert.is(error.argument, path)
      assert.is(error.expected, 'a complete image file')
      assert.match(error.received!, received)
      assert.match(error.message, path)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('an image above the limit is refused before it is decoded', async () => {
  const png = await picture().png().toBuffer()
  const small = await failure(png, { limitInputPixels: 14 })
  assert.is(small.code, 'ERR_FACENET_IMAGE_INVALID')
  assert.is((await decodeImage(png, { limitInputPixels: 15 })).width, 5)

  // A header of 20,000 x 15,000: the IHDR chunk's type is at byte 12, its checksum behind the 13 bytes it holds.
  png.writeUInt32BE(20_000, 16)
  png.writeUInt32BE(15_000, 20)
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29)
  const error = await failure(png)
  assert.is(error.code, 'ERR_FACENET_IMAGE_INVALID')
  assert.match(error.message, /at most 100 megapixels/)
})

test('a missing file, a wrong argument and a wrong limit are told apart', async () => {
  const missing = await failure('/no/such/file.jpg')
  assert.is(missing.code, 'ERR_FACENET_IO')
  assert.is(missing.argument, '/no/such/file.jpg')
  assert.is(missing.received, 'ENOENT')
  assert.is((await failure(42 as never)).code, 'ERR_FACENET_INVALID_ARGUMENT')
  const png = await picture().png().toBuffer()
  assert.is((await failure(png, { limitInputPixels: 0.5 })).argument, 'limitInputPixels')
})

test.run()
