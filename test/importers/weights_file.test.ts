/** A file of weights is read once: what was looked at is what is imported, though its name has another file by then. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { detectorIn } from '../../lib/convert/importers/import_detector.js'
import { importModel, modelIn } from '../../lib/convert/importers/import_model.js'
import { WeightsFile } from '../../lib/convert/importers/weights_file.js'
import { readModel } from '../../lib/files/model/model_file.js'
import { writeSafetensors } from '../../lib/files/model/safetensors_writer.js'
import { f32Tensor } from '../../lib/files/model/tensor.js'
import { convolution, head, onnxBytes } from './onnx_files.js'
import { torchZip } from './pickle_writer.js'
import { assertFails, modelFails } from './support.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-weights-'))
test.after(() => rm(folder, { recursive: true, force: true }))

/** A file that a look for a detector has read, and whose name has other bytes since. */
async function replaced(name: string, write: (path: string) => Promise<void>): Promise<WeightsFile> {
  const path = join(folder, name)
  await write(path)
  const weights = new WeightsFile(path)
  assert.is(await detectorIn(weights), undefined)
  await writeFile(path, 'other bytes')
  return weights
}

const input = { mean: 127.5, scale: 1 / 128 }
const save = (bytes: Uint8Array) => (path: string) => writeFile(path, bytes)

test('ONNX, also where onnxruntime runs it', async () => {
  const bytes = onnxBytes({ nodes: [convolution(), ...head('c')] })
  const { check } = await modelIn(await replaced('a.onnx', save(bytes)), { ...input, check: true })
  assert.ok(check.checked)
  const inner = await modelIn(await replaced('b.onnx', save(bytes)), { ...input, check: true, output: 'flat' })
  assert.ok(inner.check.checked)
})

test("PyTorch's, and safetensors", async () => {
  const other = { 'fc.weight': { shape: [1], data: new Float32Array(1) } }
  await modelFails(
    async () => modelIn(await replaced('other.pt', save(torchZip(other)))),
    /Inception-ResNet-v1, EdgeFace or MTCNN .* 1 tensors: fc\.weight/,
  )
  const tensors = new Map([['fc.weight', f32Tensor([1], new Float32Array(1))]])
  const weights = await replaced('other.safetensors', (path) => writeSafetensors(path, tensors, {}))
  await assertFails(() => modelIn(weights), 'ERR_FACENET_INVALID_ARGUMENT', /for graph/)
})

const pipes = process.platform === 'win32' ? 'Windows has no named pipes in folders' : undefined
const pipeTest = (name: string, body: () => Promise<void>) =>
  pipes ? test.skip(`${name} (${pipes})`, body) : test(name, body)

pipeTest('pipes are not waited for', async () => {
  for (const name of ['pipe.onnx', 'pipe.pt', 'pipe.h5', 'pipe.json']) {
    execFileSync('mkfifo', [join(folder, name)])
    await assertFails(() => importModel(join(folder, name)), 'ERR_FACENET_IO', /Expected a file for .* a pipe/)
  }
  execFileSync('mkfifo', [join(folder, 'pipe.safetensors')])
  await modelFails(() => importModel(join(folder, 'pipe.safetensors')), /Expected a file for/)
  await modelFails(() => readModel(join(folder, 'pipe.safetensors')), /Expected a file for/)
})

test.run()
