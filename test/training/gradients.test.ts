/** The gradient of whole networks, against differences of the loss computed in fp64 apart from the native code. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import {
  add,
  affine,
  batchNorm,
  concat,
  conv,
  fullyConnected,
  graphOf,
  l2Normalize,
  maxout,
  pool,
  prelu,
  preprocess,
  randomTensors,
  relu,
} from '../graph/support.js'
import { evaluate, type Tensors } from '../support/evaluate.js'
import { modelDevices as devices } from '../support/ops.js'
import { f64 } from '../support/precision.js'
import { seeded } from '../support/random.js'
import { batchOf, cancel, gradientsOf, openTrainer, smooth } from './support.js'

/** Mean over all triplets of d(a, p) - d(a, n) + margin: with a margin that keeps every hinge open, the whole loss. */
function meanHinge(embeddings: Float64Array, labels: Int32Array): number {
  const n = labels.length
  const dimensions = embeddings.length / n
  const distance = (i: number, j: number) => {
    let sum = 0
    for (let k = 0; k < dimensions; k++) sum += (embeddings[i * dimensions + k]! - embeddings[j * dimensions + k]!) ** 2
    return sum
  }
  let [sum, count] = [0, 0]
  for (let a = 0; a < n; a++)
    for (let p = 0; p < n; p++)
      for (let m = 0; m < n; m++) {
        if (p === a || labels[p] !== labels[a] || labels[m] === labels[a]) continue
        sum += distance(a, p) - distance(a, m) + smooth.margin
        count++
      }
  return sum / count
}

/**
 * Central differences at the steps h and h / 2. Where the two disagree the loss has a kink between, from a ReLU or a maximum,
 * and the weight is left out: `undefined`.
 */
function difference(loss: (shift: number) => number): number | undefined {
  const at = (h: number) => (loss(h) - loss(-h)) / (2 * h)
  const [wide, narrow] = [at(1e-4), at(5e-5)]
  return Math.abs(wide - narrow) < 1e-6 * Math.max(1, Math.abs(narrow)) ? narrow : undefined
}

const lrn = (name: string, from: string): GraphNode => ({
  name,
  op: 'lrn',
  inputs: [from],
  attributes: { size: 5, alpha: 0.5, beta: 0.75, bias: 1, alphaPer: 'window' },
})
const last = (from: string): GraphNode[] => [fullyConnected('fc', from, 4), l2Normalize('y', 'fc')]

const cases: Record<string, GraphDescription> = {
  'a chain of convolutions': graphOf(
    [
      conv('a', 'x', 4, { kernel: 3 }),
      relu('a/relu', 'a'),
      conv('b', 'a/relu', 5, { kernel: 3, stride: 2, bias: false }),
      prelu('b/prelu', 'b'),
      ...last('b/prelu'),
    ],
    { shape: [5, 6, 3] },
  ),
  'an inception block, its concat in place': graphOf(
    [
      conv('stem', 'x', 4),
      relu('stem/relu', 'stem'),
      conv('1x1', 'stem/relu', 4),
      relu('1x1/relu', '1x1'),
      conv('3x3/reduce', 'stem/relu', 2),
      relu('3x3/reduce/relu', '3x3/reduce'),
      conv('3x3', '3x3/reduce/relu', 8, { kernel: 3 }),
      relu('3x3/relu', '3x3'),
      pool('pool', 'stem/relu', { op: 'l2_pool' }),
      conv('pool/1x1', 'pool', 4),
      relu('pool/relu', 'pool/1x1'),
      pool('passed', 'stem/relu'),
      concat('block', '1x1/relu', '3x3/relu', 'pool/relu', 'passed'),
      ...last('block'),
    ],
    { shape: [4, 4, 3] },
  ),
  'a slice of a concat that others read as well, and an input that is concatenated twice': graphOf(
    [
      conv('a', 'x', 4),
      conv('b', 'x', 8),
      concat('ab', 'a', 'b'),
      conv('c', 'ab', 4),
      conv('d', 'b', 4),
      concat('aa', 'a', 'a'),
      concat('all', 'c', 'd', 'aa'),
      ...last('all'),
    ],
    { shape: [3, 3, 2] },
  ),
  'residual blocks, scaled and not': graphOf(
    [
      conv('a', 'x', 4, { kernel: 3 }),
      conv('b', 'a', 4, { kernel: 3 }),
      add('ab', 'a', 'b', 0.25),
      relu('ab/relu', 'ab'),
      conv('c', 'ab/relu', 4),
      add('abc', 'c', 'ab/relu'),
      relu('abc/relu', 'abc'),
      conv('d', 'abc/relu', 4),
      add('twice', 'abc/relu', 'abc/relu', 0.5),
      add('sum', 'd', 'twice', 0.5),
      ...last('sum'),
    ],
    { shape: [3, 4, 3] },
  ),
  'norms, pools and maxout': graphOf(
    [
      conv('a', 'x', 8, { kernel: 3 }),
      affine('a/affine', 'a'),
      { name: 'a/relu6', op: 'relu6', inputs: ['a/affine'] },
      lrn('a/lrn', 'a/relu6'),
      pool('max', 'a/lrn', { stride: 2 }),
      pool('avg', 'max', { op: 'avg_pool' }),
      fullyConnected('fc1', 'avg', 12),
      maxout('fc1/maxout', 'fc1', 3),
      ...last('fc1/maxout'),
    ],
    { shape: [6, 6, 2] },
  ),
  'depthwise and grouped convolutions': graphOf(
    [
      conv('a', 'x', 6),
      relu('a/relu', 'a'),
      conv('depthwise', 'a/relu', 6, { kernel: 3, groups: 6 }),
      relu('depthwise/relu', 'depthwise'),
      conv('grouped', 'depthwise/relu', 4, { kernel: 3, groups: 2 }),
      ...last('grouped'),
    ],
    { shape: [4, 4, 2] },
  ),
  'padding, upsampling and a global pool': graphOf(
    [
      conv('a', 'x', 3),
      { name: 'up', op: 'upsample', inputs: ['a'], attributes: { factor: 2 } },
      { name: 'padded', op: 'zero_pad', inputs: ['up'], attributes: { padding: [1, 0, 0, 1], channels: 2 } },
      conv('b', 'padded', 4, { kernel: 3 }),
      { name: 'sigmoid', op: 'sigmoid', inputs: ['b'] },
      { name: 'mean', op: 'global_pool', inputs: ['sigmoid'], attributes: { kind: 'avg' } },
      ...last('mean'),
    ],
    { shape: [3, 3, 2] },
  ),
  'images of bytes': {
    ...graphOf(
      [preprocess('image', 'x'), conv('a', 'image', 4, { kernel: 3, stride: 2 }), relu('r', 'a'), ...last('r')],
      {
        shape: [6, 6, 3],
      },
    ),
    input: { name: 'x', height: 6, width: 6, channels: 3, dtype: 'u8' },
  },
}

