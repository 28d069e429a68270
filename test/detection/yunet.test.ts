/** YuNet: the network against onnxruntime, its faces against the boxes and points of LFW that it made, and bad input. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { headOutputs } from '../../lib/convert/importers/heads.js'
import { WeightsFile } from '../../lib/convert/importers/weights_file.js'
import { importYunet, yunetHeads } from '../../lib/convert/importers/yunet.js'
import { atSize } from '../../lib/convert/networks/resize.js'
import { SizedNetwork } from '../../lib/detection/sized_network.js'
import type { RgbImage } from '../../lib/detection/types.js'
import { openYunet } from '../../lib/detection/yunet.js'
import {
  type DetectorFile,
  detectorInMemory,
  readDetector,
  writeDetector,
} from '../../lib/files/model/detector_file.js'
import { readModel } from '../../lib/files/model/model_file.js'
import type { DeviceKind } from '../../types/native.js'
import { assertFails, data, modelFails, runExported, testWith } from '../importers/support.js'
import { seeded } from '../support/random.js'
import { agreement, lfw, readLfw } from './lfw.js'

const onnx = join(data, 'weights/yunet_n_320_320.onnx')
const options = { device: 'cpu', dtype: 'f32', threads: 2 } as const
const devices: DeviceKind[] = ['reference', 'cpu']

const imported = async () => importYunet(await new WeightsFile(onnx).onnx())
const load = async (): Promise<DetectorFile> => detectorInMemory(await imported())

function noise(width: number, height: number): RgbImage {
  const random = seeded(1)
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.uniform() * 256) }
}

/** N x 3 x H x W, blue, green, red. */
function planes({ data: pixels, width, height }: RgbImage): Float32Array {
  return Float32Array.from({ length: pixels.length }, (_, i) => {
    const [channel, pixel] = [Math.floor(i / (width * height)), i % (width * height)]
    return pixels[pixel * 3 + 2 - channel]!
  })
}

for (const device of devices) {
  testWith(onnx, `its twelve outputs agree with onnxruntime's within 1e-5 of the largest (${device})`, async () => {
    const image = noise(320, 320)
    const session = await ort.InferenceSession.create(onnx, { logSeverityLevel: 3 })
    const expected = await session.run({ input: new ort.Tensor('float32', planes(image), [1, 3, 320, 320]) })
    await session.release()
    const { graphs, weights } = await load()
    const network = new SizedNetwork(graphs.detect!, weights, { ...options, device })
    const outputs = await network.run(image.data, 1, [320, 320])
    network.dispose()
    assert.equal(graphs.detect!.outputs.toSorted(), [...headOutputs(yunetHeads).keys()].sort())
    graphs.detect!.outputs.forEach((name, i) => {
      const reference = expected[name]!.data as Float32Array
      assert.is(outputs[i]!.length, reference.length)
      const largest = reference.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
      const error = reference.reduce((most, value, at) => Math.max(most, Math.abs(value - outputs[i]![at]!)), 0)
      assert.ok(error <= 1e-5 * largest, `${name}: ${error} where the largest is ${largest}`)
    })
  })
}

testWith(onnx, 'exported as ONNX again, upsampling and sigmoids included, onnxruntime computes the same', async () => {
  const { graphs, tensors } = await imported()
  const graph = atSize(graphs.detect!, 64, 96)
  const image = noise(96, 64)
  const exported = await runExported(graph, tensors, image.data, [1, 64, 96, 3], { includePreprocess: true })
  const { weights } = await load()
  const network = new SizedNetwork(graph, weights, options)
  const outputs = await network.run(image.data, 1, [64, 96])
  network.dispose()
  exported.forEach(({ dims, data: values }, output) => {
    const [, channels = 1, height = 1, width = 1] = dims
    const pixels = height * width
    assert.is(outputs[output]!.length, values.length)
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
    values.forEach((value, i) => {
      const ours = outputs[output]![(i % pixels) * channels + Math.floor(i / pixels)]!
      assert.ok(Math.abs(ours - value) <= 1e-5 * largest, `${graph.outputs[output]}[${i}]: ${ours} and ${value}`)
    })
  })
})

testWith(lfw, 'faces of LFW are where the file says: median IoU >= 0.9, points within 2 pixels', async () => {
  const known = await readLfw(200, 61)
  const detector = openYunet(await load(), options)
  const faces = await detector.detect(known.map(({ image }) => image))
  detector.dispose()
  const { found, medianIou, medianPointError } = agreement(known, faces)
  assert.ok(found >= 0.99, `found in ${found}`)
  assert.ok(medianIou >= 0.9, `IoU ${medianIou}`)
  assert.ok(medianPointError <= 2, `points ${medianPointError}`)
})

