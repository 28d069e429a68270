/** Arguments of l2Normalize and pairwiseDistances; test/ops checks their values. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../lib/native/addon.js'
import type { DeviceKind } from '../../types/native.js'
import { failure } from './support.js'

const { l2Normalize, pairwiseDistances } = native()
const floats = (...values: number[]) => Float32Array.from(values)
const on = (dimensions: number, device: DeviceKind, epsilon = 1e-12) => ({ dimensions, epsilon, device, threads: 1 })

test('rows are normalised and distances computed off the thread', async () => {
  const out = new Float32Array(4)
  const running = l2Normalize(floats(3, 4, 0, 0), on(2, 'reference'), out)
  assert.instance(running, Promise)
  await running
  assert.equal(out, floats(0.6, 0.8, 0, 0))
  const distances = new Float32Array(2)
  await pairwiseDistances(floats(3, 4, 0, 0), floats(0, 0), on(2, 'reference'), distances)
  assert.equal(distances, floats(25, 0))
})

const x = floats(1, 2, 3, 4)
const bad: [string, () => unknown, RegExp][] = [
  [
    'dimensions of 0',
    () => l2Normalize(x, on(0, 'cpu'), x),
    /in 1\.\.2147483647 for dimensions of options but received 0/,
  ],
  [
    'huge dimensions',
    () => l2Normalize(x, on(2 ** 62, 'cpu'), x),
    /for dimensions of options but received 4611686018427/,
  ],
  ['half a row', () => l2Normalize(x, on(3, 'cpu'), x), /rows of 3 for x but received 4 values/],
  ['a NaN epsilon', () => l2Normalize(x, on(2, 'cpu', Number.NaN), x), /epsilon of options but received NaN/],
  ['a negative epsilon', () => l2Normalize(x, on(2, 'cpu', -1), x), /epsilon of options but received -1/],
  ['an array', () => l2Normalize([1, 2] as never, on(2, 'cpu'), x), /a Float32Array for x but received an array of 2/],
  ['a short output', () => l2Normalize(x, on(2, 'cpu'), floats(1)), /Float32Array of 4 for out but received one of 1/],
  ['an unknown device', () => l2Normalize(x, on(2, 'tpu' as never), x), /for device of options but received "tpu"/],
  ['half a device', () => l2Normalize(x, { ...on(2, 'cpu'), deviceIndex: 0.5 }, x), /for deviceIndex of options but/],
  ['no arguments', () => (l2Normalize as () => unknown)(), /dimensions of options but received nothing/],
  ['a wrong matrix', () => pairwiseDistances(x, x, on(2, 'cpu'), floats(1)), /Float32Array of 4 for out/],
  ['half a row of b', () => pairwiseDistances(x, floats(1), on(2, 'cpu'), x), /rows of 2 for b/],
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
  const { code } = await failure(() => pairwiseDistances(x, x, on(2, 'cuda'), floats(1, 2, 3, 4)))
  assert.is(code, 'ERR_FACENET_CUDA_UNAVAILABLE')
})

test.run()
