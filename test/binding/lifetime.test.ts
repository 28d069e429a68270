/** The addon and the end of what runs it: each case is a process of its own whose exit tells. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a script with `busy()`, a run of several seconds, at hand. */
function runScript(body: string) {
  const script = `
    import { once } from 'node:events'
    import { isMainThread, parentPort, Worker } from 'node:worker_threads'
    import { chain, channels, inputOf, newCancel, open } from ${JSON.stringify(new URL('./support.ts', import.meta.url).href)}
    const graph = chain(32, 60)
    const count = 256
    const model = await open(graph)
    const busy = () => model.run(inputOf(graph, count), count, [new Float32Array(count * channels)], newCancel())
    ${body}`
  return spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
    timeout: 600_000,
  })
}

test('process.exit during work ends the process with its code before the work is done', () => {
  const result = runScript(`
    busy().then(() => console.log('finished'))
    busy()
    setTimeout(() => process.exit(7), 100)`)
  assert.is(result.signal, null)
  assert.is(result.status, 7, result.stderr)
  assert.is(result.stdout, '')
})

test('process.exit while images are decoded on several threads ends the process with its code', () => {
  const result = runScript(`
    import sharp from 'sharp'
    import { native } from ${JSON.stringify(new URL('../../lib/native/addon.ts', import.meta.url).href)}
    const side = 2048
    const create = { width: side, height: side, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 60 } }
    const data = await sharp({ create }).jpeg({ progressive: true }).toBuffer()
    const region = { left: 0, top: 0, width: side, height: side }
    const image = () => ({ data, width: side, height: side, orientation: 1, shrink: 1, region, out: new Uint8Array(side * side * 3) })
    // Without the flags of a cancel the end of the environment would wait for all ten of a call.
    for (let i = 0; i < 20; i++) native().decodeJpegs(Array.from({ length: 10 }, image), new Uint8Array(10), newCancel())
    setTimeout(() => process.exit(7), 30)`)
  assert.is(result.signal, null)
  assert.is(result.status, 7, result.stderr)
})

test('an open promise keeps the process alive, an idle model does not', () => {
  const result = runScript(`
    const out = new Float32Array(channels)
    model.run(inputOf(graph, 1), 1, [out], newCancel()).then(() => console.log('finished'))`)
  assert.is(result.status, 0, result.stderr)
  assert.is(result.stdout, 'finished\n')
})

test('an uncaught exception during work ends the process with code 1, not with a signal', () => {
  const result = runScript(`busy(); setTimeout(() => { throw new Error('mine') }, 100)`)
  assert.is(result.signal, null)
  assert.is(result.status, 1)
  assert.match(result.stderr, /mine/)
})

const workerScript = JSON.stringify(`
  import('tsx/esm/api').then(async ({ register }) => {
    register()
    const { parentPort } = await import('node:worker_threads')
    const { chain, channels, inputOf, newCancel, open } = await import(${JSON.stringify(new URL('./support.ts', import.meta.url).href)})
    const graph = chain(32, 60)
    const model = await open(graph)
    const run = (count) => model.run(inputOf(graph, count), count, [new Float32Array(count * channels)], newCancel())
    for (let i = 0; i < 3; i++) run(256)
    parentPort.postMessage('busy')
  })`)

test('workers that are terminated during work leave the process alive and the addon usable', () => {
  const result = runScript(`
    for (let i = 0; i < 4; i++) {
      const workers = [0, 1].map(() => new Worker(${workerScript}, { eval: true }))
      await Promise.all(workers.map((worker) => once(worker, 'message')))
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
    const out = new Float32Array(channels)
    await model.run(inputOf(graph, 1), 1, [out], newCancel())
    console.log(out.length)`)
  assert.is(result.signal, null, result.stderr)
  assert.is(result.status, 0, result.stderr)
  assert.is(result.stdout, `32\n`)
})

test('process.exit while workers are busy ends the process with its code', () => {
  const result = runScript(`
    const worker = new Worker(${workerScript}, { eval: true })
    await once(worker, 'message')
    busy()
    process.exit(3)`)
  assert.is(result.signal, null, result.stderr)
  assert.is(result.status, 3, result.stderr)
})

test.run()
