import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { normalisedPlanes } from '../../bench/images.js'
import { exportOnnx } from '../../lib/convert/exporters/onnx.js'
import { mtcnnFrom } from '../../lib/convert/importers/mtcnn.js'
import { importMtcnn } from '../../lib/convert/importers/mtcnn_files.js'
import { WeightsFile } from '../../lib/convert/importers/weights_file.js'
import { type MtcnnStage, mtcnnGraphs } from '../../lib/convert/networks/mtcnn.js'
import { atSize } from '../../lib/convert/networks/resize.js'
import { detectFaces, openDetector, type RgbImage } from '../../lib/detection/index.js'
import { f32Tensor, type Tensor as OwnTensor, weightSource } from '../../lib/files/model/tensor.js'
import { native } from '../../lib/native/addon.js'
import { newCancel } from '../../lib/native/queue.js'
import type { GraphDescription } from '../../types/graph.js'
import { assertFails, data, modelFails, testWith } from '../importers/support.js'
import { type PortWeights, portWeights, runPort } from '../support/mtcnn.js'
import { seeded } from '../support/random.js'
import { agreement, lfw, readLfw } from './lfw.js'

const published = join(data, 'weights/mtcnn_davidsandberg.safetensors')
const port = { pnet: portWeights('pnet', 1), rnet: portWeights('rnet', 2), onet: portWeights('onet', 3) }

const stageTensors = (weights: PortWeights): Map<string, OwnTensor> =>
  new Map(
    Object.entries(weights).flatMap(([layer, parameters]) =>
      Object.entries(parameters).map(([parameter, { shape, data }]) => {
        const name = `${layer.toLowerCase()}.${parameter.replace('weights', 'weight').replace('biases', 'bias')}`
        return [name, f32Tensor(shape, data)] as const
      }),
    ),
  )
const untrained = mtcnnFrom(
  { pnet: stageTensors(port.pnet), rnet: stageTensors(port.rnet), onet: stageTensors(port.onet) },
  'tensorflow',
)

function noise(width: number, height: number, seed = 1): RgbImage {
  const random = seeded(seed)
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.integer(0, 255)) }
}

/** Each output of one image. */
async function runOurs(graph: GraphDescription, image: RgbImage, device: 'cpu' | 'reference'): Promise<Float32Array[]> {
  const options = { device, dtype: 'f32', threads: 1 } as const
  const model = await native().openModel(graph, weightSource(untrained.tensors), options)
  const outputs = model.outputs.map(([height, width, channels]) => new Float32Array(height * width * channels))
  await model.run(image.data, 1, outputs, newCancel())
  model.dispose()
  return outputs
}

/** The same by onnxruntime, N x H x W x C. */
async function runOnnxRuntime(graph: GraphDescription, image: RgbImage): Promise<number[][]> {
  const session = await InferenceSession.create(exportOnnx(graph, untrained.tensors), { intraOpNumThreads: 1 })
  const { height, width } = graph.input
  const input = new Tensor('float32', normalisedPlanes(graph, image.data), [1, 3, height, width])
  const results = await session.run({ [session.inputNames[0]!]: input })
  await session.release()
  return session.outputNames.map((name) => {
    const { data, dims } = results[name]!
    const planes = data as Float32Array
    const channels = dims[1]!
    const pixels = planes.length / channels
    return Array.from(planes, (_, i) => planes[(i % channels) * pixels + Math.floor(i / channels)]!)
  })
}

function assertClose(received: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.is(received.length, expected.length, what)
  const size = Math.max(1, ...Array.from(expected, Math.abs))
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Math.abs(received[i]! - expected[i]!) <= 1e-5 * size, `${what}[${i}] ${received[i]} ${expected[i]}`)
  }
}

const cases: [MtcnnStage, height: number, width: number][] = [
  ['pnet', 12, 12],
  ['pnet', 31, 46],
  ['pnet', 44, 29],
  ['rnet', 24, 24],
  ['onet', 48, 48],
]
for (const [stage, height, width] of cases) {
  test(`${stage} on ${height}x${width} agrees with plain loops over the port's weights, and with onnxruntime`, async () => {
    const graph = atSize(mtcnnGraphs[stage], height, width)
    const image = noise(width, height, 5)
    const loops = runPort(stage, port[stage], image.data, height, width)
    const peer = await runOnnxRuntime(graph, image)
    for (const device of ['cpu', 'reference'] as const) {
      const ours = await runOurs(graph, image, device)
      assert.is(ours.length, stage === 'onet' ? 3 : 2)
      for (const [i, output] of ours.entries()) {
        assertClose(output, loops[i]!, `${device}, plain loops, output ${graph.outputs[i]}`)
        assertClose(output, peer[i]!, `${device}, onnxruntime, output ${graph.outputs[i]}`)
      }
    }
  })
}

test('images smaller than a window hold no face, and images without a face give none', async () => {
  const detector = await openDetector(untrained, { device: 'cpu', threads: 1 })
  const sizes = [
    [1, 1],
    [11, 300],
    [12, 11],
    [4, 4000],
  ] as const
  const found = await detector.detect(sizes.map(([width, height]) => noise(width, height)))
  assert.equal(found, [[], [], [], []])
  assert.equal(await detector.detect([]), [])
  detector.dispose()
})

