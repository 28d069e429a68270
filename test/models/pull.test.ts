/** Models by name: fetched from a server of our own into a cache, imported from files, opened, and what is said of each that cannot be. */
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readModel } from '../../lib/files/model/model_file.js'
import { openModel } from '../../lib/index.js'
import type { KnownRecogniser } from '../../lib/models/known.js'
import { importKnownModel, modelNamed, pullModel, readRecord, removeModel } from '../../lib/models/pull.js'
import { knownModels } from '../../lib/models/table.js'
import { start } from '../cli/support.js'
import { zipOf } from '../images/zip_writer.js'
import { convolution, head, onnxBytes } from '../importers/onnx_files.js'
import { assertFails } from '../importers/support.js'

const weights = Buffer.from(onnxBytes({ nodes: [convolution(), ...head('c')] }))
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const archive = zipOf({ 'pack/other.onnx': 'x', 'pack/m.onnx': { data: weights, deflate: true } })

let served: Record<string, Uint8Array> = {}
let requests = 0
const server = createServer(({ url }, response) => {
  requests++
  const bytes = served[url!]
  if (bytes) response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
  else response.writeHead(404).end()
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
test.after(() => {
  server.closeAllConnections()
  server.close()
})

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-pull-'))
  served = { '/m.onnx': weights, '/m.zip': archive }
  requests = 0
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

const model: KnownRecogniser = {
  name: 'small',
  kind: 'recogniser',
  title: 'a small network',
  page: base,
  origin: { kind: 'address', url: `${base}/m.onnx`, member: null, sha256: hashOf(weights), bytes: weights.length },
  licence: { name: 'MIT', commercial: true, note: null },
  obstacle: null,
  dimensions: 8,
  inputSize: [16, 16],
  unitLength: false,
  normalize: true,
  alignment: 'arcface112',
  rule: { color: 'bgr', mean: 127.5, scale: 1 / 128 },
  thresholds: [{ value: 1.2, protocol: 'made up' }],
}
const packed = { kind: 'address', url: `${base}/m.zip`, member: 'm.onnx', sha256: null, bytes: null } as const
const quick = () => ({ folder, pause: 1, tries: 2 })

test('a model is fetched once, with all that is known of it', async () => {
  const file = await pullModel(model, quick())
  assert.is(await pullModel(model, quick()), file)
  assert.is(requests, 1)
  const { metadata, graph } = await readModel(file)
  assert.equal([metadata.network, metadata.alignment, metadata.license], ['small', 'arcface112', 'MIT'])
  assert.is(metadata.threshold?.value, 1.2)
  assert.is(metadata.unitLength, true)
  assert.equal(graph.nodes[0]?.op, 'preprocess')
  await using open = await openModel(file, { device: 'cpu', threads: 1 })
  const row = await open.embed(new Uint8Array(16 * 16 * 3).fill(99))
  assert.ok(Math.abs(row.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-5)
  const record = await readRecord(model, { folder })
  assert.equal([record?.sha256, record?.published, record?.source], [hashOf(weights), true, `${base}/m.onnx`])
})

test('a cache that is damaged is noticed, and fetched anew', async () => {
  const file = await pullModel(model, quick())
  const bytes = await readFile(file)
  bytes[bytes.length - 1]! ^= 1
  await writeFile(file, bytes)
  assert.is(await pullModel(model, quick()), file)
  assert.is(requests, 2)
})

test('of an archive the one file is taken; without a stated hash the first is trusted and another refused', async () => {
  const unknown = { ...model, origin: packed }
  await pullModel(unknown, quick())
  assert.is((await readRecord(unknown, { folder }))?.published, false)
  const file = join(folder, 'models/small.safetensors')
  await rm(file)
  served['/m.zip'] = zipOf({ 'm.onnx': { data: weights } })
  await assertFails(
    () => pullModel(unknown, quick()),
    'ERR_FACENET_IO',
    /another file than before[\s\S]*models remove small$/,
  )
  assert.is(await removeModel(unknown, { folder }), false)
  assert.is(await pullModel(unknown, quick()), file)
  assert.is(await removeModel(unknown, { folder }), true)
  served['/m.zip'] = zipOf({ 'other.onnx': 'x' })
  await assertFails(
    () => pullModel(unknown, quick()),
    'ERR_FACENET_INVALID_ARGUMENT',
    /an archive with the file m\.onnx/,
  )
  served['/m.zip'] = archive.subarray(0, 300)
  await assertFails(() => pullModel(unknown, quick()), 'ERR_FACENET_INVALID_ARGUMENT', /a whole zip archive/)
})

test('a file that was brought by other means is imported without a server', async () => {
  const [onnx, zip] = [join(folder, 'mine.onnx'), join(folder, 'mine.zip')]
  await writeFile(onnx, weights)
  await writeFile(zip, archive)
  const first = await readModel(await importKnownModel(model, onnx, quick()))
  const second = await readModel(await importKnownModel({ ...model, origin: packed }, zip, quick()))
  assert.is(second.metadata.fingerprint, first.metadata.fingerprint)
  assert.is(requests, 0)
  await writeFile(onnx, 'other bytes')
  await assertFails(
    () => importKnownModel(model, onnx, quick()),
    'ERR_FACENET_INVALID_ARGUMENT',
    /the file with sha-256/,
  )
  await assertFails(() => importKnownModel(model, join(folder, 'none'), quick()), 'ERR_FACENET_IO', /Cannot read/)
})

test('a licence that forbids commercial use is accepted in words, or nothing is fetched', async () => {
  const research = { ...model, licence: { name: 'research only', commercial: false, note: null } }
  await assertFails(
    () => pullModel(research, quick()),
    'ERR_FACENET_INVALID_ARGUMENT',
    /research only[\s\S]*--accept-license/,
  )
  assert.is(requests, 0)
  await pullModel(research, { ...quick(), acceptLicense: true })
})

test('a model that is not there is an error that says the command; unknown names are listed', async () => {
  const { FACENET_CACHE } = process.env
  try {
    process.env.FACENET_CACHE = folder
    await assertFails(
      () => openModel('sface'),
      'ERR_FACENET_IO',
      /Licence: Apache-2\.0\n.*npx facenet-native models pull sface$/,
    )
    await assertFails(() => openModel('buffalo_l'), 'ERR_FACENET_IO', /models pull buffalo_l --accept-license$/)
    await assertFails(
      () => openModel('mobilefacenet'),
      'ERR_FACENET_IO',
      /This version cannot fetch it: .*\nIt is at https:/,
    )
    await assertFails(() => pullModel(modelNamed('adaface')), 'ERR_FACENET_IO', /It is at https:/)
  } finally {
    if (FACENET_CACHE === undefined) delete process.env.FACENET_CACHE
    else process.env.FACENET_CACHE = FACENET_CACHE
  }
  await assertFails(
    async () => modelNamed('mobilefacenett'),
    'ERR_FACENET_INVALID_ARGUMENT',
    /one of dlib, face-api, yunet/,
  )
})

test('the table names each model once, by https addresses and whole hashes', () => {
  assert.is(new Set(knownModels.map(({ name }) => name)).size, knownModels.length)
  for (const { name, page, origin, kind, ...rest } of knownModels) {
    assert.match(name, /^[a-z0-9_-]+$/)
    assert.match(page, /^https:\/\//)
    if (origin.kind === 'address') {
      assert.match(origin.url, /^https:\/\//)
      if (origin.sha256 !== null) assert.match(origin.sha256, /^[0-9a-f]{64}$/)
      assert.is(origin.url.endsWith('.zip'), origin.member !== null, name)
    }
    if (kind === 'recogniser') assert.match((rest as KnownRecogniser).alignment, /^(dlib|arcface112|margin:32)$/)
  }
})

test('the command lists, says, imports, prints paths and removes', async () => {
  const run = (...words: string[]) => start(['models', ...words], { FACENET_CACHE: folder }).outcome
  const list = JSON.parse((await run('list', '--json')).stdout) as { name: string; state: string }[]
  assert.equal(
    list.slice(0, 4).map(({ name, state }) => [name, state]),
    [
      ['dlib', 'in a package'],
      ['face-api', 'in a package'],
      ['yunet', 'to pull'],
      ['sface', 'to pull'],
    ],
  )
  assert.match((await run('info', 'sface')).stdout, /threshold +1\.274, stated by OpenCV/)
  const none = await run('path', 'sface')
  assert.is(none.code, 1)
  assert.match(none.stderr, /models pull sface/)
  assert.is((await run('fetch', 'sface')).code, 2)
  assert.is((await run('pull')).code, 2)
  const file = join(folder, 'mbf.onnx')
  await writeFile(file, onnxBytes({ nodes: [convolution(), ...head('c')] }))
  const refused = await run('import', 'buffalo_s', file)
  assert.match(refused.stderr, /--accept-license/)
  const imported = await run('import', 'buffalo_s', file, '--accept-license', '--json')
  assert.is(imported.code, 0, imported.stderr)
  assert.match(imported.stderr, /its publisher states no hash: sha-256 [0-9a-f]{64} was trusted/)
  const path = JSON.parse(imported.stdout).path
  assert.is((await run('path', 'buffalo_s')).stdout, `${path}\n`)
  assert.is(JSON.parse((await run('remove', 'buffalo_s', '--json')).stdout).removed, true)
})

test.run()
