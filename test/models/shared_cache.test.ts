/** One cache, several processes; one that cannot be written; one that holds damaged files. */
import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openModel } from '../../lib/index.js'
import { commandLine, writeSmallModel } from '../cli/support.js'
import { assertFails } from '../importers/support.js'

const body = Buffer.from(Uint8Array.from({ length: 400_000 }, (_, i) => (i * 17) % 251))
const sha256 = createHash('sha256').update(body).digest('hex')
const script = fileURLToPath(new URL('./fetch.ts', import.meta.url))

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-shared-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

test('two processes that fetch into one cache both get the whole file, and leave nothing else', async () => {
  let asked = 0
  let start!: () => void
  const both = new Promise<void>((resolve) => {
    start = resolve
  })
  // Neither gets its second half before the other has begun.
  const server = createServer(async (_, response) => {
    response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 200_000))
    if (++asked === 2) start()
    await both
    response.end(body.subarray(200_000))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.onnx`
    const path = join(folder, 'm.onnx')
    const fetch = () => promisify(execFile)(process.execPath, ['--import', 'tsx', script, url, sha256, path])
    for (const { stdout } of await Promise.all([fetch(), fetch()])) assert.is(stdout.trim(), sha256)
    assert.ok(body.equals(await readFile(path)))
    assert.equal(await readdir(folder), ['m.onnx'])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

/** The cache with a model under the name of a well-known one. */
async function withCache(body: (file: string) => Promise<void>): Promise<void> {
  const { FACENET_CACHE } = process.env
  process.env.FACENET_CACHE = folder
  try {
    await mkdir(join(folder, 'models'))
    const file = join(folder, 'models/sface.safetensors')
    await writeSmallModel(file)
    await body(file)
  } finally {
    if (FACENET_CACHE === undefined) delete process.env.FACENET_CACHE
    else process.env.FACENET_CACHE = FACENET_CACHE
  }
}

test('a damaged file in the cache is an error that says the command, cut short or with one bit turned', async () => {
  await withCache(async (file) => {
    const bytes = await readFile(file)
    await (await openModel('sface')).close()
    const message =
      /The model sface in the cache is damaged: .*sface\.safetensors\nTo fetch it again, run: npx facenet-native models pull sface$/
    await writeFile(file, bytes.subarray(0, -10))
    await assertFails(() => openModel('sface'), 'ERR_FACENET_MODEL_INVALID', message)
    bytes[bytes.length - 1]! ^= 1
    await writeFile(file, bytes)
    await assertFails(() => openModel('sface'), 'ERR_FACENET_MODEL_INVALID', message)
  })
})

const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0
const readOnly = mayMount ? test : test.skip
readOnly(
  `a read-only cache serves what it has, and refuses to fetch${mayMount ? '' : ': needs the right to mount'}`,
  async () => {
    await withCache(async () => {
      const run = (...args: string[]) => {
        const cli = [process.execPath, ...commandLine, ...args]
        const command = `mount --bind "$FACENET_CACHE" "$FACENET_CACHE" && mount -o remount,ro,bind "$FACENET_CACHE" && exec "$@"`
        return spawnSync('unshare', ['--mount', 'sh', '-c', command, 'sh', ...cli], { encoding: 'utf8' })
      }
      const found = run('models', 'path', 'sface')
      assert.is(found.stdout.trim(), join(folder, 'models/sface.safetensors'), found.stderr)
      const refused = run('models', 'pull', 'yunet')
      assert.is(refused.status, 1)
      assert.match(refused.stderr, /the cache cannot be written, or name another with FACENET_CACHE/)
    })
  },
)

test.run()
