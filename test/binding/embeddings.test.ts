/** Arguments of l2Normalize and pairwiseDistances; test/ops checks their values. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../lib/native/addon.js'
import { failure } from './support.js'

const { l2Normalize, pairwiseDistances } = native()
const floats = (...values: number[]) => Float32Array.from(values)

test('rows are normalised and distances computed off the thread', async () => {
  const out = new Float32Array(4)
  const running = l2Normalize(floats(3, 4, 0, 0), 2, 1e-12, out, 'reference')
  assert.instance(running, Promise)
  await running
  assert.equal(out, floats(0.6, 0.8, 0, 0))
  const distances = new Float32Array(2)
  await pairwiseDistances(floats(3, 4, 0, 0), floats(0, 0), 2, distances, 'reference')
  assert.equal(distances, floats(25, 0))
})

const x = floats(1, 2, 3, 4)
const bad: [string, () => unknown, RegExp][] = [
  ['dimensions of 0', () => l2Normalize(x, 0, 0, x, 'cpu'), /at least 1 for dimensions but received 0/],
  ['half a row', () => l2Normalize(x, 3, 0, x, 'cpu'), /rows of 3 for x but received 4 values/],
  ['a NaN epsilon', () => l2Normalize(x, 2, Number.NaN, x, 'cpu'), /epsilon but received NaN/],
  ['a negative epsilon', () => l2Normalize(x, 2, -1, x, 'cpu'), /epsilon but received -1/],
  ['an array', () => l2Normalize([1, 2] as never, 2, 0, x, 'cpu'), /a Float32Array for x but received an array of 2/],
  ['a short output', () => l2Normalize(x, 2, 0, floats(1), 'cpu'), /Float32Array of 4 for out but received one of 1/],
  ['an unknown device', () => l2Normalize(x, 2, 0, x, 'tpu' as never), /for device but received "tpu"/],
  ['no arguments', () => (l2Normalize as () => unknown)(), /dimensions but received undefined/],
  ['a wrong matrix', () => pairwiseDistances(x, x, 2, floats(1), 'cpu'), /Float32Array of 4 for out/],
  ['half a row of b', () => pairwiseDistances(x, floats(1), 2, x, 'cpu'), /rows of 2 for b/],
]
for (const [name, call, message] of bad) {
  test(`${name} is refused`, async () => {
    const error = await failure(call)
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  })
}

test('distances on CUDA are refused where there is no device', async () => {
  if (native().info().cuda?.devices.length) return console.log('skipped: there is a CUDA device')
  const { code } = await failure(() => pairwiseDistances(x, x, 2, floats(1, 2, 3, 4), 'cuda'))
  assert.is(code, 'ERR_FACENET_CUDA_UNAVAILABLE')
})

test.run()
