/** What mineTriplets and tripletLoss refuse, and how. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { mineTriplets, tripletLoss } from '../../lib/index.js'
import { native } from '../../lib/native/addon.js'
import { whyNoCuda } from '../../lib/native/devices.js'
import { newCancel } from '../../lib/native/queue.js'
import { rejection } from '../api/support.js'
import { failure } from '../binding/support.js'
import { turns } from '../support/aborting.js'
import { columns, faces } from './oracle.js'

const x = new Float32Array(8).fill(0.5)
const labels = Int32Array.of(0, 0, 1, 1)
const one = columns([[0, 1, 2]])
const options = { dimensions: 2 }

const wrong: [string, () => Promise<unknown>, RegExp][] = [
  ['no options', () => mineTriplets(x, labels, undefined as never), /an object for options but received undefined/],
  ['an unknown option', () => mineTriplets(x, labels, { ...options, alpha: 1 } as never), /options\.alpha/],
  ['no dimensions', () => mineTriplets(x, labels, {} as never), /options\.dimensions but received undefined/],
  ['half a row', () => mineTriplets(x, labels, { dimensions: 3 }), /a multiple of 3 for embeddings/],
  ['an array of floats', () => mineTriplets([1, 2] as never, labels, options), /a Float32Array for embeddings/],
  ['NaN', () => mineTriplets(Float32Array.of(1, 2, 3, Number.NaN), [0, 0], options), /finite.*received NaN in row 1/],
  ['infinity', () => tripletLoss(Float32Array.of(Infinity, 2), columns([]), options), /received Infinity in row 0/],
  ['huge values', () => mineTriplets(Float32Array.of(1e20, 2), [0], options), /at most 1000000000000000/],
  ['too few labels', () => mineTriplets(x, [0, 1], options), /4 of them.*labels but received an array of 2/],
  ['labels of another type', () => mineTriplets(x, new Float32Array(4) as never, options), /an Int32Array or an array/],
  [
    'a label of 1.5',
    () => mineTriplets(x, [0, 0, 1.5, 1], options),
    /a 32-bit integer for labels\[2\] but received 1\.5/,
  ],
  ['a label of 2^31', () => mineTriplets(x, [0, 0, 1, 2 ** 31], options), /labels\[3\] but received 2147483648/],
  ['a name', () => mineTriplets(x, [0, 0, 1, 'anna'] as never, options), /labels\[3\] but received anna/],
  [
    'an unknown strategy',
    () => mineTriplets(x, labels, { ...options, strategy: 'easy' as never }),
    /one of all, semi-hard, hard for options\.strategy/,
  ],
  ['an unknown device', () => mineTriplets(x, labels, { ...options, device: 'tpu' as never }), /options\.device/],
  ['no threads', () => mineTriplets(x, labels, { ...options, threads: 0 }), /options\.threads but received 0/],
  ['no signal', () => mineTriplets(x, labels, { ...options, signal: {} as never }), /an AbortSignal/],
  ...[0, -1, 4.5, Number.NaN, Infinity, 1e-60, '0.2'].flatMap((margin): [string, () => Promise<unknown>, RegExp][] => [
    [
      `a margin of ${margin}`,
      () => mineTriplets(x, labels, { ...options, margin: margin as never }),
      /above 0 and at most 4 for options\.margin/,
    ],
    [
      `a loss margin of ${margin}`,
      () => tripletLoss(x, one, { ...options, margin: margin as never }),
      /options\.margin/,
    ],
  ]),
  ['a strategy for the loss', () => tripletLoss(x, one, { ...options, strategy: 'all' } as never), /options\.strategy/],
  ['no triplets', () => tripletLoss(x, undefined as never, options), /an object for triplets/],
  ['no negatives', () => tripletLoss(x, { ...one, negatives: undefined as never }, options), /triplets\.negatives/],
  ['other lengths', () => tripletLoss(x, { ...one, positives: Int32Array.of(1, 2) }, options), /as many as anchors, 1/],
  [
    'a row that is not there',
    () =>
      tripletLoss(
        x,
        columns([
          [0, 1, 2],
          [0, 1, 4],
        ]),
        options,
      ),
    /one of 4 rows for triplets\.negatives\[1\] but received 4/,
  ],
  ['a negative index', () => tripletLoss(x, columns([[-1, 1, 2]]), options), /triplets\.anchors\[0\] but received -1/],
]
for (const [what, call, message] of wrong) {
  test(`${what} is refused`, async () => {
    const error = await rejection(call())
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT', error.message)
    assert.match(error.message, message)
  })
}

const withoutCuda = whyNoCuda(native().info()) ? test : test.skip // there is a device
withoutCuda('CUDA is refused where there is none', async () => {
  for (const call of [
    mineTriplets(x, labels, { ...options, device: 'cuda' }),
    tripletLoss(x, one, { ...options, device: 'cuda' }),
  ]) {
    assert.is((await rejection(call)).code, 'ERR_FACENET_CUDA_UNAVAILABLE')
  }
})

test('an aborted call rejects with the reason as its cause, before or during the work', async () => {
  const before = await rejection(mineTriplets(x, labels, { ...options, signal: AbortSignal.abort('enough') }))
  assert.is(before.code, 'ERR_FACENET_ABORTED')
  const { embeddings, labels: many } = faces(2500, 64, 50, 1)
  const controller = new AbortController()
  const during = rejection(
    mineTriplets(embeddings, many, { dimensions: 64, strategy: 'all', device: 'reference', signal: controller.signal }),
  )
  await turns(1)
  controller.abort('enough')
  const error = (await during) as { code: string; cause?: unknown }
  assert.is(error.code, 'ERR_FACENET_ABORTED')
  assert.is(error.cause, 'enough')
})

test('labels may change once the call was made', async () => {
  const { embeddings, labels } = faces(500, 64, 5, 2)
  const expected = await mineTriplets(embeddings, labels, { dimensions: 64 })
  const running = mineTriplets(embeddings, labels, { dimensions: 64 })
  labels.fill(0)
  assert.equal(await running, expected)
})

test('the addon itself refuses what would lead out of the embeddings', async () => {
  const settings = { dimensions: 2, margin: 0.2, threads: 1, device: 'cpu' } as const
  const cancel = newCancel()
  const gradient = new Float32Array(8)
  const { mineTriplets, tripletLoss } = native()
  const calls: [() => unknown, RegExp][] = [
    [() => mineTriplets(x, Int32Array.of(1), { ...settings, strategy: 'all' }, cancel), /Int32Array of 4 for labels/],
    [() => mineTriplets(x, labels, { ...settings, strategy: 'easy' as never }, cancel), /strategy/],
    [() => mineTriplets(x, labels, { ...settings, margin: 0, strategy: 'all' }, cancel), /margin/],
    [() => tripletLoss(x, columns([[0, 1, 9]]), settings, gradient, cancel), /indices of 4 rows for negatives/],
    [() => tripletLoss(x, one, settings, new Float32Array(2), cancel), /Float32Array of 8 for gradient/],
    [() => tripletLoss(x, one, settings, gradient, new Int32Array(1) as never), /cancel/],
  ]
  for (const [call, message] of calls) {
    const error = await failure(call)
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  }
})

test.run()
