/** facenet-pytorch's Inception-ResNet-v1 by name: pulled from a server of our own, imported from a file, and opened. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importModel } from '../../lib/convert/importers/import_model.js'
import { type ModelContents, readModel } from '../../lib/files/model/model_file.js'
import { openModel } from '../../lib/index.js'
import { modelNamed, pullModel } from '../../lib/models/pull.js'
import { start } from '../cli/support.js'
import { inceptionResnet } from '../importers/networks/inception_resnet.js'
import { type Array32, torchLegacy, torchZip } from '../importers/pickle_writer.js'

const folder = await mkdtemp(join(tmpdir(), 'facenet-by-name-'))
const zeros = (...shape: number[]): Array32 => ({ shape, data: new Float32Array(shape[0]! * (shape[1] ?? 1)) })
const { torch } = inceptionResnet({ dimensions: 512, scales: true }).weights
/** As it is published: in PyTorch's old format, with the classifier of the people of the training set. */
const published = torchLegacy({ ...torch, 'logits.weight': zeros(8631, 512), 'logits.bias': zeros(8631) })

const { FACENET_CACHE } = process.env
const server = createServer((_, response) =>
  response.writeHead(200, { 'content-length': published.length }).end(published),
)
test.before(async () => {
  process.env.FACENET_CACHE = folder
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
test.after(async () => {
  if (FACENET_CACHE === undefined) delete process.env.FACENET_CACHE
  else process.env.FACENET_CACHE = FACENET_CACHE
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

const image = Uint8Array.from({ length: 160 * 160 * 3 }, (_, i) => (i * 7 + (i >> 5)) % 256)

async function embed(source: string | ModelContents): Promise<Float32Array> {
  await using model = await openModel(source, { device: 'cpu', threads: 2 })
  return model.embed(image)
}

test('vggface2: pulled, and opened by its name', async () => {
  const known = modelNamed('vggface2')
  assert.is(known.obstacle, null)
  assert.ok(known.origin.kind === 'address' && known.origin.url.endsWith('.pt'))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/20180402-114759-vggface2.pt`
  const { metadata } = await readModel(await pullModel({ ...known, origin: { ...known.origin, url } }))
  const { network, dimensions, inputSize, unitLength, alignment, license, threshold } = metadata
  assert.equal(
    { network, dimensions, inputSize, unitLength, alignment, license, threshold },
    {
      network: 'vggface2',
      dimensions: 512,
      inputSize: [160, 160],
      unitLength: true,
      alignment: 'margin:32',
      license: 'MIT',
      threshold: undefined,
    },
  )
  const file = join(folder, 'vggface2.pt')
  await writeFile(file, published)
  assert.equal(await embed('vggface2'), await embed(await importModel(file)))
})

test('casia-webface: imported from a file, in the format of today', async () => {
  const file = join(folder, '20180408-102900-casia-webface.pt')
  await writeFile(file, torchZip({ ...torch, 'logits.weight': zeros(1, 512), 'logits.bias': zeros(1) }))
  const { code, stdout, stderr } = await start(['models', 'import', 'casia-webface', file, '--json'], {
    FACENET_CACHE: folder,
  }).outcome
  assert.is(code, 0, stderr)
  assert.equal((await readModel(JSON.parse(stdout).path)).metadata.alignment, 'margin:32')
  assert.equal(await embed('casia-webface'), await embed('vggface2'))
})

test.run()
