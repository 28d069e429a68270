/** RetinaFace: files of its layouts against onnxruntime, faces against its published decodings, and bad input. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openDetector } from '../../lib/detection/open.js'
import { openRetinaface } from '../../lib/detection/retinaface.js'
import { SizedNetwork } from '../../lib/detection/sized_network.js'
import type { RgbImage } from '../../lib/detection/types.js'
import { detectorInMemory, readDetector, writeDetector } from '../../lib/files/model/detector_file.js'
import { modelFails } from '../importers/support.js'
import { OnnxNetwork } from '../support/onnx_network.js'
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
import { type RetinafaceLayout, retinafaceOnnx } from './retinaface_files.js'

const minSizes = { 8: [16, 32], 16: [64, 128], 32: [256, 512] } as const
const strides = [8, 16, 32] as const

/** `PriorBox.forward`, `decode` and `decode_landm` of Pytorch_Retinaface, and what detect.py does with them. */
function pytorchFaces([loc, conf, landms]: Float32Array[], width: number, height: number): PlainFace[] {
  const priors: [cx: number, cy: number, w: number, h: number][] = []
  for (const step of strides) {
    for (let i = 0; i < Math.ceil(height / step); i++) {
      for (let j = 0; j < Math.ceil(width / step); j++) {
        for (const side of minSizes[step]) {
          priors.push([((j + 0.5) * step) / width, ((i + 0.5) * step) / height, side / width, side / height])
        }
      }
    }
  }
  const found: PlainFace[] = []
  for (const [i, [cx, cy, w, h]] of priors.entries()) {
    const score = conf![2 * i + 1]!
    if (!(score > 0.6)) continue
    const l = (k: number) => loc![4 * i + k]!
    const [bw, bh] = [w * Math.exp(l(2) * 0.2), h * Math.exp(l(3) * 0.2)]
    const [x1, y1] = [cx + l(0) * 0.1 * w - bw / 2, cy + l(1) * 0.1 * h - bh / 2]
    const points = Array.from(landms!.subarray(10 * i, 10 * i + 10), (v, k) => {
      return k % 2 === 0 ? (cx + v * 0.1 * w) * width : (cy + v * 0.1 * h) * height
    })
    found.push({ sides: [x1 * width, y1 * height, (x1 + bw) * width, (y1 + bh) * height], score, points })
  }
  return plainNms(found, 0.4)
}

/** `_whctrs` and `_mkanchors`: the square of `side` pixels around the middle of pixels 0 to 15, as two corners. */
function mxnetAnchor(side: number): [number, number, number, number] {
  const middle = 0 + 0.5 * (16 - 1)
  return [middle - 0.5 * (side - 1), middle - 0.5 * (side - 1), middle + 0.5 * (side - 1), middle + 0.5 * (side - 1)]
}

/**
 * `generate_anchors_fpn`, `bbox_pred` and `landmark_pred` of insightface's RetinaFace/retinaface.py. Outputs are 1 x C x H x W;
 * anchors are those of scales 32 and 16, of 8 and 4, of 2 and 1 of 16 pixels. The last pixel of a box is its right side there, and
 * its right edge is a pixel further.
 */
function mxnetFaces(outputs: Float32Array[], width: number, height: number): PlainFace[] {
  const found: PlainFace[] = []
  for (const [level, stride] of [32, 16, 8].entries()) {
    const [scores, deltas, marks] = outputs.slice(3 * level, 3 * level + 3) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    const [columns, rows] = [width / stride, height / stride]
    const at = (values: Float32Array, channel: number, place: number) => values[channel * rows * columns + place]!
    for (let place = 0; place < rows * columns; place++) {
      for (const [a, side] of [...minSizes[stride as 8]].reverse().entries()) {
        const score = at(scores, 2 + a, place)
        if (!(score >= 0.5)) continue
        const [sx, sy] = [(place % columns) * stride, Math.floor(place / columns) * stride]
        const [x1, y1, x2, y2] = mxnetAnchor(side)
        const [w, h] = [x2 - x1 + 1, y2 - y1 + 1]
        const [cx, cy] = [x1 + sx + 0.5 * (w - 1), y1 + sy + 0.5 * (h - 1)]
        const d = (k: number) => at(deltas, 4 * a + k, place)
        const [pcx, pcy, pw, ph] = [d(0) * w + cx, d(1) * h + cy, Math.exp(d(2)) * w, Math.exp(d(3)) * h]
        const left = pcx - 0.5 * (pw - 1)
        const top = pcy - 0.5 * (ph - 1)
        const [right, bottom] = [pcx + 0.5 * (pw - 1), pcy + 0.5 * (ph - 1)]
        const points = Array.from({ length: 10 }, (_, k) => {
          return at(marks, 10 * a + k, place) * (k % 2 === 0 ? w : h) + (k % 2 === 0 ? cx : cy)
        })
        found.push({ sides: [left, top, right + 1, bottom + 1], score, points })
      }
    }
  }
  return plainNms(found, 0.4)
}

