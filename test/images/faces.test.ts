import sharp, { type Sharp } from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DetectedFace } from '../../lib/detection/types.js'
import { type Detection, type FaceTarget, findFaces, loadFaces, type TemplateName } from '../../lib/images/index.js'
import { batches, type SourceImage } from '../../lib/sources/index.js'
import { fakeDetector } from './fake_detector.js'

type Colour = 'red' | 'green' | 'blue'
const rgb: Record<Colour, { r: number; g: number; b: number }> = {
  red: { r: 255, g: 0, b: 0 },
  green: { r: 0, g: 255, b: 0 },
  blue: { r: 0, g: 0, b: 255 },
}
type Patch = [colour: Colour, left: number, top: number, width: number, height: number]

/** Patches on grey. */
function picture(width: number, height: number, patches: Patch[]): Sharp {
  const background = { r: 128, g: 128, b: 128 }
  const layers = patches.map(([colour, left, top, width, height]) => ({
    input: { create: { width, height, channels: 3 as const, background: rgb[colour] } },
    left,
    top,
  }))
  return sharp({ create: { width, height, channels: 3, background } }).composite(layers)
}

function target(more: Partial<Detection> & { template?: TemplateName } = {}): FaceTarget {
  const { template = 'dlib', ...detection } = more
  return { ...square, align: 'detect', template, detection: { detector: fakeDetector(), faces: 'all', ...detection } }
}
const square = { width: 30, height: 30 }

const box = ({ box: { x, y, width, height } }: DetectedFace) => [x, y, width, height].map(Math.round)

function near(face: DetectedFace, expected: number[], allowed: number, what: string): void {
  const found = box(face)
  const differs = found.some((value, i) => Math.abs(value - expected[i]!) > allowed)
  assert.not(differs, `${what}: expected ${expected} but found ${found}`)
}

/** The part of a crop that is of the colour. */
function share(pixels: Uint8Array, colour: Colour): number {
  const { r, g, b } = rgb[colour]
  let count = 0
  for (let i = 0; i < pixels.length; i += 3) {
    if (Math.hypot(pixels[i]! - r, pixels[i + 1]! - g, pixels[i + 2]! - b) < 60) count++
  }
  return count / (pixels.length / 3)
}

const three: Patch[] = [
  ['red', 10, 20, 40, 40],
  ['green', 90, 15, 60, 60],
  ['blue', 60, 100, 50, 50],
]

test('every face is cut out, the largest first', async () => {
  const faces = await loadFaces(await picture(200, 170, three).png().toBuffer(), target())
  assert.equal(
    faces.map(({ face }) => box(face)),
    [
      [90, 15, 60, 60],
      [60, 100, 50, 50],
      [10, 20, 40, 40],
    ],
  )
  for (const [i, colour] of (['green', 'blue', 'red'] as const).entries()) {
    assert.ok(share(faces[i]!.pixels, colour) > 0.9, colour)
  }
})

test('the largest, or the only one', async () => {
  const file = await picture(200, 170, three).png().toBuffer()
  const largest = await loadFaces(file, target({ faces: 'largest' }))
  assert.equal(
    largest.map(({ face }) => box(face)),
    [[90, 15, 60, 60]],
  )
  const one = await loadFaces(await picture(90, 90, [three[0]!]).png().toBuffer(), target({ faces: 'one' }))
  assert.is(one.length, 1)
  await rejectsWith(loadFaces(file, target({ faces: 'one' }), 'party.png'), 'one face in party.png but found 3')
  const empty = await picture(50, 50, []).png().toBuffer()
  await rejectsWith(loadFaces(empty, target(), 'wall.png'), 'Expected a face in wall.png but found none')
  await rejectsWith(loadFaces(empty, target({ faces: 'one' }), 'wall.png'), 'one face in wall.png but found none')
})

async function rejectsWith(promise: Promise<unknown>, message: string) {
  const error = await promise.then(
    () => assert.unreachable(message),
    (error) => error,
  )
  assert.is(error.code, 'ERR_FACENET_FACE_COUNT')
  assert.ok(error.message.includes(message), error.message)
}

test('boxes are in pixels of the image as displayed, whatever its EXIF orientation', async () => {
  const upright = await picture(120, 80, [['red', 10, 20, 30, 40]])
    .png()
    .toBuffer()
  const raw = sharp(upright)
  /** The inverse of what each orientation tells viewers to do. */
  const stored: Record<number, Sharp> = {
    1: raw.clone(),
    2: raw.clone().flop(),
    3: raw.clone().rotate(180),
    6: raw.clone().rotate(270),
    8: raw.clone().rotate(90),
  }
  for (const [orientation, pixels] of Object.entries(stored)) {
    const turned = await pixels.png().toBuffer()
    const file = await sharp(turned)
      .withMetadata({ orientation: Number(orientation) })
      .jpeg({ quality: 95 })
      .toBuffer()
    const [face] = await findFaces(file, { detector: fakeDetector() })
    assert.ok(face, `orientation ${orientation}`)
    const expected = [10, 20, 30, 40]
    near(face!, expected, 1, `orientation ${orientation}`)
    const [loaded] = await loadFaces(file, target())
    assert.ok(share(loaded!.pixels, 'red') > 0.6, `orientation ${orientation}`)
  }
})

