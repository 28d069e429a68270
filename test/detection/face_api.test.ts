/** face-api's detector: its two networks against face-api itself, its faces against those of LFW, and bad input. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp, { type OverlayOptions } from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importFaceApi } from '../../lib/convert/importers/face_api.js'
import { importDetector } from '../../lib/convert/index.js'
import { openFaceApi } from '../../lib/detection/face_api.js'
import { overlap } from '../../lib/detection/nms.js'
import { SizedNetwork } from '../../lib/detection/sized_network.js'
import type { FaceBox, RgbImage } from '../../lib/detection/types.js'
import { detectorInMemory } from '../../lib/files/model/detector_file.js'
import { similarity } from '../../lib/images/geometry.js'
import { detectFaces, openDetector } from '../../lib/index.js'
import type { DeviceKind } from '../../types/native.js'
import { assertFails, data, faceApiManifest, modelFails, testWith } from '../importers/support.js'
import { seeded } from '../support/random.js'
import { agreement, lfw, readLfw } from './lfw.js'

const folder = dirname(faceApiManifest)
const yunetFile = join(data, 'weights/yunet_n_320_320.onnx')
const options = { device: 'cpu', dtype: 'f32', threads: 2 } as const
const devices: DeviceKind[] = ['reference', 'cpu']
const load = async () => detectorInMemory(await importFaceApi(folder))
const peer = fileURLToPath(new URL('face_api_peer.mjs', import.meta.url))

function noise(side: number, seed: number): RgbImage {
  const random = seeded(seed)
  const data = Uint8Array.from({ length: side * side * 3 }, () => random.integer(0, 255))
  return { width: side, height: side, data }
}

testWith(folder, 'both networks agree with face-api itself within 1e-5 of the largest output', async () => {
  const inputs = { detect: noise(224, 1), landmarks: noise(112, 2) }
  const told = Object.entries(inputs).map(([name, { width, data }]) => [name, { side: width, pixels: [...data] }])
  const run = spawnSync(process.execPath, [peer], {
    input: JSON.stringify(Object.fromEntries(told)),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  assert.is(run.status, 0, run.stderr)
  const expected = JSON.parse(run.stdout.slice(run.stdout.lastIndexOf('\n'))) as Record<keyof typeof inputs, number[]>
  const { graphs, weights } = await load()
  for (const device of devices) {
    for (const name of ['detect', 'landmarks'] as const) {
      const { data, width } = inputs[name]
      const network = new SizedNetwork(graphs[name]!, weights, { ...options, device })
      const [output] = await network.run(data, 1, [width, width])
      network.dispose()
      assert.is(output!.length, expected[name].length)
      const largest = expected[name].reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      const error = expected[name].reduce((most, value, i) => Math.max(most, Math.abs(value - output![i]!)), 0)
      assert.ok(error <= 1e-5 * largest, `${name} on ${device}: ${error} where the largest is ${largest}`)
    }
  }
})

/**
 * Its boxes end at the brows where YuNet's end at the hair, so they overlap by half. Its points are made from others of 68, and
 * YuNet's own move by about 3 pixels when it sees the photograph at another scale.
 */
testWith(lfw, 'faces of LFW: found in 99 %, points within 4 pixels of YuNet, without a shift above 2', async () => {
  const known = await readLfw(100, 131)
  const detector = openFaceApi(await load(), options)
  const faces = await detector.detect(known.map(({ image }) => image))
  detector.dispose()
  const { found, medianIou, medianPointError } = agreement(known, faces)
  assert.ok(found >= 0.99, `found in ${found}`)
  assert.ok(medianIou >= 0.5, `IoU ${medianIou}`)
  assert.ok(medianPointError <= 4, `points ${medianPointError}`)
  const pairs = known.flatMap(({ points }, i) => (faces[i]![0] ? [{ ours: faces[i]![0].points, points }] : []))
  for (let value = 0; value < 10; value++) {
    const shift = pairs.reduce((sum, { ours, points }) => sum + ours[value]! - points[value]!, 0) / pairs.length
    assert.ok(Math.abs(shift) <= 2, `value ${value} of the points is off by ${shift} on average`)
  }
  // What alignment sees of it: how much larger, and how far turned, a face comes out.
  const maps = pairs.map(({ ours, points }) => similarity(ours, points))
  const scale = maps.map(({ xx, yx }) => Math.hypot(xx, yx)).sort((a, b) => a - b)
  assert.ok(Math.abs(scale[Math.floor(scale.length / 2)]! - 1) < 0.05, `scale ${scale[Math.floor(scale.length / 2)]}`)
})

