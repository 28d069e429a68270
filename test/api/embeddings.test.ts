import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertSameFingerprint, l2Normalize, pairwiseDistances } from '../../lib/index.js'
import { rejection } from './support.js'

test('distances are squared, rows of a by rows of b', async () => {
  const a = Float32Array.of(0, 0, 3, 4)
  const b = Float32Array.of(0, 1, 3, 4, -1, 0)
  for (const device of ['auto', 'cpu', 'reference'] as const) {
    assert.equal(await pairwiseDistances(a, { dimensions: 2, b, device }), Float32Array.of(1, 25, 1, 18, 0, 32))
    assert.equal(await pairwiseDistances(a, { dimensions: 2, device }), Float32Array.of(0, 25, 25, 0))
  }
  assert.is((await pairwiseDistances(new Float32Array(0), { dimensions: 2 })).length, 0)
})

test('normalising leaves the input alone, and zeros zero', async () => {
  const x = Float32Array.of(3, 4, 0, 0)
  const close = (value: number, expected: number) => Math.abs(value - expected) <= 2 ** -23
  for (const device of ['cpu', 'reference'] as const) {
    const y = await l2Normalize(x, { dimensions: 2, device })
    assert.ok([0.6, 0.8, 0, 0].every((expected, i) => close(y[i]!, expected)))
  }
  assert.equal(x, Float32Array.of(3, 4, 0, 0))
  assert.equal(
    await l2Normalize(Float32Array.of(3, 4), { dimensions: 2, epsilon: 10, device: 'cpu' }),
    Float32Array.of(0.3, 0.4),
  )
})

const wrong: [string, Promise<unknown>, RegExp][] = [
  ['no dimensions', pairwiseDistances(new Float32Array(4), {} as never), /at least 1 for options\.dimensions/],
  [
    'a broken row',
    pairwiseDistances(new Float32Array(5), { dimensions: 2 }),
    /a multiple of 2 for a but received Float32Array of 5/,
  ],
  [
    'a broken row of b',
    pairwiseDistances(new Float32Array(4), { dimensions: 2, b: new Float32Array(1) }),
    /for options\.b/,
  ],
  ['a plain array', l2Normalize([1, 2] as never, { dimensions: 2 }), /a Float32Array for x but received an array of 2/],
  [
    'no epsilon',
    l2Normalize(new Float32Array(2), { dimensions: 2, epsilon: 0 }),
    /above zero for options\.epsilon but received 0/,
  ],
]

for (const [what, call, message] of wrong) {
  const outcome = rejection(call)
  test(`${what} is refused`, async () => {
    const error = await outcome
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  })
}

test('embeddings of different models are not compared', () => {
  assertSameFingerprint('a', 'a')
  assert.throws(() => assertSameFingerprint('a', 'b'), /embeddings of one model \(a\) for fingerprint but received b/)
})

test.run()
