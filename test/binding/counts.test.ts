/** Counts and sizes of any kind are refused with a FaceNetError where memory does not fit them: their product never wraps. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../lib/native/addon.js'
import { newCancel } from '../../lib/native/queue.js'
import { conv, fullyConnected, graphOf, l2Normalize, randomTensors } from '../graph/support.js'
import { openTrainer } from '../training/support.js'
import { chain, failure, open } from './support.js'

const none = new Float32Array(0)
const cancel = newCancel
/** What is no number of images at all. */
const impossible = [2 ** 62, 2 ** 64, -(2 ** 62), 0.5, Number.NaN, Number.POSITIVE_INFINITY, 0, '1', undefined]
/** An image of 2^13 values, so that 2^51 of them are 2^64 values and 2^52 are 2^65. */
const graph = chain(16, 1)

async function assertRefused(call: () => unknown, message: RegExp) {
  const error = await failure(call)
  assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.match(error.message, message)
}

test('a model refuses counts that no memory holds', async () => {
  const model = await open(graph)
  const run = (count: unknown) => () => model.run(none, count as number, [none], cancel())
  for (const count of impossible) await assertRefused(run(count), /an integer in 1\.\.\d+ for count/)
  for (const count of [1, 2 ** 32, 2 ** 40]) await assertRefused(run(count), /a Float32Array of \d+ for input/)
  for (const count of [2 ** 51, 2 ** 52, Number.MAX_SAFE_INTEGER])
    await assertRefused(run(count), new RegExp(`a Float32Array of ${count} x 8192 for input but received one of 0`))
  for (const count of [2 ** 52, 2 ** 62])
    await assertRefused(() => model.measure(none, count, 1), /for (input|count) but received/)
  await assertRefused(() => model.measure(new Float32Array(8192), 1, 2 ** 32), /for repeats but received 4294967296/)
  model.dispose()
})

test('a trainer refuses them too', async () => {
  const small = graphOf([conv('a', 'x', 8), fullyConnected('fc', 'a', 8), l2Normalize('y', 'fc')], {
    shape: [32, 32, 8],
  })
  const trainer = await openTrainer(small, randomTensors(small, 3))
  const embed = (count: unknown) => () => trainer.embed(none, count as number, none, cancel())
  for (const count of impossible) await assertRefused(embed(count), /an integer in 1\.\.\d+ for count/)
  for (const count of [2 ** 51, 2 ** 52])
    await assertRefused(embed(count), new RegExp(`a Float32Array of ${count} x 8192 for images but received one of 0`))
  await assertRefused(() => trainer.step(none, new Int32Array(3), { learningRate: 1, clipNorm: 0 }, cancel()), /images/)
  trainer.dispose()
})

test('crops whose bytes overflow are refused', async () => {
  const options = { height: 2 ** 24, width: 2 ** 24, device: 'reference' } as const
  const crops = new Array(2 ** 15)
  await assertRefused(
    () => native().warp(crops, options, new Uint8Array(0)),
    /a Uint8Array of 32768 x 844424930131968 for out/,
  )
})

test('clusters of more memory than a number counts are refused', async () => {
  const options = { dimensions: 1, linkage: 'single', threshold: 1, threads: 1, known: 0, device: 'reference' } as const
  for (const memoryBytes of [2 ** 70, -1, 0.5])
    await assertRefused(
      () => native().cluster(none, { ...options, memoryBytes }, new Int32Array(0), cancel()),
      /for memoryBytes of options/,
    )
})

test.run()
