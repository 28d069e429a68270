/** EdgeFace's state dictionaries: the same network as its ONNX file, which networks.test.ts compares with onnxruntime. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { largestDifference } from '../../lib/benchmark/statistics.js'
import { type ImportedModel, importModel } from '../../lib/convert/importers/import_model.js'
import { openModel } from '../../lib/model/open.js'
import { seeded } from '../support/random.js'
import { edgeFace, edgeFaceState, type Size, xs, xxs } from './networks/edge.js'
import { script } from './networks/graph_writer.js'
import { importNetwork } from './onnx_files.js'
import { torchZip } from './pickle_writer.js'
import { assertFails, countOps, modelFails } from './support.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-edgeface-'))
test.after(() => rm(folder, { recursive: true, force: true }))

async function save(weights: ReturnType<typeof edgeFaceState>): Promise<string> {
  const path = join(folder, 'edgeface.pt')
  await writeFile(path, torchZip(weights))
  return path
}

async function embed(contents: ImportedModel, pixels: Uint8Array): Promise<Float32Array> {
  const model = await openModel(contents, { device: 'cpu', threads: 1 })
  const embedding = await model.embed(pixels)
  await model.close()
  return embedding
}

const random = seeded(9)
const image = Uint8Array.from({ length: 112 * 112 * 3 }, () => random.integer(0, 255))

const sizes: [string, Size][] = [
  ['edgeface_xs_gamma_06, matrices of low rank', { ...xs, depths: [1, 2, 2, 1] }],
  ['edgeface_xxs, whole matrices', { ...xxs, depths: [1, 1, 2, 2] }],
]
for (const [name, size] of sizes) {
  test(name, async () => {
    const imported = await importModel(await save(edgeFaceState(size)))
    const rule = { mean: 127.5, scale: 1 / 127.5, color: 'rgb', check: false } as const
    const expected = await importNetwork(edgeFace(script, size), rule)
    assert.equal(countOps(imported.graph), countOps(expected.graph))
    assert.is(imported.alignment, 'arcface112')
    const [ours, theirs] = [await embed(imported, image), await embed(expected, image)]
    const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    assert.ok(largestDifference(theirs, ours) <= 1e-5 * largest)
  })
}

test('a tensor that is missing, and options that contradict the network', async () => {
  const { 'model.stages.0.blocks.0.norm.bias': _, ...rest } = edgeFaceState({ ...xxs, depths: [1, 1, 1, 1] })
  const path = await save(rest)
  await modelFails(() => importModel(path), /a tensor stages\.0\.blocks\.0\.norm\.bias of floats/)
  await assertFails(() => importModel(path, { size: [96, 96] }), 'ERR_FACENET_INVALID_ARGUMENT', /112x112/)
})

test.run()
