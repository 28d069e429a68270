/**
 * The pretrained networks of the shared data: what they become, and that they compute what dlib and TensorFlow Lite
 * computed for the same chips, within 1e-5: on every device of the addon, and exported in onnxruntime.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exportOnnx } from '../../lib/convert/exporters/onnx.js'
import { importModel } from '../../lib/convert/importers/import_model.js'
import { type ModelContents, readModel, verifyModel, writeModel } from '../../lib/files/model/model_file.js'
import { weightSource } from '../../lib/files/model/tensor.js'
import { native } from '../../lib/native/addon.js'
import { newCancel } from '../../lib/native/queue.js'
import type { DeviceKind, WeightSource } from '../../types/native.js'
import {
  assertFails,
  countOps,
  data,
  type Fixture,
  faceApiManifest,
  modelFails,
  readFixtures,
  runExported,
  testWith,
} from './support.js'

const weights = join(data, 'weights')
const dlibFile = join(weights, 'dlib_resnet_v1.safetensors')
const mobileFile = join(weights, 'mobilefacenet_192.safetensors')

const importDlib = () =>
  importModel(dlibFile, { graph: graphOf(dlibFile), size: [150, 150], threshold: 0.36, alignment: 'dlib' })
const importMobile = () =>
  importModel(mobileFile, {
    graph: graphOf(mobileFile),
    size: [112, 112],
    color: 'rgb',
    mean: 127.5,
    scale: 0.0078125,
    alignment: 'arcface112',
  })
const graphOf = (file: string) => file.replace(/safetensors$/, 'graph.json')

const dlibOps = {
  preprocess: 1,
  conv2d: 29,
  affine: 29,
  relu: 29,
  max_pool: 1,
  avg_pool: 4,
  zero_pad: 5,
  add: 14,
  global_pool: 1,
  fully_connected: 1,
} as const

testWith(dlibFile, 'dlib_resnet_v1: 29 convolutions, 29 affines, the mean in the preprocessing', async () => {
  const { graph, threshold, license, producer } = await importDlib()
  assert.equal(countOps(graph), dlibOps)
  const [preprocess, first] = graph.nodes
  assert.ok(preprocess?.op === 'preprocess' && first?.op === 'conv2d')
  assert.equal(preprocess.attributes.mean!.map(Math.fround), [122.782, 117.001, 104.298].map(Math.fround))
  assert.equal(preprocess.attributes.scale, [1 / 256])
  for (const node of graph.nodes) if (node.op === 'affine') assert.ok(node.tensors.scale && node.tensors.shift)
  assert.equal(threshold, { value: 0.36, metric: 'squared-l2' })
  assert.is(license, 'CC0-1.0')
  assert.is(producer, 'facenet import')
})

testWith(mobileFile, 'mobilefacenet_192: 33 PReLUs and the norm are recognised', async () => {
  const { graph } = await importMobile()
  assert.equal(countOps(graph), { preprocess: 1, conv2d: 52, prelu: 33, add: 12, l2_normalize: 1 })
})

const models = [
  {
    name: 'dlib_resnet_v1',
    file: dlibFile,
    load: importDlib,
    fixtures: ['dlib', 'chip', 'descriptor'],
    unitLength: false,
  },
  {
    name: 'mobilefacenet_192',
    file: mobileFile,
    load: importMobile,
    fixtures: ['mobilefacenet', 'crop', 'embedding'],
    unitLength: true,
  },
] as const

for (const { name, file, load, fixtures, unitLength } of models) {
  const read = () => readFixtures(fixtures[0], fixtures[1], fixtures[2])

  testWith(file, `${name}: onnxruntime, from our export, agrees with the fixtures within 1e-5`, async () => {
    const { graph, tensors } = await load()
    const chips = await read()
    const { height, width } = graph.input
    const dims = [chips.length, height, width, 3]
    const [output] = await runExported(graph, tensors, joined(chips), dims, { includePreprocess: true })
    assertAgree(output!.data, chips, 1e-5)
  })

  for (const device of devices()) {
    testWith(file, `${name}: ${device} agrees with the fixtures within 1e-5`, async () => {
      const model = await load()
      // The plain loops of the reference take seconds a chip.
      const chips = (await read()).slice(0, device === 'reference' ? 6 : undefined)
      assertAgree(await embed(model, weightSource(model.tensors), chips, device), chips, 1e-5)
    })
  }

  testWith(file, `${name}: as a file of ours, and through ONNX, it gives the same embeddings`, async () => {
    const model = await load()
    const chips = (await read()).slice(0, 4)
    const expected = await embed(model, weightSource(model.tensors), chips, devices().at(-1)!)
    await inFolder(async (folder) => {
      const path = join(folder, `${name}.safetensors`)
      const metadata = await writeModel(path, model)
      assert.is(metadata.unitLength, unitLength)
      assert.equal(await verifyModel(path), metadata)
      const { graph, weights: source } = await readModel(path)
      assert.equal(await embed({ ...model, graph }, source, chips, devices().at(-1)!), expected)
      const onnx = join(folder, `${name}.onnx`)
      await writeFile(onnx, exportOnnx(model.graph, model.tensors, { notes: model }))
      const again = await importModel(onnx)
      assert.equal(countOps(again.graph), countOps(model.graph))
      assert.equal([again.license, again.alignment, again.threshold], [model.license, model.alignment, model.threshold])
      assert.equal(await embed(again, weightSource(again.tensors), chips, devices().at(-1)!), expected)
    })
  })
}

function devices(): DeviceKind[] {
  return ['reference', 'cpu']
}

function joined(chips: readonly Fixture[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chips.map(({ pixels }) => pixels)))
}

async function embed({ graph }: ModelContents, source: WeightSource, chips: readonly Fixture[], device: DeviceKind) {
  const model = await native().openModel(graph, source, { device, threads: 2 })
  try {
    const out = new Float32Array(chips.length * chips[0]!.embedding.length)
    await model.run(joined(chips), chips.length, [out], newCancel())
    return out
  } finally {
    model.dispose()
  }
}

function assertAgree(embeddings: Float32Array, chips: readonly Fixture[], tolerance: number): void {
  assert.is(embeddings.length, chips.length * chips[0]!.embedding.length)
  const worst = chips
    .flatMap(({ embedding }) => embedding)
    .reduce((most, value, i) => Math.max(most, Math.abs(value - embeddings[i]!)), 0)
  assert.ok(worst <= tolerance, `the largest difference is ${worst}`)
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-import-'))
  await use(folder).finally(() => rm(folder, { recursive: true, force: true }))
}

testWith(mobileFile, 'what the file does not say must be said', async () => {
  const graph = graphOf(mobileFile)
  await assertFails(() => importModel(mobileFile), 'ERR_FACENET_INVALID_ARGUMENT', /for graph/)
  await assertFails(() => importModel(mobileFile, { graph, mean: 0 }), 'ERR_FACENET_INVALID_ARGUMENT', /for size/)
  await assertFails(
    () => importModel(mobileFile, { graph, size: [112, 112] }),
    'ERR_FACENET_INVALID_ARGUMENT',
    /mean and scale/,
  )
  await assertFails(
    () => importModel(mobileFile, { graph, size: [112, 112], mean: [1, 2] }),
    'ERR_FACENET_INVALID_ARGUMENT',
    /for mean/,
  )
  await assertFails(
    () => importModel(mobileFile, { graph, threshold: -1 }),
    'ERR_FACENET_INVALID_ARGUMENT',
    /threshold/,
  )
  await modelFails(
    () => importModel(mobileFile, { graph, size: [40, 40], mean: 0 }),
    /a kernel no larger than the padded input.*7x7 over/,
  )
})

testWith(join(weights, 'yunet_n_320_320.onnx'), 'a detector is refused by its outputs', () =>
  modelFails(
    () => importModel(join(weights, 'yunet_n_320_320.onnx'), { mean: 0 }),
    /Expected one, the embedding: .* for outputs but received cls_8, cls_16/,
  ),
)

testWith(faceApiManifest, "face-api's 8-bit weights are the same network", async () => {
  const { graph, tensors, threshold } = await importModel(faceApiManifest)
  assert.equal(countOps(graph), dlibOps)
  assert.is(tensors.size, 29 * 4 + 1)
  assert.equal(threshold, { value: 0.36, metric: 'squared-l2' })
  await assertFails(() => importModel(faceApiManifest, { size: [112, 112] }), 'ERR_FACENET_INVALID_ARGUMENT', /150x150/)
  await assertFails(() => importModel(faceApiManifest, { mean: 0 }), 'ERR_FACENET_INVALID_ARGUMENT', /for mean/)
})

/**
 * Not within 1e-5, as rounding the weights to 8 bits moves the embeddings: by 0.037 (Euclidean) on average, where 0.6
 * separates people.
 */
testWith(join(data, 'fixtures/dlib'), "face-api's 8-bit weights stay near dlib's descriptors", async () => {
  const { graph, tensors } = await importModel(faceApiManifest)
  const chips = await readFixtures('dlib', 'chip', 'descriptor')
  const [output] = await runExported(graph, tensors, joined(chips), [chips.length, 150, 150, 3], {
    includePreprocess: true,
  })
  const distances = chips.map(({ embedding }, n) =>
    Math.hypot(...embedding.map((value, i) => value - output!.data[n * embedding.length + i]!)),
  )
  assert.ok(Math.max(...distances) < 0.08, `the largest distance is ${Math.max(...distances)}`)
})

test.run()
