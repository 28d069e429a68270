/** Selection and loss on CUDA beyond what test/mining asks of every device: orders of threads, memory, an abort. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Strategy, Triplets } from '../../lib/index.js'
import { newCancel } from '../../lib/native/queue.js'
import type { DeviceKind } from '../../types/native.js'
import { mineTriplets, tripletLoss } from '../mining/on_device.js'
import { columns, faces } from '../mining/oracle.js'
import { addonFor, cudaAddon, emulate, isEmulated } from '../support/addons.js'

const strategies: Strategy[] = ['all', 'semi-hard', 'hard']
const [n, dimensions] = [300, 16]
const { embeddings, labels } = faces(n, dimensions, 25, 3)

const mineOn = (device: DeviceKind, strategy: Strategy) =>
  addonFor(device).mineTriplets(
    embeddings,
    labels,
    { dimensions, margin: 0.1, threads: 2, device, strategy },
    newCancel(),
  )
const lossOn = async (device: DeviceKind, triplets: Triplets) => {
  const gradient = new Float32Array(embeddings.length)
  const settings = { dimensions, margin: 0.1, threads: 2, device }
  return {
    ...(await addonFor(device).tripletLoss(embeddings, triplets, settings, gradient, newCancel())),
    gradient,
  }
}

for (const settings of isEmulated ? ['', 'order=reverse', 'order=shuffled seed=5'] : ['']) {
  test(`the reference's triplets, loss and gradient, bit for bit ${settings}`, async () => {
    emulate(settings)
    try {
      for (const strategy of strategies) {
        const expected = await mineOn('reference', strategy)
        assert.ok(expected.anchors.length > 100)
        assert.equal(await mineOn('cuda', strategy), expected)
        assert.equal(await lossOn('cuda', expected), await lossOn('reference', expected))
      }
    } finally {
      emulate('')
    }
  })
}

test('an aborted call is refused', async () => {
  const settings = { dimensions, margin: 0.2, threads: 1, device: 'cuda', strategy: 'all' } as const
  const aborted = newCancel(1)
  const gradient = new Float32Array(embeddings.length)
  for (const call of [
    () => cudaAddon().mineTriplets(embeddings, labels, settings, aborted),
    () => cudaAddon().tripletLoss(embeddings, columns([[0, 1, 2]]), settings, gradient, aborted),
  ]) {
    assert.is(await codeOf(call), 'ERR_FACENET_ABORTED')
  }
})

const onEmulated = isEmulated ? test : test.skip // a GPU's memory does not end when it is told to
onEmulated('memory that runs out is an error, after which calls go on', async () => {
  for (const strategy of strategies) {
    const options = { dimensions, strategy, device: 'cuda' } as const
    const triplets = await mineTriplets(embeddings, labels, options)
    for (const call of [
      () => mineTriplets(embeddings, labels, options),
      () => tripletLoss(embeddings, triplets, { dimensions, device: 'cuda' }),
    ]) {
      emulate('failed-allocations=1')
      assert.is(await codeOf(call), 'ERR_FACENET_CUDA_OOM')
      emulate('')
      await call()
    }
  }
})

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
  } catch (error) {
    return (error as { code: string }).code
  }
  throw new Error('The call was expected to fail')
}

test.run()
