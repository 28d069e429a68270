/** SCRFD: files of its layout against onnxruntime, faces against its published decoding, known patterns, and bad input. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importDetector } from '../../lib/convert/importers/import_detector.js'
import { openDetector } from '../../lib/detection/open.js'
import { openScrfd } from '../../lib/detection/scrfd.js'
import { SizedNetwork } from '../../lib/detection/sized_network.js'
import type { RgbImage } from '../../lib/detection/types.js'
import { detectorInMemory, readDetector, writeDetector } from '../../lib/files/model/detector_file.js'
import { cropFace } from '../../lib/images/face.js'
import { detectFaces } from '../../lib/index.js'
import { facenet } from '../cli/support.js'
import { assertFails, modelFails } from '../importers/support.js'
import {
  assertNear,
  assertSameFaces,
  importBytes,
  networkInput,
  noise,
  options,
  type PlainFace,
  plainNms,
  runOnnx,
  withFile,
} from './published_decoding.js'
import { planted, plantedOnnx, plantedPoints, type ScrfdLayout, scrfdOnnx } from './scrfd_files.js'

/** As insightface prepares it: red, green, blue. */
const blob = (image: RgbImage) => networkInput(image, [0, 1, 2], [127.5, 127.5, 127.5], 1 / 128)

/**
 * `SCRFD.forward` and `detect` of insightface (python-package/insightface/model_zoo/scrfd.py): `distance2bbox`, `distance2kps`,
 * two anchors a place, `nms`.
 */
function publishedFaces(outputs: readonly Float32Array[], width: number, height: number, threshold: number) {
  const found: PlainFace[] = []
  for (const [level, stride] of [8, 16, 32].entries()) {
    const [scores, boxes, kps] = [outputs[level]!, outputs[level + 3]!, outputs[level + 6]]
    const centres: [number, number][] = []
    for (let y = 0; y < Math.floor(height / stride); y++) {
      for (let x = 0; x < Math.floor(width / stride); x++)
        centres.push([x * stride, y * stride], [x * stride, y * stride])
    }
    for (const [i, [px, py]] of centres.entries()) {
      if (!(scores[i]! >= threshold)) continue
      const d = (k: number) => boxes[4 * i + k]! * stride
      const points = kps ? Array.from(kps.subarray(10 * i, 10 * i + 10), (v, k) => (k % 2 ? py : px) + v * stride) : []
      found.push({ sides: [px - d(0), py - d(1), px + d(2), py + d(3)], score: scores[i]!, points })
    }
  }
  return plainNms(found, 0.4)
}

const layouts: [string, ScrfdLayout][] = [
  ['N x C, of an open size', {}],
  ['1 x N x C, of an open size', { batched: true }],
  ['N x C, of 640 pixels', { side: 640 }],
  ['N x C without points', { points: false }],
  ['1 x N x C of dimensions that are all open', { batched: true, stated: false }],
]
for (const [name, layout] of layouts) {
  test(`${name}: outputs agree with onnxruntime, faces with the published decoding`, async () => {
    const bytes = scrfdOnnx(layout)
    const image = layout.side ? noise(layout.side, layout.side) : noise(224, 160)
    const theirs = await runOnnx(bytes, blob(image))
    const contents = await importBytes(bytes)
    assert.is(contents.detector, 'scrfd')
    assert.ok(contents.check?.checked && contents.check.difference < 2e-5, JSON.stringify(contents.check))

    const file = await detectorInMemory(contents)
    const network = new SizedNetwork(file.graphs.detect!, file.weights, options)
    const ours = await network.run(image.data, 1, [image.height, image.width])
    await network.close()
    theirs.forEach((values, i) => {
      assertNear(ours[i]!, values, 1e-5, contents.graphs.detect!.outputs[i]!)
    })
    const heads = layout.points === false ? ['score', 'bbox'] : ['score', 'bbox', 'kps']
    const names = heads.flatMap((head) => [8, 16, 32].map((stride) => `${head}_${stride}`))
    assert.equal(contents.graphs.detect!.outputs, names)

    if (layout.side) return // Larger than 320 pixels, it is looked at in halves too.
    const detector = openScrfd(file, options)
    const expected = publishedFaces(theirs, image.width, image.height, 0.5)
    const [found] = await detector.detect([image])
    await detector.close()
    assert.ok(expected.length > 5, `${expected.length} faces`)
    assertSameFaces(found!, expected, 1e-2)
  })
}

/** A square of the pattern for `stride` whose left top corner is at a place, `scale` times as large. */
function paint(image: RgbImage, stride: keyof typeof planted, column: number, row: number, scale = 1): void {
  const side = stride * scale
  for (let y = row * side; y < (row + 1) * side; y++) {
    for (let x = column * side; x < (column + 1) * side; x++) {
      image.data.set(planted[stride].colour, (y * image.width + x) * 3)
    }
  }
}

const grey = (width: number, height: number): RgbImage => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(90),
})