testWith(lfw, 'a face that is enlarged is found in the same place, and none below minSize', async () => {
  const known = await readLfw(8, 61)
  const detector = openYunet(await load(), options)
  const enlarged = known.map(({ image }) => enlarge(image, 8))
  const faces = await detector.detect(enlarged)
  const scaledBack = faces.map((of) =>
    of.map(({ box: { x, y, width, height }, points, score }) => ({
      box: { x: x / 8, y: y / 8, width: width / 8, height: height / 8 },
      points: points.map((value) => (value + 0.5) / 8 - 0.5),
      score,
    })),
  )
  const { found, medianIou, medianPointError } = agreement(known, scaledBack)
  assert.is(found, 1)
  // The known points were found at the photographs' own size; the network's points move by about 3 pixels with the scale.
  assert.ok(medianIou >= 0.85, `IoU ${medianIou}`)
  assert.ok(medianPointError <= 4, `points ${medianPointError}`)
  for (const [first] of faces) assert.ok(Math.min(first!.box.width, first!.box.height) > 400)
  const none = await detector.detect(enlarged.slice(0, 1), { minSize: 1500 })
  detector.dispose()
  assert.equal(none, [[]])
})

/** Each pixel as factor x factor equal ones. */
function enlarge({ data: pixels, width, height }: RgbImage, factor: number): RgbImage {
  const out = new Uint8Array(pixels.length * factor ** 2)
  for (let y = 0; y < height * factor; y++) {
    for (let x = 0; x < width * factor; x++) {
      const from = (Math.floor(y / factor) * width + Math.floor(x / factor)) * 3
      out.set(pixels.subarray(from, from + 3), (y * width * factor + x) * 3)
    }
  }
  return { data: out, width: width * factor, height: height * factor }
}

testWith(lfw, 'an image has the same faces alone and among others of other sizes', async () => {
  const known = await readLfw(3, 61)
  const detector = openYunet(await load(), options)
  const mixed = [known[0]!.image, noise(41, 7), known[1]!.image, enlarge(known[2]!.image, 3), noise(1, 1)]
  const together = await detector.detect(mixed)
  for (const [i, image] of mixed.entries()) assert.equal(await detector.detect([image]), [together[i]!])
  assert.equal(await detector.detect([]), [])
  detector.dispose()
})

testWith(onnx, 'it is written to a file of ours and read again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-yunet-'))
  try {
    const path = join(folder, 'd.safetensors')
    const contents = await imported()
    const written = await writeDetector(path, contents)
    const { metadata, graphs } = await readDetector(path)
    assert.is(metadata.fingerprint, written.fingerprint)
    assert.is(metadata.detector, 'yunet')
    assert.equal(graphs, JSON.parse(JSON.stringify(contents.graphs)))
    const image = noise(96, 64)
    const detectors = [openYunet(await readDetector(path), options), openYunet(await load(), options)]
    // It has all of the file, whatever sizes are asked for later.
    await rm(path)
    const [fromFile, fromMemory] = await Promise.all(detectors.map((d) => d.detect([image], { scoreThreshold: 0 })))
    for (const detector of detectors) detector.dispose()
    assert.ok(fromFile![0]!.length > 0)
    assert.equal(fromFile, fromMemory)
    await writeDetector(path, contents)
    await modelFails(() => readModel(path), /embeds faces for model but received the detector yunet/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

testWith(onnx, 'bad input is named', async () => {
  const file = await load()
  const detector = openYunet(file, options)
  const image = noise(64, 64)
  const wrong = (action: () => unknown, message: RegExp) => assertFails(action, 'ERR_FACENET_INVALID_ARGUMENT', message)
  await wrong(() => detector.detect([image], { scoreThreshold: 1.5 }), /scoreThreshold/)
  await wrong(() => detector.detect([image], { minSize: 0 }), /minSize/)
  await wrong(() => detector.detect([image], { size: 1 } as never), /options.size/)
  await wrong(() => detector.detect([image, { ...image, width: 63 }]), /images\[1\].data/)
  await wrong(() => detector.detect([{ ...image, height: 0 }]), /images\[0\]/)
  await assertFails(() => detector.detect([image], { signal: AbortSignal.abort() }), 'ERR_FACENET_ABORTED', /aborted/)
  detector.dispose()
  await assertFails(() => detector.detect([image]), 'ERR_FACENET_DISPOSED', /disposed/)
  await modelFails(() => openYunet({ ...file, graphs: {} }, options), /the graph detect/)
  const detect = { ...file.graphs.detect!, outputs: file.graphs.detect!.outputs.slice(1) }
  await modelFails(() => openYunet({ ...file, graphs: { detect } }, options), /output cls_8/)
})

test.run()
