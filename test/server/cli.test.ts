/** `facenet serve` as its users run it: SIGTERM under load, keys, addresses. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { asPngs, pixels, withFolder } from '../api/support.js'
import { facenet, start, writeSmallModel } from '../cli/support.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const size = { inputSize: { height: 165, width: 165 } }

test('serve, search in a gallery, and end by SIGTERM without losing a request that was accepted', async () => {
  const [png, other] = await asPngs(size, pixels(size, 2))
  await withFolder({ 'a.png': png!, 'b.png': other! }, async (folder) => {
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model, 0.1)
    const gallery = join(folder, 'faces.jsonl')
    const images = ['a.png', 'b.png'].map((name) => join(folder, name))
    const common = ['--model', model, '--align', 'none', '--threads', '1']
    const embedded = await facenet('embed', ...images, ...common, '--out', gallery)
    assert.is(embedded.code, 0, embedded.stderr)

    const { process: child, outcome } = start(['serve', '--port', '0', '--gallery', gallery, '--json', ...common])
    const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
    const { address } = JSON.parse(line) as { address: string }
    const search = () =>
      fetch(`${address}/v1/search?k=1`, {
        method: 'POST',
        body: new Uint8Array(png!),
        headers: { 'content-type': 'image/png', connection: 'close' },
      })
    const found = (await (await search()).json()) as { faces: { match: string; neighbors: { distance: number }[] }[] }
    assert.is(found.faces[0]!.match, images[0])
    assert.is(found.faces[0]!.neighbors[0]!.distance, 0)

    // The example of a client, on two photographs.
    const client = ['--import', 'tsx', join(root, 'examples/client.ts'), address, ...images]
    const { stdout } = await promisify(execFile)(process.execPath, client, { cwd: root })
    assert.match(stdout, /^(the same person|different people): squared distance 0\.\d{4}, threshold 0\.1\n$/)

    // Callers go on until they are refused; each is answered, or its connection is.
    const counts = { answered: 0, refused: 0, lost: [] as string[] }
    let told = false
    const caller = async () => {
      for (;;) {
        const outcome = await search().catch((error) => error.cause?.code as string)
        if (typeof outcome === 'string') {
          if (outcome === 'ECONNREFUSED' || (told && outcome === 'ECONNRESET')) counts.refused++
          else counts.lost.push(outcome)
          return
        }
        if (outcome.status === 503) {
          counts.refused++
          return
        }
        assert.is(outcome.status, 200)
        assert.is(((await outcome.json()) as typeof found).faces.length, 1)
        if (++counts.answered === 20) {
          told = true
          child.kill('SIGTERM')
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, caller))
    const { code, stderr } = await outcome
    assert.is(code, 0, stderr)
    assert.ok(counts.answered >= 20)
    assert.equal([counts.refused, counts.lost], [8, []])
    const lines = stderr
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text))
    assert.is(lines.filter(({ status }) => status === 200).length, counts.answered + 2)
    assert.is(lines.filter(({ status }) => status === 499).length, 0)
  })
})

test('an address that others reach needs a key, and keys are long', async () => {
  const open = await facenet('serve', '--host', '0.0.0.0', '--port', '0')
  assert.is(open.code, 2)
  assert.match(open.stderr, /--api-key-file.*--without-key/)
  const short = await start(['serve', '--port', '0'], { FACENET_API_KEY: 'short' }).outcome
  assert.equal([short.code, /16 is the least/.test(short.stderr)], [2, true])
})

test('where a package of the server is not installed, the command that installs them is said', () => {
  const hook = `export async function resolve(name, context, next) {
    if (name !== 'prom-client') return next(name, context)
    throw Object.assign(new Error('not here'), { code: 'ERR_MODULE_NOT_FOUND' })
  }`
  const register = "import { register } from 'node:module'; register('./hook.mjs', import.meta.url)"
  return withFolder({ 'hook.mjs': hook, 'register.mjs': register }, async (folder) => {
    const environment = { NODE_OPTIONS: `--import=${pathToFileURL(join(folder, 'register.mjs'))}` }
    const { code, stderr } = await start(['serve', '--port', '0'], environment).outcome
    assert.is(code, 1)
    assert.match(stderr, /npm install fastify @fastify\/multipart prom-client/)
  })
})

test.run()