test('a pattern is found where it is, by the anchor and the stride that answer to it', async () => {
  const contents = await importBytes(plantedOnnx())
  const image = grey(320, 256)
  const places = [
    [8, 12, 7],
    [16, 14, 11],
    [32, 2, 5],
  ] as const
  for (const [stride, column, row] of places) paint(image, stride, column, row)
  await using detector = await openDetector(contents, { device: 'cpu' })
  const [found] = await detector.detect([image])
  const expected = places.map(([stride, column, row]) => {
    const [left, top, right, bottom] = planted[stride].box
    const [x, y] = [column * stride, row * stride]
    return {
      sides: [x - left * stride, y - top * stride, x + right * stride, y + bottom * stride] as PlainFace['sides'],
      score: 1 / (1 + Math.exp(8 - (8 * 255) / 128)),
      points: plantedPoints.map((value, i) => (i % 2 ? y : x) + value * stride),
    }
  })
  const byStride = found!.toSorted((a, b) => a.box.width - b.box.width)
  assertSameFaces(
    byStride,
    expected.toSorted((a, b) => a.sides[2] - a.sides[0] - b.sides[2] + b.sides[0]),
    1e-3,
  )
  assert.equal(await detector.detect([image], { scoreThreshold: 0.9999 }), [[]])
})

test('photographs are brought to 640 pixels, to more of them for a smaller minSize, and to tiles', async () => {
  await using detector = await openDetector(await importBytes(plantedOnnx()), { device: 'cpu' })
  const image = grey(2560, 1920)
  paint(image, 8, 12, 7, 4) // 8 pixels of 640
  paint(image, 8, 200, 101, 1) // 8 pixels of 2560
  const size = { width: image.width, height: image.height }
  assert.is(detector.smallestFace(size), 64)
  assert.is(detector.smallestFace({ width: 600, height: 300 }), 16)
  const boxes = async (minSize?: number) => {
    const [found] = await detector.detect([image], minSize ? { minSize } : {})
    return found!.map(({ box }) => [box.x, box.y, box.width, box.height].map(Math.round))
  }
  // An edge of a scaled box is at (edge + 1/2) x 4 - 1/2.
  assert.equal(await boxes(), [[354, 162, 128, 192]])
  const fine = await boxes(16)
  assert.ok(
    fine.some((box) => box.join() === '1592,792,32,48'),
    JSON.stringify(fine),
  )
  // Those of the smaller square are 32 pixels wide.
  assert.equal(await boxes(64), [[354, 162, 128, 192]])
})

test('a photograph that lies on its side is tried in all ways', async () => {
  const contents = await importBytes(plantedOnnx())
  const image = grey(64, 64)
  paint(image, 8, 3, 4)
  const [[face] = []] = await detectFaces([image], { model: contents, tryRotated: true })
  assert.equal([face!.box.x, face!.box.y, face!.turn], [16, 16, undefined])
})

test('without points, faces go with templates of boxes only', async () => {
  const contents = await importBytes(scrfdOnnx({ points: false }))
  const image = noise(224, 160)
  const [faces] = await detectFaces([image], { model: contents })
  assert.equal(faces![0]!.points, [])
  const out = new Uint8Array(112 * 112 * 3)
  const target = { width: 112, height: 112, align: 'points', template: 'arcface112' } as const
  await assertFails(
    () => cropFace(image, target, out, faces![0]!.points),
    'ERR_FACENET_INVALID_ARGUMENT',
    /five points \(a detector that finds them, or a template of boxes.*received a face without points/,
  )
})

test('facenet import writes one file, which is read again', async () => {
  const bytes = scrfdOnnx()
  await withFile(
    bytes,
    async (path) => {
      const out = path.replace('.onnx', '.safetensors')
      const { stdout, stderr, code } = await facenet('import', path, '--out', out, '--json')
      assert.is(code, 0, stderr)
      const { detector, fingerprint, check } = JSON.parse(stdout)
      assert.equal([detector, check.checked], ['scrfd', true])
      const file = await readDetector(out)
      assert.is(file.metadata.fingerprint, fingerprint)
      const contents = (await importDetector(path, { check: false }))!
      assert.is((await writeDetector(out, contents)).fingerprint, fingerprint)
      const image = noise(96, 64)
      const [read, made] = await Promise.all(
        [out, contents].map((model) => detectFaces([image], { model, scoreThreshold: 0.1 })),
      )
      assert.ok(read![0]!.length > 0)
      assert.equal(read, made)
    },
    'det_10g.onnx',
  )
})

test('what is like it and is not is named', async () => {
  const contents = await importBytes(scrfdOnnx())
  const { detect } = contents.graphs
  const fewer = { ...contents, graphs: { detect: { ...detect!, outputs: detect!.outputs.slice(1) } } }
  await modelFails(() => openDetector(fewer), /80x80x2 for output score_8 but received none/)
  const renamed = { ...contents, detector: 'yunet' as const }
  await modelFails(() => openDetector(renamed), /output cls_8/)
  // Of 616 pixels, the third scale is no half of the second.
  await modelFails(() => importBytes(scrfdOnnx({ side: 616 })), /sizes of Resize \d+ but received 20x20 to 39x39/)
})

test.run()
