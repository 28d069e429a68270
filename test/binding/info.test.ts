import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { native } from '../../lib/native/addon.js'
import { chain, failure, open } from './support.js'

const info = native().info()

test('info tells version, oneDNN, libjpeg-turbo and instruction set', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  assert.is(info.version, version)
  assert.ok(info.onednn === null || /^\d+\.\d+\.\d+$/.test(info.onednn))
  assert.ok(info.jpeg === null || /^\d+\.\d+\.\d+$/.test(info.jpeg))
  assert.ok(['avx512_amx', 'avx512_bf16', 'avx512', 'avx2', 'baseline'].includes(info.isa), info.isa)
})

test('info says of CUDA what was built in, and either a device or a reason', () => {
  if (!info.cuda) return
  assert.equal(info.cuda.architectures.toSorted(), ['compute_80', 'sm_80', 'sm_90a'])
  assert.ok(info.cuda.runtime >= 11000)
  assert.is(info.cuda.reason === '', info.cuda.devices.length > 0)
  if (info.cuda.driver === 0) assert.is(info.cuda.reason, 'no NVIDIA driver is installed')
  for (const device of info.cuda.devices) {
    assert.ok(Number(device.computeCapability) >= 8)
    assert.ok(device.memoryBytes > 0)
  }
})

test('without a device a model on CUDA is refused with the reason', async () => {
  if (info.cuda?.devices.length) return
  const { code, message } = await failure(() => open(chain(4, 1), { device: 'cuda' }))
  assert.is(code, 'ERR_FACENET_CUDA_UNAVAILABLE')
  const reason = info.cuda === null ? 'this build has no CUDA' : info.cuda.reason
  assert.ok(message.includes(reason), message)
})

test('L2 normalisation on CUDA runs where there is a device and names the reason where there is none', async () => {
  for (const dimensions of [3, 128, 512, 2050]) {
    const x = Float32Array.from({ length: 5 * dimensions }, (_, i) => ((i * 37) % 101) / 50 - 1)
    x.fill(0, dimensions, 2 * dimensions)
    const out = new Float32Array(x.length)
    const run = (device: 'cuda' | 'reference', to: Float32Array) =>
      native().l2Normalize(x, { dimensions, epsilon: 1e-12, device }, to)
    if (info.cuda?.devices.length) {
      const expected = new Float32Array(x.length)
      await run('reference', expected)
      await run('cuda', out)
      // A sum of n terms in fp32 in a tree of adds, a square root and a division: a few units in the last place.
      for (const [i, value] of out.entries()) assert.ok(Math.abs(value - expected[i]!) <= 1e-6 * Math.abs(expected[i]!))
    } else {
      assert.is((await failure(() => run('cuda', out))).code, 'ERR_FACENET_CUDA_UNAVAILABLE')
    }
  }
})

test.run()
