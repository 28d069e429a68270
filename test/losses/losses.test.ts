/** Losses and their gradients on every device: against PyTorch, against differences, by hand. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LossOptions } from '../../lib/index.js'
import { faces } from '../mining/oracle.js'
import { modelDevices as devices } from '../support/ops.js'
import { normals, seeded } from '../support/random.js'
import { embeddingLoss } from './on_device.js'
import { classes, labels, lossOf, rowsOf, sizes, stored } from './torch_values.js'

const { dimensions, rows } = sizes

/** The largest difference, in proportion to the largest value. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.is(actual.length, expected.length)
  const pairs = Array.from(expected, (value, i) => [value, actual[i]!] as const)
  const largest = Math.max(...pairs.map(([value]) => Math.abs(value)))
  return Math.max(...pairs.map(([value, other]) => Math.abs(value - other))) / largest
}

for (const device of devices) {
  // In fp32 a logit of 64 is rounded by 4e-6, and so is what follows of it.
  const allowed = device === 'reference' ? 2e-7 : 2e-5
  for (const { kind, options, factor, loss, gradient, classGradient } of stored.cases) {
    test(`${kind} ${JSON.stringify(options)} as PyTorch has it (${device})`, async () => {
      const settings = { dimensions, device, loss: lossOf(kind, options, classGradient !== undefined) }
      const found = await embeddingLoss(rowsOf(factor), labels, {
        ...settings,
        ...(classGradient && { classes: classes() }),
      })
      assert.ok(Math.abs(found.loss - loss) <= allowed * loss, `${found.loss} is not ${loss}`)
      const error = relativeError(found.gradient, gradient)
      assert.ok(error <= allowed, `gradient off by ${error}`)
      if (classGradient) {
        const ofClasses = relativeError(found.classGradient, classGradient)
        assert.ok(ofClasses <= allowed, `gradient of classes off by ${ofClasses}`)
      } else assert.is(found.classGradient.length, 0)
    })
  }
}

/** Mild ones, whose curvature leaves differences exact enough, and rows of lengths that adaface tells apart. */
const smooth: LossOptions[] = [
  { kind: 'arcface', numClasses: 5, scale: 4 },
  { kind: 'cosface', numClasses: 5, scale: 4 },
  { kind: 'sphereface', numClasses: 5, margin: 2, scale: 0.2 },
  { kind: 'proxy-anchor', numClasses: 5, alpha: 3 },
  { kind: 'nt-xent', temperature: 0.5 },
  { kind: 'multi-similarity', alpha: 2, beta: 3, epsilon: 2 },
]

for (const loss of smooth) {
  test(`the gradient of ${loss.kind} is the slope of the loss`, async () => {
    const [n, d] = [12, 5]
    const x = faces(n, d, 4, 3).embeddings.map((value) => value * 2)
    const of = faces(n, d, 4, 3).labels
    const weights = normals(5 * d, seeded(8))
    const at = (rows: Float32Array, w: Float32Array) =>
      embeddingLoss(rows, of, {
        dimensions: d,
        device: 'reference',
        loss,
        ...(loss.numClasses !== undefined && { classes: w }),
      })
    const { gradient, classGradient } = await at(x, weights)
    const slope = async (values: Float32Array, i: number, of: (moved: Float32Array) => ReturnType<typeof at>) => {
      const difference = async (step: number) => {
        const [above, below] = [values.slice(), values.slice()]
        above[i]! += step
        below[i]! -= step
        return ((await of(above)).loss - (await of(below)).loss) / (above[i]! - below[i]!)
      }
      // Of the error, the part in step² cancels.
      const [wide, narrow] = [await difference(2 ** -6), await difference(2 ** -7)]
      return (4 * narrow - wide) / 3
    }
    const check = (found: number, expected: number, what: string) =>
      assert.ok(Math.abs(found - expected) <= 2e-5 * Math.max(1, Math.abs(expected)), `${what}: ${found}, ${expected}`)
    for (let i = 0; i < x.length; i++) check(gradient[i]!, await slope(x, i, (moved) => at(moved, weights)), `x[${i}]`)
    for (let i = 0; i < classGradient.length; i++) {
      check(classGradient[i]!, await slope(weights, i, (moved) => at(x, moved)), `classes[${i}]`)
    }
  })
}

