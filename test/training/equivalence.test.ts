/** What must not change the gradient: chunks, threads, the backend. And what must: frozen weights. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { networks } from '../../lib/convert/networks/index.js'
import { initialWeights } from '../../lib/convert/networks/initialize.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import type { TrainerOptions } from '../../types/native.js'
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
import { cudaTest } from '../support/addons.js'
import { modelDevices as devices } from '../support/ops.js'
import { batchOf, cancel, gradientsOf, largestRelativeError, openTrainer, optimizer, readTensors } from './support.js'

const plain = graphOf(
  [
    conv('a', 'x', 8, { kernel: 3 }),
    relu('a/relu', 'a'),
    conv('b', 'a/relu', 8),
    pool('c', 'a/relu'),
    concat('bc', 'b', 'c'),
    fullyConnected('fc', 'bc', 8),
    l2Normalize('y', 'fc'),
  ],
  { shape: [7, 7, 3] },
)
const normalised = graphOf(
  [
    conv('a', 'x', 8, { kernel: 3, bias: false }),
    batchNorm('a/bn', 'a'),
    relu('a/relu', 'a/bn'),
    conv('b', 'a/relu', 8, { bias: false }),
    batchNorm('b/bn', 'b'),
    fullyConnected('fc', 'b/bn', 8),
    l2Normalize('y', 'fc'),
  ],
  { shape: [5, 5, 3] },
)

for (const device of devices) {
  test(`the gradient of a batch in chunks is that of the undivided batch (${device})`, async () => {
    const batch = batchOf(plain, 30, { faces: 3 })
    const tensors = randomTensors(plain, 2)
    for (const strategy of ['all', 'semi-hard', 'hard'] as const) {
      const gradientAt = async (chunk: number) => {
        const trainer = await openTrainer(plain, tensors, { device, chunk, strategy, margin: 0.4 })
        const result = await gradientsOf(trainer, batch)
        trainer.dispose()
        return result
      }
      const whole = await gradientAt(30)
      assert.equal(whole.report.chunks, [30])
      assert.ok(whole.report.triplets > 0)
      for (const [chunk, sizes] of [
        [29, [15, 15]],
        [7, [6, 6, 6, 6, 6]],
        [4, [3, 4, 4, 4, 3, 4, 4, 4]],
        [1, Array(30).fill(1)],
      ] as const) {
        const { report, gradients } = await gradientAt(chunk)
        assert.equal(report.chunks, [...sizes])
        assert.is(report.triplets, whole.report.triplets, strategy)
        // Sums over images are rounded to fp32 once a chunk.
        const error = largestRelativeError(gradients, whole.gradients)
        assert.ok(error < 5e-6, `${strategy}, chunks of ${chunk}: ${error}`)
      }
    }
  })

  test(`the gradient does not depend on threads, not in one bit (${device})`, async () => {
    const gradients = await Promise.all(
      [1, 2, 5].map(async (threads) => {
        const trainer = await openTrainer(normalised, randomTensors(normalised, 4), { device, threads, chunk: 8 })
        const result = await gradientsOf(trainer, batchOf(normalised, 20))
        trainer.dispose()
        return result.gradients
      }),
    )
    assert.equal(gradients[1], gradients[0])
    assert.equal(gradients[2], gradients[0])
  })

  test(`a step moves the running statistics once a chunk, however often the chunk goes forward (${device})`, async () => {
    const tensors = randomTensors(normalised, 4)
    const { images, labels } = batchOf(normalised, 12)
    const chunk = 12 * 5 * 5 * 3
    // The same images in both halves: two chunks of equal statistics, of which the first is replayed.
    const twice = new Float32Array(2 * chunk)
    twice.set(images, 0)
    twice.set(images, chunk)
    const statistics = async (input: Float32Array, of: Int32Array, statisticsRate: number) => {
      const trainer = await openTrainer(normalised, tensors, { device, chunk: 12, statisticsRate })
      await trainer.step(input, of, { learningRate: 1e-3, clipNorm: 0 }, cancel())
      const read = await readTensors(trainer)
      trainer.dispose()
      return ['a/bn.mean', 'a/bn.variance'].map((name) => read.get(name)!)
    }
    const once = await statistics(images as Float32Array, labels, 0.1)
    const two = await statistics(twice, Int32Array.from([...labels, ...labels]), 0.1)
    // Twice a tenth of the way leaves 0.81 of the distance.
    once.forEach((values, i) => {
      const before = tensors[['a/bn.mean', 'a/bn.variance'][i]!]!.data
      values.forEach((value, c) => {
        const target = before[c]! + (value - before[c]!) * 10
        assert.ok(
          Math.abs(two[i]![c]! - (target + 0.81 * (before[c]! - target))) < 1e-5 * Math.max(1, Math.abs(target)),
        )
      })
    })
  })

  test(`frozen layers and tensors have no gradient, and the others the same (${device})`, async () => {
    const tensors = randomTensors(plain, 6)
    const batch = batchOf(plain, 10)
    const free = await openTrainer(plain, tensors, { device })
    const { gradients: all } = await gradientsOf(free, batch)
    const frozen = await openTrainer(plain, tensors, { device, frozen: ['a', 'fc.bias'] })
    const { gradients } = await gradientsOf(frozen, batch)
    for (const [name, values] of gradients) {
      const still = ['a.weight', 'a.bias', 'fc.bias'].includes(name)
      assert.is(frozen.tensors.find((tensor) => tensor.name === name)!.frozen, still)
      assert.equal(values, still ? new Float32Array(values.length) : all.get(name))
    }
    // Nothing goes backward below the lowest layer that is trained.
    assert.equal(
      frozen.plan.backward.map(({ layers }) => layers[0]),
      ['y', 'fc', 'b'],
    )
    assert.equal(
      free.plan.backward.map(({ layers }) => layers[0]),
      ['y', 'fc', 'c', 'b', 'a'],
    )
    free.dispose()
    frozen.dispose()
  })

  test(`a frozen batch normalisation goes by its running statistics, as the model will (${device})`, async () => {
    const tensors = randomTensors(normalised, 4)
    const { images, labels } = batchOf(normalised, 8)
    const trainer = await openTrainer(normalised, tensors, { device, frozen: ['a*', 'b*'], chunk: 3 })
    const { report } = await gradientsOf(trainer, { images, labels })
    const embeddings = new Float32Array(8 * 8)
    await trainer.embed(images, 8, embeddings, cancel())
    let [sum, count] = [0, 0]
    const squared = (i: number, j: number) =>
      Array.from({ length: 8 }, (_, k) => (embeddings[i * 8 + k]! - embeddings[j * 8 + k]!) ** 2).reduce(
        (a, b) => a + b,
      )
    for (let a = 0; a < 8; a++)
      for (let p = 0; p < 8; p++)
        for (let n = 0; n < 8; n++)
          if (p !== a && labels[p] === labels[a] && labels[n] !== labels[a]) {
            sum += squared(a, p)
            count++
          }
    assert.is(report.triplets, count)
    assert.ok(Math.abs(report.meanPositive - sum / count) < 1e-5)
    await trainer.step(images, labels, { learningRate: 0.1, clipNorm: 0 }, cancel())
    const after = await readTensors(trainer)
    for (const name of ['a/bn.mean', 'a/bn.variance', 'a.weight']) assert.equal(after.get(name), tensors[name]!.data)
    trainer.dispose()
  })

  test(`weight decay is on weights alone, unless told; clipping scales the whole gradient (${device})`, async () => {
    const tensors = randomTensors(plain, 6)
    const { images, labels } = batchOf(plain, 10)
    const after = async (options: Partial<typeof optimizer>, clipNorm = 0) => {
      const trainer = await openTrainer(plain, tensors, { device, optimizer: { ...optimizer, ...options } })
      const report = await trainer.step(images, labels, { learningRate: 1, clipNorm }, cancel())
      const read = await readTensors(trainer)
      trainer.dispose()
      return { report, read }
    }
    const { report, read: free } = await after({})
    for (const decayAll of [false, true]) {
      const { read } = await after({ weightDecay: 0.125, decayAll })
      for (const name of ['a.weight', 'a.bias', 'fc.weight']) {
        const decays = decayAll || name.endsWith('weight')
        read.get(name)!.forEach((value, i) => {
          const expected = free.get(name)![i]! - (decays ? 0.125 * tensors[name]!.data[i]! : 0)
          assert.ok(Math.abs(value - expected) < 1e-6, `${name}[${i}]: ${value} is not ${expected}`)
        })
      }
    }
    const half = await after({}, report.gradientNorm / 2)
    for (const [name, { data }] of Object.entries(tensors)) {
      half.read.get(name)!.forEach((value, i) => {
        const expected = (data[i]! + free.get(name)![i]!) / 2
        assert.ok(Math.abs(value - expected) < 1e-6, `${name}[${i}]: ${value} is not ${expected}`)
      })
    }
  })
}

/**
 * NNS2 without kinks: one in a million activations lies within rounding of the kink of its ReLU or of a tie for a maximum and
 * falls to the other side, and with few images that one is seen in the gradients of all layers before it.
 */
