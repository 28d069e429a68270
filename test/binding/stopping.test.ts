/** Work off the event loop that hears of an abort, and what ends an opening. Where the process might end too, in one of its own. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { l2Normalize, pairwiseDistances } from '../../lib/index.js'
import { native } from '../../lib/native/addon.js'
import { newCancel } from '../../lib/native/queue.js'
import { abortLaterAndLater, turns } from '../support/aborting.js'
import { device, failure } from './support.js'

const rows = new Float32Array(2000 * 256).fill(0.5)
const options = { dimensions: 256, device: 'reference' } as const

test('distances end when they are aborted', async () => {
  await abortLaterAndLater(
    (signal) => pairwiseDistances(rows, { ...options, signal }),
    () => {},
  )
})

test('so does normalisation', async () => {
  const many = new Float32Array(2 ** 22).fill(1)
  await abortLaterAndLater(
    (signal) => l2Normalize(many, { dimensions: 4, device: 'reference', signal }),
    () => {},
  )
})

for (const kind of new Set([device, 'reference'] as const)) {
  test(`${kind}: a crop that would take minutes ends between two pixels`, async () => {
    const side = 4000
    const image = { data: new Uint8Array(side * side * 3), width: side, height: side }
    const map = { xx: side, xy: 0, x0: 0, yx: 0, yy: side, y0: 0 }
    const cancel = newCancel()
    const size = { width: 256, height: 256, device: kind } as const
    const running = failure(() => native().warp([{ image, map }], size, new Uint8Array(256 * 256 * 3), cancel))
    while (Atomics.load(cancel, 1) === 0) await turns(1)
    Atomics.store(cancel, 0, 1)
    assert.is((await running).code, 'ERR_FACENET_ABORTED')
  })
}

test('what is stopped before its turn does not begin', async () => {
  const cancel = newCancel(1)
  const out = new Float32Array(2).fill(7)
  const call = () => native().l2Normalize(Float32Array.of(3, 4), { dimensions: 2, epsilon: 1, device }, out, cancel)
  assert.is((await failure(call)).code, 'ERR_FACENET_ABORTED')
  assert.equal(out, Float32Array.of(7, 7))
})

function runScript(body: string, shell = '') {
  const script = `
    const { chain, failure, open } = await import(${JSON.stringify(new URL('./support.ts', import.meta.url).href)})
    ${body}`
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script]
  const [command, ...args] = shell ? ['bash', '-c', `${shell} && exec "$@"`, 'bash', ...node] : node
  return spawnSync(command!, args, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    timeout: 600_000,
  })
}

test('threads that cannot be made are an error', () => {
  // Stacks of 4 GB each, in 400 GB.
  const shell = '(ulimit -s 4194304 && ulimit -v 400000000) 2>/dev/null && ulimit -s 4194304 && ulimit -v 400000000'
  const result = runScript(
    `const { code, message } = await failure(() => open(chain(4, 1), { threads: 1024 }))
     console.log(code, message)
     const model = await open(chain(4, 1), { threads: 2 })
     console.log(model.threads)`,
    shell,
  )
  if (result.status === 1 && result.stdout === '') return console.log('skipped: the size of stacks cannot be set here')
  assert.is(result.signal, null, result.stderr)
  assert.match(result.stdout, /^ERR_FACENET_INTERNAL Only \d+ of 1024 threads could be made .*\n2\n$/)
})

test('a model file that is cut short and written again while it is opened is an error or none', () => {
  const result = runScript(`
    const { mkdtempSync, rmSync, truncateSync, writeFileSync } = await import('node:fs')
    const { tmpdir } = await import('node:os')
    const { join } = await import('node:path')
    const { native } = await import('./lib/native/addon.ts')
    const { device, identityWeights, weightBytes } = await import('./test/binding/support.ts')
    const { setImmediate } = await import('node:timers/promises')
    const folder = mkdtempSync(join(tmpdir(), 'facenet-'))
    const path = join(folder, 'weights')
    const { tensors, buffer } = identityWeights()
    // Large enough to be read in several pieces.
    const fileBytes = 150e6
    const write = () => { writeFileSync(path, buffer); truncateSync(path, fileBytes) }
    const outcomes = new Set()
    for (let round = 0; round < 12; round++) {
      write()
      const opening = native()
        .openModel(chain(4, 1), { tensors, path, fileBytes }, { device, threads: 1 })
        .then((model) => { model.dispose(); return 'opened' }, ({ code }) => code)
      for (let turn = 0; turn < round; turn++) await setImmediate()
      truncateSync(path, 0)
      outcomes.add(await opening)
    }
    rmSync(folder, { recursive: true })
    console.log([...outcomes].filter((outcome) => outcome !== 'opened' && outcome !== 'ERR_FACENET_IO').join(), 'alive')`)
  assert.is(result.signal, null, result.stderr)
  assert.is(result.stdout, ' alive\n', result.stderr)
})

test.run()
