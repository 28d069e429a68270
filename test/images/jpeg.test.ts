/** JPEGs that the addon decodes: the pixels that sharp makes of them, and what is left to sharp. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import sharp, { type Sharp } from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { decode, readImageSize } from '../../lib/images/decode.js'
import type { Region } from '../../lib/images/geometry.js'
import { decodeImage } from '../../lib/images/index.js'
import { decodeJpeg, displayedSize } from '../../lib/images/jpeg.js'
import { plainJpeg } from '../../lib/images/jpeg_header.js'
import type { RawImage } from '../../lib/images/warp.js'
import { native } from '../../lib/native/addon.js'
import { openSource } from '../../lib/sources/index.js'
import { abortLaterAndLater } from '../support/aborting.js'
import { seeded } from '../support/random.js'

const library = native().info().jpeg
const data = process.env.FACENET_DATA ?? fileURLToPath(new URL('../../../shared/data', import.meta.url))
/** Tests of what only an addon with libjpeg-turbo does. */
const testAddon = library
  ? test
  : (name: string, _: () => unknown) => test(`skipped, as the addon is without libjpeg-turbo: ${name}`, () => {})

const [width, height] = [93, 61]
const waves = Uint8Array.from({ length: width * height * 3 }, (_, i) => 128 + 90 * Math.sin(i / 17) + ((i * 7919) % 31))
const picture = () => sharp(waves, { raw: { width, height, channels: 3 } })