/** Outputs of ours as one: strides behind each other, N x C as the file has them. */
function joined(names: readonly string[], outputs: readonly Float32Array[], head: string): Float32Array {
  const parts = strides.map((stride) => outputs[names.indexOf(`${head}_${stride}`)]!)
  return Float32Array.from(parts.flatMap((part) => [...part]))
}

function softmaxPairs(values: Float32Array): Float32Array {
  return values.map((value, i) => 1 / (1 + Math.exp(values[i ^ 1]! - value)))
}

const layouts: [string, RetinafaceLayout][] = [
  ['mobilenet0.25, of an open size', {}],
  ['mobilenet0.25, of 640 pixels', { side: 640 }],
  ['resnet50, of an open size', { backbone: 'resnet', gain: 0.001 }],
]
for (const [name, layout] of layouts) {
  test(`${name}: outputs agree with onnxruntime, faces with the published decoding`, async () => {
    const bytes = retinafaceOnnx(layout)
    const image = layout.side ? noise(layout.side, layout.side) : noise(224, 160)
    const theirs = await runOnnx(bytes, networkInput(image, [2, 1, 0], [104, 117, 123], 1))
    const contents = await importBytes(bytes)
    assert.is(contents.detector, 'retinaface')
    assert.ok(contents.check?.checked && contents.check.difference < 1e-5, JSON.stringify(contents.check))

    const file = await detectorInMemory(contents)
    const network = new SizedNetwork(file.graphs.detect!, file.weights, options)
    const ours = await network.run(image.data, 1, [image.height, image.width])
    await network.close()
    const names = contents.graphs.detect!.outputs
    assertNear(joined(names, ours, 'loc'), theirs[0]!, 1e-5, 'boxes')
    assertNear(softmaxPairs(joined(names, ours, 'conf')), theirs[1]!, 1e-5, 'scores')
    assertNear(joined(names, ours, 'landms'), theirs[2]!, 1e-5, 'points')

    if (layout.side) return // Larger than 320 pixels, it is looked at in halves too.
    const expected = pytorchFaces(theirs, image.width, image.height)
    await assertFaces(contents, image, expected)
  })
}

async function assertFaces(contents: Parameters<typeof detectorInMemory>[0], image: RgbImage, expected: PlainFace[]) {
  const detector = openRetinaface(await detectorInMemory(contents), options)
  const [found] = await detector.detect([image])
  await detector.close()
  assert.ok(expected.length > 5, `${expected.length} faces`)
  assertSameFaces(found!, expected, 1e-2)
}

test("insightface's: maps of two classes, anchors around 7.5 pixels, the larger one first", async () => {
  const bytes = retinafaceOnnx({ family: 'mxnet' })
  const image = noise(224, 160)
  const theirs = await runOnnx(bytes, networkInput(image, [0, 1, 2], [0, 0, 0], 1))
  const contents = await importBytes(bytes)
  const heads = [32, 16, 8].flatMap((stride) => ['cls', 'bbox', 'landmark'].map((head) => `${head}_${stride}`))
  assert.equal(contents.graphs.detect!.outputs, heads)
  assert.ok(contents.check?.checked && contents.check.difference < 1e-5, JSON.stringify(contents.check))
  await assertFaces(contents, image, mxnetFaces(theirs, image.width, image.height))
})

test('one file is written, and read again', async () => {
  const contents = await importBytes(retinafaceOnnx({}))
  await withFile(new Uint8Array(), async (path) => {
    const written = await writeDetector(path, contents)
    const { metadata } = await readDetector(path)
    assert.equal([metadata.detector, metadata.fingerprint], ['retinaface', written.fingerprint])
    await using detector = await openDetector(path, { device: 'cpu' })
    assert.equal([detector.name, detector.fingerprint], ['retinaface', written.fingerprint])
    assert.is(detector.smallestFace({ width: 1280, height: 100 }), 32)
  })
})

test('a file that ends in another way is named', async () => {
  const net = new OnnxNetwork(1)
  for (const values of [4, 2, 10])
    net.output(net.rows(net.conv('x', 2 * values, { kernel: 8, stride: 8 }), values), [1, 0, values])
  await modelFails(
    () => importBytes(net.bytes([1, 3, 64, 64])),
    /a Concat of the rows of 3 strides, or a Softmax of one for output/,
  )
  const contents = await importBytes(retinafaceOnnx({}))
  const { detect } = contents.graphs
  const fewer = { ...contents, graphs: { detect: { ...detect!, outputs: detect!.outputs.slice(1) } } }
  await modelFails(() => openDetector(fewer), /80x80x8 for output loc_8 but received none/)
})

test.run()
