/** The optimisers against their formulas in fp64, and bit for bit between backends. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DeviceKind, OptimizerOptions } from '../../types/native.js'
import { conv, fullyConnected, graphOf, l2Normalize, randomTensors, relu } from '../graph/support.js'
import { modelDevices as devices } from '../support/ops.js'
import { integers, seeded } from '../support/random.js'
import { batchOf, cancel, gradientsOf, openTrainer, optimizer, readTensors } from './support.js'

const graph = graphOf(
  [conv('a', 'x', 5, { kernel: 3 }), relu('a/relu', 'a'), fullyConnected('fc', 'a/relu', 7), l2Normalize('y', 'fc')],
  { shape: [5, 4, 3] },
)

/** A weight and what is kept for it, changed in place by its gradient g in update t, from 1. */
interface Weight {
  w: number
  first: number
  second: number
}
type Formula = (x: Weight, g: number, rate: number, t: number) => void

const formulas: Record<string, { options: Partial<OptimizerOptions>; formula: Formula; first?: number }> = {
  sgd: {
    options: { kind: 'sgd' },
    formula: (x, g, rate) => {
      x.w -= rate * g
    },
  },
  momentum: {
    options: { kind: 'momentum', momentum: 0.8 },
    formula: (x, g, rate) => {
      x.first = 0.8 * x.first + g
      x.w -= rate * x.first
    },
  },
  'momentum, as Nesterov has it': {
    options: { kind: 'momentum', momentum: 0.8, nesterov: true },
    formula: (x, g, rate) => {
      x.first = 0.8 * x.first + g
      x.w -= rate * (g + 0.8 * x.first)
    },
  },
  adagrad: {
    options: { kind: 'adagrad', initialAccumulator: 0.01, epsilon: 1e-3 },
    first: 0.01,
    formula: (x, g, rate) => {
      x.first += g * g
      x.w -= (rate * g) / (Math.sqrt(x.first) + 1e-3)
    },
  },
  adam: {
    options: { kind: 'adam', beta1: 0.8, beta2: 0.95, epsilon: 1e-4 },
    formula: (x, g, rate, t) => {
      x.first = 0.8 * x.first + 0.2 * g
      x.second = 0.95 * x.second + 0.05 * g * g
      const [mean, square] = [x.first / (1 - 0.8 ** t), x.second / (1 - 0.95 ** t)]
      x.w -= (rate * mean) / (Math.sqrt(square) + 1e-4)
    },
  },
}

for (const device of devices) {
  for (const [name, { options, formula, first = 0 }] of Object.entries(formulas)) {
    test(`${name}: four updates at changing rates, with weight decay (${device})`, async () => {
      const tensors = randomTensors(graph, 8)
      const weightDecay = 0.01
      const trainer = await openTrainer(graph, tensors, {
        device,
        optimizer: { ...optimizer, ...options, weightDecay, decayAll: true },
      })
      const expected = new Map(
        Object.entries(tensors).map(([key, { data }]) => [
          key,
          [...data].map((w): Weight => ({ w, first, second: 0 })),
        ]),
      )
      for (const [i, learningRate] of [0.1, 0.05, 0.2, 0.01].entries()) {
        const batch = batchOf(graph, 6, { seed: i + 1 })
        // The gradient of the weights that the trainer has, so that only the update is under test.
        const { gradients } = await gradientsOf(trainer, batch)
        await trainer.step(batch.images, batch.labels, { learningRate, clipNorm: 0 }, cancel())
        const weights = await readTensors(trainer)
        for (const [key, values] of expected) {
          values.forEach((x, j) => {
            formula(x, gradients.get(key)![j]! + weightDecay * x.w, learningRate, i + 1)
            const found = weights.get(key)![j]!
            // A few roundings of fp32 an update; a weight is at most 2 and moves by at most the rate.
            assert.ok(Math.abs(found - x.w) < 2e-6, `update ${i + 1} of ${key}[${j}]: ${found} is not ${x.w}`)
          })
        }
      }
      trainer.dispose()
    })
  }
}

for (const device of devices.filter((kind) => kind !== 'reference')) {
  test(`${device} makes the bits of the reference of the same gradients`, async () => {
    // Small integers and eight triplets, so that the gradient is exact everywhere; updates at rate 0 give the slots a past.
    const exact = graphOf([fullyConnected('y', 'x', 41)], { shape: [1, 1, 23] })
    const random = seeded(9)
    const tensors = {
      'y.weight': { shape: [41, 23], data: integers(41 * 23, random) },
      'y.bias': { shape: [41], data: integers(41, random) },
    }
    const images = integers(4 * 23, random)
    for (const [name, { options }] of Object.entries(formulas)) {
      const run = async (device: DeviceKind) => {
        const settings = { ...optimizer, ...options, weightDecay: 0.01 }
        const trainer = await openTrainer(exact, tensors, { device, optimizer: settings, margin: 1e6 })
        for (const learningRate of [0, 0, 0.1]) {
          const report = await trainer.step(
            images,
            Int32Array.of(0, 0, 1, 1),
            { learningRate, clipNorm: 0.3 },
            cancel(),
          )
          assert.is(report.active, 8)
        }
        const read = await readTensors(trainer)
        trainer.dispose()
        return read
      }
      assert.equal(await run(device), await run('reference'), name)
    }
  })
}

test.run()
