/** Training by each loss: the losses of 20 steps as PyTorch has them, class weights and all. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkLoss, hasClasses } from '../../lib/embeddings/losses.js'
import { fullyConnected, graphOf, l2Normalize } from '../graph/support.js'
import { modelDevices } from '../support/ops.js'
import { cancel, openTrainer, readTensors } from '../training/support.js'
import { classes, grid, labels, lossOf, sizes, stored } from './torch_values.js'

const { dimensions, features, rows, classes: count, rate } = sizes
const graph = graphOf([fullyConnected('fc', 'x', dimensions), l2Normalize('y', 'fc')], { shape: [1, 1, features] })

const tensors = (kind: string) => ({
  'fc.weight': { shape: [dimensions, features], data: grid(dimensions * features, 3) },
  'fc.bias': { shape: [dimensions], data: grid(dimensions, 4) },
  'loss/classes': { shape: [count, dimensions], data: classes() },
  ...(kind === 'adaface' && { 'loss/lengths': { shape: [2], data: Float32Array.of(20, 100) } }),
})

for (const device of modelDevices) {
  for (const { kind, options, losses } of stored.steps) {
    test(`20 steps by ${kind} (${device})`, async () => {
      const loss = checkLoss(lossOf(kind, options, hasClasses(kind)))
      // Chunks of 4 rows: the loss is that of the whole batch.
      const trainer = await openTrainer(graph, tensors(kind), { device, loss, chunk: 4 })
      const names = trainer.tensors.filter((tensor) => tensor.kind === 'loss').map(({ name }) => name)
      assert.equal(names, [
        ...(hasClasses(kind) ? ['loss/classes'] : []),
        ...(kind === 'adaface' ? ['loss/lengths'] : []),
      ])
      for (const [step, expected] of losses.entries()) {
        const images = grid(rows * features, 100 + step)
        const settings = { learningRate: rate, clipNorm: 0 }
        const { lossSum, triplets } = await trainer.step(images, Int32Array.from(labels), settings, cancel())
        const found = lossSum / triplets
        assert.ok(Math.abs(found - expected) <= 2e-5 * expected, `step ${step}: ${found} is not ${expected}`)
      }
      if (kind === 'adaface') {
        const lengths = (await readTensors(trainer, ['loss/lengths'])).get('loss/lengths')!
        assert.ok(lengths[0]! < 20 && lengths[1]! < 100, `${lengths}`)
      }
      trainer.dispose()
    })
  }
}

test('a gradient alone leaves the running lengths of adaface as they were', async () => {
  const loss = checkLoss(lossOf('adaface', {}, true))
  const trainer = await openTrainer(graph, tensors('adaface'), { device: 'cpu', loss })
  await trainer.gradient(grid(rows * features, 100), Int32Array.from(labels), cancel())
  const lengths = await readTensors(trainer, ['loss/lengths'])
  assert.equal([...lengths.get('loss/lengths')!], [20, 100])
  trainer.dispose()
})

test.run()