test('arguments that make no sense', async () => {
  const detector = await openDetector(untrained, { device: 'cpu', threads: 1 })
  const image = noise(20, 20)
  const fails = (action: () => unknown, message: RegExp) => assertFails(action, 'ERR_FACENET_INVALID_ARGUMENT', message)
  for (const scoreThreshold of [-0.1, 1.1, Number.NaN]) {
    await fails(() => detector.detect([image], { scoreThreshold }), /scoreThreshold/)
    await fails(() => detectFaces([image], { model: detector, scoreThreshold }), /scoreThreshold/)
  }
  for (const minSize of [0, -1, Number.NaN]) await fails(() => detector.detect([image], { minSize }), /minSize/)
  await fails(() => detector.detect([{ ...image, width: 21 }]), /images\[0\]\.data/)
  await fails(() => detector.detect([image], { threshold: 1 } as object), /threshold/)
  await fails(() => detectFaces([image], { model: 7 as never }), /model/)
  detector.dispose()
  await assertFails(() => detector.detect([noise(40, 40)]), 'ERR_FACENET_DISPOSED', /disposed/)
})

test('weights of another detector, and a network in the place of another', async () => {
  const { pnet, rnet, onet } = mtcnnGraphs
  await modelFails(() => openDetector({ ...untrained, graphs: { pnet, rnet } }), /the graph onet/)
  await modelFails(() => openDetector({ ...untrained, graphs: { pnet, rnet: pnet, onet } }), /graph rnet/)
  await modelFails(() => openDetector({ ...untrained, detector: 'yunet' }))
  await modelFails(() => openDetector({ ...untrained, tensors: new Map() }), /pnet\/conv1\.weight/)
})

test('abort ends detection: no further network is run', async () => {
  const detector = await openDetector(untrained, { device: 'cpu', threads: 1 })
  const detect = (signal: AbortSignal) => detector.detect([noise(2000, 1500)], { signal })
  // Each run of a network listens to the signal while it waits for its turn, and while it works: it comes in the second.
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  signal.addEventListener = (...listener: Parameters<AbortSignal['addEventListener']>) => {
    AbortSignal.prototype.addEventListener.apply(signal, listener)
    if (++listeners === 4) queueMicrotask(() => controller.abort())
  }
  await assertFails(() => detect(signal), 'ERR_FACENET_ABORTED', /aborted/)
  assert.is(listeners, 4)
  await assertFails(() => detect(AbortSignal.abort()), 'ERR_FACENET_ABORTED', /aborted/)
  detector.dispose()
})

const everything = existsSync(published) ? lfw : published
testWith(everything, "finds the face in 99 of 100 of LFW's crops, where YuNet found it", async () => {
  const known = await readLfw(200, 61)
  const detector = await openDetector(await importMtcnn(new WeightsFile(published)), { device: 'cpu' })
  const found = await detector.detect(known.map(({ image }) => image))
  detector.dispose()
  const { medianIou, medianPointError } = agreement(known, found)
  const hits = known.filter((face, i) => agreement([face], [found[i]!]).medianIou > 0.5).length
  assert.ok(hits / known.length >= 0.99, `${hits} of ${known.length}`)
  // Two detectors draw boxes and place points by different rules: here the median is 0.90, and 3.3 pixels with eyes 43 apart.
  assert.ok(medianIou > 0.85, `median IoU ${medianIou}`)
  assert.ok(medianPointError < 4, `median distance of points ${medianPointError}`)
})

testWith(everything, 'a face at the border, at another scale, several at once, and none on noise', async () => {
  const [{ image }] = (await readLfw(1, 1)) as [Awaited<ReturnType<typeof readLfw>>[0]]
  const detector = await openDetector(await importMtcnn(new WeightsFile(published)), { device: 'cpu' })
  const [whole] = (await detector.detect([image]))[0]!
  const { width, height } = image
  const pasted = (across: number, down: number, dx = 0, dy = 0): RgbImage => {
    const data = new Uint8Array(width * across * height * down * 3)
    for (let y = 0; y < height * down; y++) {
      for (let x = 0; x < width * across; x++) {
        const [u, v] = [(x + dx) % width, (y + dy) % height]
        data.set(image.data.subarray((v * width + u) * 3, (v * width + u) * 3 + 3), (y * width * across + x) * 3)
      }
    }
    return { data, width: width * across, height: height * down }
  }
  const [many] = await detector.detect([pasted(3, 2)])
  assert.is(many!.filter(({ score }) => score > 0.9).length, 6)
  for (const { box } of many!) {
    const [x, y] = [box.x % width, box.y % height]
    assert.ok(Math.abs(x - whole!.box.x) < 8 && Math.abs(y - whole!.box.y) < 8, `${x} ${y}`)
  }
  // The left fifth of the face is cut off.
  const cut = Math.round(whole!.box.x + whole!.box.width / 5)
  const rest: RgbImage = { width: width - cut, height, data: new Uint8Array((width - cut) * height * 3) }
  for (let y = 0; y < height; y++) {
    rest.data.set(image.data.subarray((y * width + cut) * 3, (y + 1) * width * 3), y * rest.width * 3)
  }
  const [atBorder] = await detector.detect([rest])
  assert.is(atBorder!.length, 1)
  assert.ok(atBorder![0]!.box.x < 5, `${atBorder![0]!.box.x}`)
  assert.equal(await detector.detect([noise(200, 200)]), [[]])
  assert.equal(await detector.detect([image], { minSize: 190 }), [[]])
  assert.equal(await detector.detect([image], { scoreThreshold: 1 }), [[]])
  detector.dispose()
})

test.run()