function smoothed(graph: GraphDescription): GraphDescription {
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.op === 'relu') return { ...node, op: 'sigmoid' }
    return node.op === 'max_pool' ? { ...node, op: 'avg_pool' } : node
  })
  return { ...graph, nodes }
}

// Batch normalisation keeps embeddings apart; without it those of sigmoids are nearly equal, and rounding is all there is.
const smoothedNns2 = smoothed(networks.nns2.graph({ dimensions: 16, batchNorm: true }))

async function smoothedGradients(options: Partial<TrainerOptions>) {
  const trainer = await openTrainer(smoothedNns2, Object.fromEntries(initialWeights(smoothedNns2, 1)), options)
  const result = await gradientsOf(trainer, batchOf(smoothedNns2, 6))
  trainer.dispose()
  return result
}

for (const device of devices.filter((kind) => kind !== 'reference')) {
  test(`${device} gives a smoothed NNS2 the gradient that the reference gives`, async () => {
    const reference = await smoothedGradients({ device: 'reference' })
    const { report, gradients } = await smoothedGradients({ device })
    assert.ok(Math.abs(report.lossSum / reference.report.lossSum - 1) < 1e-6)
    // 57 layers of fp32, forward and backward.
    const error = largestRelativeError(gradients, reference.gradients)
    assert.ok(error < 5e-4, `${error}`)
  })
}

for (const [device, addTest] of [
  ['cpu', test],
  ['cuda', cudaTest],
] as const) {
  for (const [name, graph] of Object.entries({ plain, normalised })) {
    addTest(`in bf16 the gradient has the direction that it has in fp32: ${name} (${device})`, () =>
      assertSameDirection(graph, device),
    )
  }
}

async function assertSameDirection(graph: GraphDescription, device: 'cpu' | 'cuda') {
  const [exact, rounded] = await Promise.all(
    [{}, { device, dtype: 'bf16' } as const].map(async (options) => {
      const trainer = await openTrainer(graph, randomTensors(graph, 6), { ...options, chunk: 8 })
      const { gradients } = await gradientsOf(trainer, batchOf(graph, 30))
      trainer.dispose()
      return [...gradients.values()].flatMap((values) => [...values])
    }),
  )
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const cosine = dot(exact!, rounded!) / Math.sqrt(dot(exact!, exact!) * dot(rounded!, rounded!))
  assert.ok(cosine > 0.999, `the cosine is ${cosine}`)
}

test.run()
