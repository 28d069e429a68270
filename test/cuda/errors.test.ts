/** Machines without a usable device, memory that runs out, devices that are lost, threads: on the emulated runtime. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { test as uvu } from 'uvu'
import * as assert from 'uvu/assert'
import { emulate, isEmulated } from '../support/addons.js'
import { graphOf } from '../support/ops.js'
import { expectedOf, failure, images, open, run } from './support.js'

const test = isEmulated ? uvu : uvu.skip

interface Outcome {
  value?: unknown
  code?: string
  message?: string
}

const exec = promisify(execFile)
const probe = fileURLToPath(new URL('./probe.ts', import.meta.url))

/** What each of the calls comes to on the machine that `settings` describe, in a process of its own. */
async function outcomes(settings: string, ...calls: string[]): Promise<Outcome[]> {
  const env = { ...process.env, FACENET_EMULATOR: settings }
  const { stdout } = await exec(process.execPath, ['--import', 'tsx', probe, ...calls], { env })
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const machines: [string, settings: string, reason: RegExp][] = [
  ['no driver', 'driver=0', /no NVIDIA driver is installed/],
  ['a driver that is too old', 'driver=12040', /driver supports CUDA 12\.4, this build needs CUDA 13\.0/],
  ['a driver without a device', 'devices=', /finds no CUDA device/],
  ['a card below sm_80', 'devices=7.5', /compute capability 7\.5, 8\.0 is needed: older devices have no asynchronous/],
]
for (const [name, settings, reason] of machines) {
  test(`${name}: the reason is told, and everything on CUDA is refused with it`, async () => {
    const [info, ...refused] = await outcomes(settings, 'info', 'open', 'normalise', 'mine', 'loss')
    const { devices, reason: told } = info!.value as { devices: unknown[]; reason: string }
    assert.equal(devices, [])
    assert.match(told, reason)
    for (const { code, message } of refused) {
      assert.is(code, 'ERR_FACENET_CUDA_UNAVAILABLE')
      assert.match(message!, reason)
    }
  })
}

test('of several devices the first usable one is taken, or the one asked for', async () => {
  const [info, first, second, third, fourth] = await outcomes(
    'devices=7.5,8.0,9.0',
    'info',
    'open',
    'open:2',
    'open:0',
    'open:3',
  )
  const { devices } = info!.value as { devices: { index: number }[] }
  assert.equal(
    devices.map(({ index }) => index),
    [1, 2],
  )
  for (const outcome of [first!, second!]) assert.equal(outcome, { value: null })
  assert.is(third!.code, 'ERR_FACENET_CUDA_UNAVAILABLE')
  assert.match(third!.message!, /compute capability 7\.5/)
  assert.is(fourth!.code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.match(fourth!.message!, /Expected 0\.\.2, the CUDA devices here for deviceIndex but received 3/)
})

for (const call of ['normalise', 'distances', 'search', 'mine', 'loss']) {
  test(`${call}: so it is for rows of embeddings`, async () => {
    const [first, second, tooOld, none] = await outcomes(
      'devices=7.5,8.0,9.0',
      call,
      `${call}:2`,
      `${call}:0`,
      `${call}:3`,
    )
    for (const outcome of [first!, second!]) assert.equal(outcome, { value: null })
    assert.is(tooOld!.code, 'ERR_FACENET_CUDA_UNAVAILABLE')
    assert.match(tooOld!.message!, /compute capability 7\.5/)
    assert.match(none!.message!, /Expected 0\.\.2, the CUDA devices here for deviceIndex but received 3/)
  })
}

test('a kernel that fails loses CUDA to the process, and every later call says so', async () => {
  const [first, ...later] = await outcomes(
    '',
    'open',
    'settings:failed-launches=1',
    'open',
    'open',
    'normalise',
    'mine',
    'loss',
  ).then((all) => all.slice(2))
  assert.is(first!.code, 'ERR_FACENET_INTERNAL')
  assert.match(first!.message!, /This process has lost CUDA: restart it/)
  for (const { code, message } of later) {
    assert.is(code, 'ERR_FACENET_CUDA_UNAVAILABLE')
    assert.match(message!, /lost CUDA to this process, which must restart/)
  }
})

test('memory that runs out once halves the chunk', async () => {
  const model = await open()
  emulate('failed-allocations=1')
  const input = images(11)
  assert.equal(await run(model, input), expectedOf(input))
  assert.equal(await run(model, input), expectedOf(input))
  emulate('')
  model.dispose()
})

test('memory that runs out again is an error, after which the model can be used', async () => {
  const model = await open()
  emulate('failed-allocations=2')
  const { code, message } = await failure(() => run(model, images(8)))
  assert.is(code, 'ERR_FACENET_CUDA_OOM')
  assert.match(message, /A batch of 4 images needs [\d.e-]+ MB of memory on CUDA emulator, where [\d.]+ MB are free/)
  for (const count of [1, 8, 20]) assert.equal(await run(model, images(count)), expectedOf(images(count)))
  emulate('')
  model.dispose()
})

test('a batch of which not one image fits is an error, after which the model can be used', async () => {
  const model = await open()
  emulate('memory=1000')
  const { code, message } = await failure(() => run(model, images(5)))
  assert.is(code, 'ERR_FACENET_CUDA_OOM')
  assert.match(message, /A batch of 1 image needs/)
  emulate('')
  assert.equal(await run(model, images(5)), expectedOf(images(5)))
  model.dispose()
})

test('a model whose weights do not fit is refused, and its memory is given back', async () => {
  const graph = graphOf(
    [6, 6, 8],
    [
      {
        name: 'y',
        op: 'fully_connected',
        inputs: ['x'],
        attributes: { outFeatures: 64 },
        tensors: { weight: 'w' },
      },
    ],
  )
  const tensors = { w: { shape: [64, 288], data: new Float32Array(64 * 288) } }
  emulate('memory=50000')
  const { code, message } = await failure(() => open({}, graph, tensors))
  assert.is(code, 'ERR_FACENET_CUDA_OOM')
  assert.match(message, /The model case needs 0\.07\d* MB of memory on CUDA emulator, where 0\.05 MB are free/)
  emulate('')
  const model = await open({}, graph, tensors)
  assert.ok(model.memoryBytes >= 64 * 288 * 4)
  model.dispose()
})

test('two worker threads with models of their own share a device', async () => {
  const url = new URL('./worker.ts', import.meta.url)
  const start = (seed: number) => {
    const code = `import('tsx/esm/api').then(({ register }) => { register(); return import('${url}') })`
    const worker = new Worker(code, { eval: true, workerData: { seed } })
    return new Promise<number>((resolve, reject) => {
      worker.on('message', resolve)
      worker.on('error', reject)
    })
  }
  assert.equal(await Promise.all([start(1), start(2)]), [30, 30])
})

uvu.run()