for (const device of devices) {
  for (const [name, graph] of Object.entries(cases)) {
    test(`${name} (${device})`, async () => {
      const tensors = randomTensors(graph, 3)
      const batch = batchOf(graph, 6)
      const trainer = await openTrainer(graph, tensors, { device })
      const { report, gradients } = await gradientsOf(trainer, batch)
      trainer.dispose()

      const lossAt = (changed: Tensors) => meanHinge(evaluate(graph, changed, batch.images, 6, f64)[0]!, batch.labels)
      const loss = lossAt(tensors)
      assert.ok(Math.abs(report.lossSum / report.triplets - loss) < 1e-5 * loss, `${report.lossSum} of ${loss}`)
      assert.is(report.active, report.triplets)

      const random = seeded(11)
      let [checked, kinks] = [0, 0]
      for (const [weight, values] of gradients) {
        const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        const indices =
          values.length <= 12
            ? [...values.keys()]
            : Array.from({ length: 12 }, () => random.integer(0, values.length - 1))
        for (const i of indices) {
          const expected = difference((shift) => {
            const data = Float64Array.from(tensors[weight]!.data)
            data[i]! += shift
            return lossAt({ ...tensors, [weight]: { ...tensors[weight]!, data: data as never } })
          })
          if (expected === undefined) kinks++
          else {
            checked++
            // fp32 activations and gradients are rounded some ten times on the way.
            const allowed = 1e-4 * largest + 1e-6
            assert.ok(Math.abs(values[i]! - expected) <= allowed, `${weight}[${i}]: ${values[i]} is not ${expected}`)
          }
        }
      }
      assert.ok(checked > 20 && kinks < checked / 4, `${checked} weights checked, ${kinks} at kinks`)
    })
  }
}

for (const device of devices) {
  test(`batch normalisation by the statistics of the batch (${device})`, async () => {
    const graph = graphOf(
      [
        conv('a', 'x', 6, { kernel: 3, bias: false }),
        batchNorm('a/bn', 'a'),
        { name: 'a/sigmoid', op: 'sigmoid', inputs: ['a/bn'] },
        conv('b', 'a/sigmoid', 5, { bias: false }),
        batchNorm('b/bn', 'b'),
        ...last('b/bn'),
      ],
      { shape: [4, 4, 3] },
    )
    const tensors = randomTensors(graph, 5)
    const batch = batchOf(graph, 8)
    const trainer = await openTrainer(graph, tensors, { device })
    const { gradients } = await gradientsOf(trainer, batch)
    for (const [weight, gradient] of gradients) {
      // Along its own gradient a weight changes the loss by the gradient's length; any error in it shows in that number.
      const length = Math.hypot(...gradient)
      const lossAt = async (shift: number) => {
        const moved = tensors[weight]!.data.map((value, i) => value + (shift * gradient[i]!) / length)
        await trainer.write([weight], [moved])
        const { lossSum, triplets } = await trainer.gradient(batch.images, batch.labels, cancel())
        await trainer.write([weight], [tensors[weight]!.data])
        return lossSum / triplets
      }
      const h = 0.02
      const found = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h)
      // The loss is about 8 in fp32, 5e-7 each way, and the difference leaves out terms of h squared.
      assert.ok(Math.abs(found - length) < 0.01 * length + 1e-4, `${weight}: ${length} is not ${found}`)
    }
    trainer.dispose()
  })
}

test.run()