test('a batch of many blocks: the CPU gives what the reference does, on any number of threads', async () => {
  const [n, d, count] = [150, 37, 700]
  const { embeddings, labels: of } = faces(n, d, 40, 5)
  const weights = normals(count * d, seeded(6))
  for (const kind of ['arcface', 'sphereface', 'proxy-anchor', 'nt-xent', 'multi-similarity'] as const) {
    const has = !['nt-xent', 'multi-similarity'].includes(kind)
    const loss = { kind, ...(has && { numClasses: count }) }
    const run = (device: 'cpu' | 'reference', threads: number) =>
      embeddingLoss(embeddings, of, { dimensions: d, device, threads, loss, ...(has && { classes: weights }) })
    const [expected, one, three] = [await run('reference', 1), await run('cpu', 1), await run('cpu', 3)]
    assert.equal(three, one, kind)
    assert.ok(Math.abs(one.loss - expected.loss) <= 2e-5 * expected.loss, kind)
    assert.ok(relativeError(one.gradient, expected.gradient) < 1e-4, kind)
    if (has) assert.ok(relativeError(one.classGradient, expected.classGradient) < 1e-4, kind)
    assert.is(one.terms, expected.terms)
    assert.ok(Math.abs(one.meanPositive - expected.meanPositive) < 1e-5, kind)
    assert.ok(Math.abs(one.meanNegative - expected.meanNegative) < 1e-5, kind)
  }
})

test('by hand: two rows, two classes, and what is told of them', async () => {
  // Row 0 lies on its class, row 1 on the other one's.
  const loss = { kind: 'cosface', numClasses: 2, margin: 0, scale: 1 } as const
  const found = await embeddingLoss(Float32Array.of(3, 0, 5, 0), [0, 1], {
    dimensions: 2,
    loss,
    classes: Float32Array.of(1, 0, 0, 2),
  })
  const [right, wrong] = [Math.log(1 + Math.exp(-1)), Math.log(1 + Math.E)]
  assert.ok(Math.abs(found.loss - (right + wrong) / 2) < 1e-6)
  assert.is(found.terms, 2)
  assert.is(found.active, 1)
  assert.is(found.meanPositive, 1)
  assert.is(found.meanNegative, 1)
})

for (const device of devices) {
  test(`nothing to compare costs nothing (${device})`, async () => {
    const x = Float32Array.of(1, 0, 0, 1)
    for (const [kind, of] of [
      ['nt-xent', [0, 1]],
      ['nt-xent', [0, 0]],
      ['multi-similarity', [0, 1]],
    ] as const) {
      const { loss, terms, active, gradient } = await embeddingLoss(x, of, { dimensions: 2, device, loss: kind })
      assert.equal({ loss, terms, active }, { loss: 0, terms: 0, active: 0 })
      assert.ok(gradient.every((value) => value === 0))
    }
    const none = await embeddingLoss(new Float32Array(0), [], { dimensions: 2, device, loss: 'nt-xent' })
    assert.is(none.terms, 0)
  })
}

test(`rows of length zero and classes of length zero stay finite`, async () => {
  const loss = { kind: 'arcface', numClasses: 2 } as const
  for (const device of devices) {
    const classes = Float32Array.of(0, 0, 0, 1)
    const found = await embeddingLoss(new Float32Array(rows * 2), Array(rows).fill(1), {
      dimensions: 2,
      device,
      loss,
      classes,
    })
    for (const values of [[found.loss], found.gradient, found.classGradient]) {
      assert.ok(values.every((value) => Number.isFinite(value)))
    }
  }
})

test.run()