/** As sharp decodes it. */
async function bySharp(bytes: Uint8Array): Promise<RawImage> {
  const { data, info } = await sharp(bytes, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#000' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

/** As the addon decodes it; undefined where it is left to sharp. */
async function inAddon(bytes: Uint8Array, region?: Region): Promise<RawImage | undefined> {
  const header = plainJpeg(bytes)
  return header && decodeJpeg(bytes, header, region ?? { left: 0, top: 0, ...displayedSize(header) })
}

function leftToSharp(ours: RawImage | undefined, what: string): void {
  assert.ok(!ours, `${what}: decoded by the addon`)
}

function same(ours: RawImage | undefined, theirs: RawImage, what: string): void {
  assert.ok(ours, `${what}: left to sharp`)
  assert.equal([ours.width, ours.height], [theirs.width, theirs.height], what)
  assert.is(Buffer.compare(ours.data, theirs.data), 0, `${what}: other pixels than sharp's`)
}

testAddon('photographs have the pixels that sharp makes of them', async () => {
  for (const archive of ['lfw/lfw.tar', 'train/celeba128.tar', 'train/ytf128.tar']) {
    const path = `${data}/${archive}`
    if (!existsSync(path)) return console.log(`skipped: ${path} is not there`)
    let i = 0
    for await (const { path: name, read } of openSource(path)) {
      if (i++ % 100 !== 0) continue
      const bytes = await read()
      same(await inAddon(bytes), await bySharp(bytes), name)
    }
  }
})

testAddon('so have all kinds of JPEG that cameras and programs write', async () => {
  const grey = () => picture().greyscale()
  const kinds: [string, Sharp][] = []
  for (const quality of [20, 80, 100]) {
    for (const progressive of [false, true]) {
      for (const chromaSubsampling of ['4:4:4', '4:2:0']) {
        const options = { quality, progressive, chromaSubsampling }
        kinds.push([JSON.stringify(options), picture().jpeg(options)])
      }
      kinds.push([`grey ${quality}`, grey().jpeg({ quality, progressive })])
    }
    kinds.push([`mozjpeg ${quality}`, picture().jpeg({ quality, mozjpeg: true })])
  }
  for (const [name, kind] of kinds) {
    const bytes = await kind.toBuffer()
    same(await inAddon(bytes), await bySharp(bytes), name)
  }
})

/** With an EXIF block that says its orientation and nothing else. */
function withExif(jpeg: Buffer, orientation: number, little = true): Buffer {
  const exif = Buffer.alloc(2 + 2 + 6 + 8 + 2 + 12 + 4)
  const short = (value: number, at: number) => (little ? exif.writeUInt16LE(value, at) : exif.writeUInt16BE(value, at))
  const long = (value: number, at: number) => (little ? exif.writeUInt32LE(value, at) : exif.writeUInt32BE(value, at))
  exif.writeUInt16BE(0xffe1, 0)
  exif.writeUInt16BE(exif.length - 2, 2)
  exif.write('Exif\0\0', 4, 'latin1')
  exif.write(little ? 'II' : 'MM', 10, 'latin1')
  short(42, 12)
  long(8, 14)
  short(1, 18)
  short(0x0112, 20)
  short(3, 22)
  long(1, 24)
  short(orientation, 28)
  return Buffer.concat([jpeg.subarray(0, 2), exif, jpeg.subarray(2)])
}

testAddon('every EXIF orientation is applied, to any part of the image', async () => {
  const random = seeded(1)
  for (let orientation = 1; orientation <= 8; orientation++) {
    const bytes = withExif(await picture().jpeg().toBuffer(), orientation, orientation % 2 === 0)
    assert.is(plainJpeg(bytes)?.orientation, orientation)
    const whole = await bySharp(bytes)
    const size = { width: whole.width, height: whole.height }
    assert.equal(size, orientation < 5 ? { width, height } : { width: height, height: width })
    assert.equal(await readImageSize({ bytes, name: 'x' }, {}), size)
    same(await inAddon(bytes), whole, `orientation ${orientation}`)
    for (let i = 0; i < 20; i++) {
      const [left, top] = [random.integer(0, size.width - 1), random.integer(0, size.height - 1)]
      const region = {
        left,
        top,
        width: random.integer(1, size.width - left),
        height: random.integer(1, size.height - top),
      }
      const data = Buffer.concat(
        Array.from({ length: region.height }, (_, y) => {
          const at = ((top + y) * size.width + left) * 3
          return whole.data.subarray(at, at + region.width * 3)
        }),
      )
      const part = await decode({ bytes, name: 'x' }, {}, { size, region })
      same(part, { ...region, data }, `orientation ${orientation}, ${JSON.stringify(region)}`)
    }
  }
})

testAddon('what may come out otherwise is left to sharp, and decoded', async () => {
  const kinds: [string, Buffer][] = [
    ['CMYK', await picture().toColourspace('cmyk').jpeg().toBuffer()],
    ['an ICC profile', await picture().jpeg().withIccProfile('p3').toBuffer()],
    ['an EXIF orientation out of range', withExif(await picture().jpeg().toBuffer(), 9)],
    ['two EXIF blocks', withExif(withExif(await picture().jpeg().toBuffer(), 3), 6)],
    ['PNG', await picture().png().toBuffer()],
  ]
  for (const [name, bytes] of kinds) {
    leftToSharp(await inAddon(bytes), name)
    same(await decodeImage(bytes), await bySharp(bytes), name)
  }
})

/** The first scan of a file: its start marker, its header and its bits. */
function firstScan(file: Buffer): { start: number; end: number } {
  const start = file.indexOf('\xff\xda', 0, 'latin1')
  let end = start + 2
  while (file[end] !== 0xff || file[end + 1] === 0) end++
  return { start, end }
}

testAddon('a file that repeats its scans without end is left to sharp', async () => {
  const file = await picture().jpeg({ mozjpeg: true }).toBuffer()
  const { start, end } = firstScan(file)
  const repeated = (times: number) =>
    Buffer.concat([file.subarray(0, start), ...Array(times).fill(file.subarray(start, end)), file.subarray(end)])
  same(await inAddon(repeated(20)), await bySharp(file), '20 times')
  leftToSharp(await inAddon(repeated(200)), '200 times')
})

testAddon('a second image behind the first, which brightens it, is left to sharp', async () => {
  const file = await picture().jpeg().toBuffer()
  const gainMap = Buffer.concat([file, Buffer.from('\xff\xd8\xff\xe1http://ns.adobe.com/hdr-gain-map/1.0/', 'latin1')])
  leftToSharp(await inAddon(gainMap), 'a gain map')
  same(await inAddon(Buffer.concat([file, file])), await bySharp(file), 'a second one that does not')
})

test('a header that says another size than it did, or more pixels than allowed, is not decoded', async () => {
  const bytes = await picture().jpeg().toBuffer()
  const header = plainJpeg(bytes)!
  assert.equal(header, { width, height, orientation: 1 })
  if (library) {
    const region = { left: 0, top: 0, width: width + 1, height }
    leftToSharp(await decodeJpeg(bytes, { ...header, width: width + 1 }, region), 'another size')
  }
  const error = await decodeImage(bytes, { limitInputPixels: width * height - 1 }).catch((error) => error)
  assert.match(error.message, /megapixels for image but received a larger one/)
})

test('damaged files end as they do in sharp: the same pixels, or an error', async () => {
  const files: Buffer[] = await Promise.all(
    [
      picture().jpeg({ chromaSubsampling: '4:2:0' }),
      picture().jpeg({ chromaSubsampling: '4:4:4', progressive: true }),
      picture().jpeg({ mozjpeg: true }),
      picture().greyscale().jpeg(),
      picture().jpeg().withIccProfile('srgb'),
    ].map((kind) => kind.toBuffer()),
  )
  files[2] = withExif(files[2]!, 6)
  const random = seeded(2)
  const limits = { limitInputPixels: 1e6 }
  let [decoded, refused, added] = [0, 0, 0]
  for (let i = 0; i < 2000; i++) {
    const bytes = mutated(files[i % files.length]!, random)
    const [ours, theirs] = await Promise.all([
      decodeImage(bytes, limits).catch((error) => error),
      sharpWithin(bytes, limits.limitInputPixels).catch(() => undefined),
    ])
    if (theirs) {
      same(ours, theirs, `mutation ${i}`)
      decoded++
      if (library && (await inAddon(bytes))) added++
    } else {
      assert.instance(ours, FaceNetError, `mutation ${i}`)
      assert.is(ours.code, 'ERR_FACENET_IMAGE_INVALID')
      refused++
    }
  }
  assert.ok(decoded > 300 && refused > 300, `${decoded} decoded, ${refused} refused`)
  assert.ok(!library || added > 100, `${added} by the addon`)
})

async function sharpWithin(bytes: Uint8Array, pixels: number): Promise<RawImage> {
  const { width, height } = await sharp(bytes).metadata()
  if (width * height > pixels) throw new Error('too many pixels')
  return bySharp(bytes)
}

/** Other bytes in a few places, a part left out or doubled, or an end too soon. */
function mutated(file: Buffer, random: ReturnType<typeof seeded>): Buffer {
  const kind = random.integer(0, 5)
  const at = random.integer(2, file.length - 1)
  if (kind === 0) return Buffer.from(file.subarray(0, at + 1))
  const length = random.integer(1, 40)
  if (kind === 1) return Buffer.concat([file.subarray(0, at), file.subarray(at + length)])
  if (kind === 2) return Buffer.concat([file.subarray(0, at), file.subarray(Math.max(2, at - length))])
  const copy = Buffer.from(file)
  // Half of the changes go to the headers, which are most of what can be wrong.
  const most = kind === 3 ? Math.min(file.length - 1, 700) : file.length - 1
  for (let i = random.integer(1, 4); i > 0; i--) copy[random.integer(2, most)] = random.integer(0, 255)
  return copy
}

testAddon('an abort ends the decoding of a large image', async () => {
  const side = 3000
  const noise = Buffer.alloc(side * side * 3)
  for (let i = 0; i < noise.length; i++) noise[i] = (i * 7919) >> (i % 7)
  const bytes = await sharp(noise, { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ progressive: true })
    .toBuffer()
  await abortLaterAndLater(
    (signal) => decode({ bytes, name: 'x' }, {}, undefined, signal),
    () => {},
  )
})

testAddon('images that are decoded at once do not disturb each other', async () => {
  const files = await Promise.all([20, 50, 90].map((quality) => picture().jpeg({ quality }).toBuffer()))
  const alone = await Promise.all(files.map(bySharp))
  const together = await Promise.all(Array.from({ length: 60 }, (_, i) => inAddon(files[i % 3]!)))
  for (const [i, image] of together.entries()) same(image, alone[i % 3]!, `image ${i}`)
})

test.run()
