/** What training on CUDA has beyond the gradients that every backend gives: replays, devices, memory, failures. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { newCancel } from '../../lib/native/queue.js'
import type { NativeTrainer, TrainerOptions } from '../../types/native.js'
import {
  batchNorm,
  concat,
  conv,
  fullyConnected,
  graphOf,
  l2Normalize,
  pool,
  randomTensors,
  relu,
} from '../graph/support.js'
import { addonFor, emulate, isEmulated } from '../support/addons.js'
import { weightSource } from '../support/ops.js'
import { batchOf, cancel, openTrainer, optimizer, readTensors } from '../training/support.js'
import { countOf, failure, traced } from './support.js'

const graph = graphOf(
  [
    conv('a', 'x', 16, { kernel: 3, bias: false }),
    batchNorm('a/bn', 'a'),
    relu('a/relu', 'a/bn'),
    conv('b', 'a/relu', 8),
    pool('c', 'a/relu'),
    concat('bc', 'b', 'c'),
    fullyConnected('fc', 'bc', 8),
    l2Normalize('y', 'fc'),
  ],
  { shape: [7, 7, 3] },
)
const tensors = randomTensors(graph, 3)
const batch = batchOf(graph, 10)
const settings: Partial<TrainerOptions> = {
  device: 'cuda',
  chunk: 4,
  strategy: 'semi-hard',
  margin: 0.5,
  optimizer: { ...optimizer, kind: 'adam' },
}
const open = (options: Partial<TrainerOptions> = {}) => openTrainer(graph, tensors, { ...settings, ...options })
const step = (trainer: NativeTrainer, flag = cancel()) =>
  trainer.step(batch.images, batch.labels, { learningRate: 0.01, clipNorm: 1 }, flag)

/** The reports of some steps, without times, and all tensors after them. */
async function after(steps: number, options: Partial<TrainerOptions> = {}) {
  const trainer = await open(options)
  const reports = []
  for (let i = 0; i < steps; i++) {
    const { seconds, ...report } = await step(trainer)
    reports.push(report)
  }
  const values = await readTensors(trainer)
  trainer.dispose()
  return { reports, values }
}

async function on(machine: string, steps: number, options: Partial<TrainerOptions> = {}) {
  emulate(machine)
  try {
    return await after(steps, options)
  } finally {
    emulate('')
  }
}

for (const dtype of ['f32', 'bf16'] as const) {
  test(`steps in ${dtype} make the same bits every time`, async () => {
    assert.equal(await after(3, { dtype }), await after(3, { dtype }))
  })

  test(`training in ${dtype} goes on from what was read, bit for bit`, async () => {
    const whole = await after(4, { dtype })
    const first = await open({ dtype })
    for (let i = 0; i < 2; i++) await step(first)
    const values = await readTensors(first)
    first.dispose()
    const second = await open({ dtype })
    await second.write([...values.keys()], [...values.values()], { steps: 2, updates: 2 })
    for (let i = 0; i < 2; i++) await step(second)
    assert.equal(await readTensors(second), whole.values)
    second.dispose()
  })
}

test('the loss of one batch falls, in bf16 as in fp32', async () => {
  for (const dtype of ['f32', 'bf16'] as const) {
    const { reports } = await after(8, { dtype, strategy: 'all' })
    assert.ok(reports.at(-1)!.lossSum < 0.7 * reports[0]!.lossSum, reports.map(({ lossSum }) => lossSum).join(' '))
  }
})

test('in fp32 the first steps are those of the reference', async () => {
  // Not Adam's: it makes steps of one size of gradients that are next to nothing, whatever their sign.
  const [cuda, reference] = [await after(2, { optimizer }), await after(2, { optimizer, device: 'reference' })]
  cuda.reports.forEach((report, i) => {
    const expected = reference.reports[i]!
    assert.is(report.triplets, expected.triplets)
    assert.ok(Math.abs(report.lossSum / expected.lossSum - 1) < 1e-5)
    assert.ok(Math.abs(report.gradientNorm / expected.gradientNorm - 1) < 1e-5)
  })
})

test('embeddings of the trained network are those of the reference', async () => {
  const embedded = await Promise.all(
    (['cuda', 'reference'] as const).map(async (device) => {
      const trainer = await open({ device })
      const out = new Float32Array(10 * 8)
      await trainer.embed(batch.images, 10, out, cancel())
      trainer.dispose()
      return out
    }),
  )
  const error = Math.max(...embedded[0]!.map((value, i) => Math.abs(value - embedded[1]![i]!)))
  assert.ok(error < 1e-6, `${error}`)
})

test('types that are not trained in are refused', async () => {
  const f16 = { dtype: 'f16' } as unknown as Partial<TrainerOptions>
  assert.match((await failure(() => open(f16))).message, /Expected f32 or bf16.* for dtype but received f16/)
  const onCpu = () => addonFor('cpu').openTrainer(graph, weightSource(tensors), { ...cpuOptions, ...f16 })
  assert.match((await failure(onCpu)).message, /Expected f32 or bf16.* for dtype but received f16/)
})

const cpuOptions: TrainerOptions = {
  device: 'cpu',
  threads: 1,
  optimizer,
  margin: 0.2,
  strategy: 'hard',
  frozen: [],
  statisticsRate: 0.1,
  chunk: 4,
  memoryBytes: 0,
}

if (isEmulated) {
  test('chunks that come again are replayed, which changes no bit', async () => {
    const replayed = await after(4)
    assert.equal(await on('graphs=0', 4), replayed)
    const lines = await traced('', async () => void (await after(4)))
    // Chunks of 3, 3 and 4 images, in two buffers: of the last steps all is replayed.
    assert.ok(countOf(lines, 'graph') >= 2 * 5, lines.filter((line) => line.includes('graph')).join('\n'))
  })

  test('what is learned depends neither on the number of multiprocessors nor on the order of threads', async () => {
    const expected = await after(2)
    for (const machine of ['multiprocessors=1', 'multiprocessors=200', 'order=reverse', 'order=shuffled seed=3'])
      assert.equal(await on(machine, 2), expected, machine)
  })

  test('a cancelled step changes nothing', async () => {
    const trainer = await open()
    await step(trainer)
    const before = await readTensors(trainer)
    assert.is((await failure(() => step(trainer, newCancel(1)))).code, 'ERR_FACENET_ABORTED')
    assert.equal(await readTensors(trainer), before)
    trainer.dispose()
  })

  test('weights that overflow stop the step, which names itself and the layer and changes nothing', async () => {
    for (const dtype of ['f32', 'bf16'] as const) {
      const trainer = await open({ dtype })
      await trainer.write(['b.weight'], [new Float32Array(tensors['b.weight']!.data.length).fill(3e38)])
      const before = await readTensors(trainer)
      const { code, message } = await failure(() => step(trainer))
      assert.is(code, 'ERR_FACENET_NOT_FINITE')
      assert.match(message, /Step 1: The output of layer b is not finite/)
      assert.equal(await readTensors(trainer), before)
      trainer.dispose()
    }
  })

  test('a network that does not fit on the device is refused, and its memory is given back', async () => {
    emulate('memory=20000')
    assert.is((await failure(() => open())).code, 'ERR_FACENET_CUDA_OOM')
    emulate('')
    const trainer = await open()
    assert.is((await step(trainer)).skipped, false)
    trainer.dispose()
  })
}

test.run()