testWith(lfw, 'an image has the same faces alone and among others', async () => {
  const known = await readLfw(2, 131)
  const detector = openFaceApi(await load(), options)
  const mixed = [known[0]!.image, noise(40, 3), known[1]!.image, noise(1, 4)]
  const together = await detector.detect(mixed)
  for (const [i, image] of mixed.entries()) assert.equal(await detector.detect([image]), [together[i]!])
  assert.equal(await detector.detect([]), [])
  assert.equal(await detector.detect([known[0]!.image], { minSize: 190 }), [[]])
  detector.dispose()
})

/** Nine photographs of groups in one of 2048 pixels: faces of 3 % of its width. The known ones are where YuNet finds them. */
testWith(yunetFile, 'small faces of a large photograph are found, and nothing else', async () => {
  const [width, height, columns] = [2048, 1365, 3]
  const cell = { width: Math.floor(width / columns), height: Math.floor(height / columns) }
  const photographs = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((n) =>
      sharp(join(folder, `../demo/sample${n}.jpg`))
        .resize(cell)
        .png()
        .toBuffer(),
    ),
  )
  const yunet = await openDetector((await importDetector(yunetFile, { check: false }))!)
  const known = await Promise.all(
    photographs.map(
      async (photograph) => (await detectFaces([photograph], { model: yunet, minSize: 20, scoreThreshold: 0.7 }))[0]!,
    ),
  )
  await yunet.close()
  const layers: OverlayOptions[] = []
  const boxes: FaceBox[] = []
  for (let i = 0; i < columns ** 2; i++) {
    const [left, top] = [(i % columns) * cell.width, Math.floor(i / columns) * cell.height]
    layers.push({ input: photographs[i % 6]!, left, top })
    boxes.push(...known[i % 6]!.map(({ box }) => ({ ...box, x: box.x + left, y: box.y + top })))
  }
  const mosaic = await sharp({ create: { width, height, channels: 3, background: '#777' } })
    .composite(layers)
    .png()
    .toBuffer()
  const detector = openFaceApi(await load(), options)
  const [faces] = await detectFaces([mosaic], { model: detector })
  const near = (box: FaceBox) => boxes.findIndex((other) => overlap(box, other) > 0.25)
  const found = new Set(faces!.map(({ box }) => near(box)))
  assert.is(found.has(-1), false, 'a box without a face')
  assert.ok(boxes.length >= 25 && found.size >= 0.8 * boxes.length, `${found.size} of ${boxes.length}`)
  assert.is(detector.smallestFace({ width: 4096, height: 3000 }), 64)
  assert.equal((await detectFaces([mosaic], { model: detector, minSize: '20%' }))[0], [])
  detector.dispose()
})

testWith(folder, 'bad input is named', async () => {
  const file = await load()
  const detector = openFaceApi(file, options)
  const wrong = (action: () => unknown, message: RegExp) => assertFails(action, 'ERR_FACENET_INVALID_ARGUMENT', message)
  await wrong(() => detector.detect([noise(8, 1)], { scoreThreshold: -1 }), /scoreThreshold/)
  await wrong(() => detector.detect([{ ...noise(8, 1), width: 9 }]), /images\[0\].data/)
  await assertFails(() => detector.detect([], { signal: 1 as never }), 'ERR_FACENET_INVALID_ARGUMENT', /signal/)
  detector.dispose()
  await assertFails(() => detector.detect([noise(8, 1)]), 'ERR_FACENET_DISPOSED', /disposed/)
  const { detect, landmarks } = file.graphs as { detect: never; landmarks: never }
  await modelFails(() => openFaceApi({ ...file, graphs: { detect } }, options), /the graph landmarks/)
  await modelFails(
    () => openFaceApi({ ...file, graphs: { detect: landmarks, landmarks } }, options),
    /outputs of detect/,
  )
})

test('a folder without the weights is named', async () => {
  assert.not(existsSync(join(folder, 'none')))
  await assertFails(() => importFaceApi(join(folder, 'none')), 'ERR_FACENET_IO', /tiny_face_detector/)
})

test.run()