test('alpha, 16 bits and CMYK are as good as RGB', async () => {
  const plain = picture(120, 80, [['red', 10, 20, 40, 40]])
  const png = await plain.png().toBuffer()
  const files = {
    alpha: await sharp(png).ensureAlpha(1).png().toBuffer(),
    '16 bits': await sharp(png).toColourspace('rgb16').png().toBuffer(),
    CMYK: await sharp(png).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer(),
    palette: await sharp(png).png({ palette: true }).toBuffer(),
  }
  assert.is((await sharp(files['16 bits']).metadata()).depth, 'ushort')
  assert.is((await sharp(files.CMYK).metadata()).space, 'cmyk')
  for (const [kind, file] of Object.entries(files)) {
    const [face] = await findFaces(file, { detector: fakeDetector() })
    assert.ok(face, kind)
    near(face!, [10, 20, 40, 40], 1, kind)
  }
})

test('grey and tiny images reach the detector as RGB', async () => {
  const detector = fakeDetector()
  const colours = await picture(40, 30, [['red', 5, 5, 10, 10]])
    .png()
    .toBuffer()
  const grey = await sharp(colours).greyscale().png().toBuffer()
  assert.equal(await findFaces(grey, { detector }), [])
  assert.is(detector.calls[0]![0]!.width, 40)
  const dot = await sharp({ create: { width: 1, height: 1, channels: 3, background: rgb.red } })
    .png()
    .toBuffer()
  const [face] = await loadFaces(dot, target())
  assert.equal(box(face!.face), [0, 0, 1, 1])
})

test('huge images are looked at in fewer pixels, and reported in their own', async () => {
  const detector = fakeDetector()
  const file = await picture(8000, 6001, [['green', 4000, 1000, 1600, 1600]])
    .png({ compressionLevel: 1 })
    .toBuffer()
  const [face] = await findFaces(file, { detector, minSize: 100 })
  const [[seen]] = detector.calls as [[{ width: number; height: number; options: { minSize?: number } }]]
  assert.equal([seen.width, seen.height, seen.options.minSize], [4000, 3001, 50])
  near(face!, [4000, 1000, 1600, 1600], 4, 'huge')
  const [loaded] = await loadFaces(file, target())
  assert.ok(share(loaded!.pixels, 'green') > 0.9)
})

test('a face cut by the border is black where the photograph ends', async () => {
  const detector = fakeDetector()
  const detect = detector.detect.bind(detector)
  // The face reaches 20 pixels over the left edge.
  detector.detect = async (images) =>
    (await detect(images)).map((faces) =>
      faces.map((face) => ({
        ...face,
        box: { ...face.box, x: -20, width: 60 },
        points: face.points.map((value, i) => (i % 2 === 0 ? (value / 40) * 60 - 20 : (value - 10) * 1.5 + 10)),
      })),
    )
  const file = await picture(120, 90, [['red', 0, 10, 40, 40]])
    .png()
    .toBuffer()
  const [loaded] = await loadFaces(file, target({ detector }))
  const black = Array.from({ length: 30 }, (_, y) => loaded!.pixels.subarray(y * 90, y * 90 + 15))
  assert.ok(black.every((row) => row.every((value) => value === 0)))
  assert.ok(loaded!.pixels.some((value) => value > 200))
})

test('margin crops are the box grown, cut at the border, and stretched', async () => {
  const file = await picture(100, 100, [['red', 20, 30, 40, 20]])
    .png()
    .toBuffer()
  const crop = async (template: TemplateName) => (await loadFaces(file, target({ template })))[0]!.pixels
  assert.ok(share(await crop('margin:0'), 'red') > 0.99)
  // 40 x 20 of 60 x 40, and of 60 x 30.
  assert.ok(Math.abs(share(await crop('margin:20'), 'red') - 800 / 2400) < 0.04)
  assert.ok(Math.abs(share(await crop('margin:50%'), 'red') - 800 / 1800) < 0.04)
  // Grown by 100 pixels the box would reach over the left and the upper border: (0..100) x (0..100).
  assert.ok(Math.abs(share(await crop('margin:100'), 'red') - 800 / 10000) < 0.03)
  for (const template of ['margin:', 'margin:-1', 'margin:x', 'nose'] as TemplateName[]) {
    const error = await crop(template).catch((error) => error)
    assert.is(error.argument, 'template', template)
  }
})

test('faces of many images come in order, bad images and images without a face among the failures', async () => {
  const party = await picture(200, 170, three).png().toBuffer()
  const portrait = await picture(60, 60, [['blue', 10, 10, 40, 40]])
    .png()
    .toBuffer()
  const wall = await picture(60, 60, []).png().toBuffer()
  const files: [string, Uint8Array][] = [
    ['party.png', party],
    ['text.jpg', Buffer.from('no image')],
    ['portrait.png', portrait],
    ['wall.png', wall],
    ['again.png', party],
  ]
  async function* source(): AsyncGenerator<SourceImage> {
    for (const [path, bytes] of files) yield { path, read: async () => bytes }
  }
  for (const batchSize of [1, 2, 5, 100]) {
    const paths: string[] = []
    const failures: string[] = []
    for await (const batch of batches(source(), target(), { batchSize })) {
      assert.ok(batch.count <= batchSize)
      assert.is(batch.images.length, batch.count * 30 * 30 * 3)
      assert.is(batch.faces.length, batch.count)
      paths.push(...batch.paths)
      failures.push(...batch.failures.map(({ path, error }) => `${path} ${error.code}`))
    }
    assert.equal(
      paths,
      [0, 1, 2]
        .map((i) => `party.png#${i}`)
        .concat(
          'portrait.png',
          [0, 1, 2].map((i) => `again.png#${i}`),
        ),
    )
    assert.equal(failures, ['text.jpg ERR_FACENET_IMAGE_INVALID', 'wall.png ERR_FACENET_FACE_COUNT'])
  }
})

test.run()
