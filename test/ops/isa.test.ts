/** The inner loops for older processors: the same tests, in processes that are told to use no more than that. */
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isaNames, narrowerIsas, runOnIsa } from '../support/isa.js'
import { devices } from '../support/ops.js'

const files = [
  'properties',
  'elementwise',
  'norm',
  'activation',
  'pointwise',
  'lrn',
  'preprocess',
  'embeddings',
  'fully_connected',
]

const uvu = fileURLToPath(new URL('../../node_modules/uvu/bin.js', import.meta.url))
const folder = fileURLToPath(new URL('.', import.meta.url))

for (const isa of narrowerIsas) {
  test(`${files.join(', ')} with FACENET_ISA=${isa}`, async () => {
    const { stdout } = await runOnIsa(isa, uvu, folder, `^(${files.join('|')})\\.test\\.ts$`)
    const [, total, passed] = stdout.match(/Total: +(\d+)\s+Passed: +(\d+)/) ?? []
    assert.ok(Number(total) > 1000 && passed === total, stdout)
  })
}

/** A digest of what every function of one value gives for numbers of all sizes. */
const functions = (folder: string) => `
import { createHash } from 'node:crypto'
import { graphOf, runGraph } from ${JSON.stringify(new URL('support/ops.ts', folder).href)}
const input = Float32Array.from({ length: 4096 }, (_, i) => Math.sinh((i - 2048) / 300) * (i % 2 ? 1 : 0.01))
const hash = createHash('sha256')
const bodies = ['sigmoid', 'hard_sigmoid', 'swish', 'hard_swish', 'tanh', 'elu', 'selu', 'softplus', 'gelu', 'gelu_tanh']
for (const op of bodies) {
  const graph = graphOf([1, 1, 64], [{ name: 'y', op, inputs: ['x'] }])
  const [values] = await runGraph(graph, {}, input, { device: 'cpu' })
  hash.update(values)
}
console.log(hash.digest('hex'))
`

if (devices.includes('cpu') && narrowerIsas.length > 0) {
  test('functions of one value give the same bits on every instruction set', async () => {
    const digests = new Set<string>()
    for (const isa of ['', ...narrowerIsas]) {
      const { stdout } = await runOnIsa(
        isa,
        '--input-type=module',
        '--eval',
        functions(new URL('..', import.meta.url).href),
      )
      digests.add(stdout.trim())
    }
    assert.is(digests.size, 1)
  })
}

/**
 * Whole numbers through a convolution in bf16, whose sums every order of adding gives exactly. `oneDnn`: the instructions that oneDNN may use,
 * as on a processor that has no others.
 */
const half = (folder: string, oneDnn: string) => `
process.env.ONEDNN_MAX_CPU_ISA = process.env.DNNL_MAX_CPU_ISA = ${JSON.stringify(oneDnn)}
const { graphOf, runGraph } = await import(${JSON.stringify(new URL('support/ops.ts', folder).href)})
const whole = (count) => Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 7) - 3)
const attributes = { outChannels: 32, kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] }
const tensors = { w: { shape: [32, 16, 3, 3], data: whole(32 * 16 * 9) }, b: { shape: [32], data: whole(32) } }
const graph = graphOf([9, 9, 16], [{ name: 'y', op: 'conv2d', inputs: ['x'], attributes, tensors: { weight: 'w', bias: 'b' } }])
const [values] = await runGraph(graph, tensors, whole(9 * 9 * 16), { device: 'cpu', dtype: 'bf16' })
console.log(Array.from(values).join(' '))
`

if (devices.includes('cpu') && narrowerIsas.length > 0) {
  test('convolutions in bf16 need no instruction for it', async () => {
    const printed = new Set<string>()
    for (const [isa, oneDnn] of [...['', ...narrowerIsas].map((isa) => [isa, 'ALL']), ['', 'AVX2']]) {
      const script = half(new URL('..', import.meta.url).href, oneDnn!)
      printed.add((await runOnIsa(isa!, '--input-type=module', '--eval', script)).stdout)
    }
    assert.is(printed.size, 1)
    assert.match([...printed][0]!, /\d/)
  })
}

/** Distances on each device, and what a model would be opened on: the result or the error of each. */
const program = (lib: string) => `
import { devices, pairwiseDistances } from ${JSON.stringify(lib)}
const report = async (call) => {
  try {
    return { value: await call() }
  } catch ({ name, code, message, argument, expected, received }) {
    return { name, code, message, argument, expected, received }
  }
}
const on = (device) => report(async () => [...await pairwiseDistances(Float32Array.of(0, 0, 3, 4), { dimensions: 2, device })])
console.log(JSON.stringify({ list: await report(devices), reference: await on('reference'), cpu: [await on('cpu'), await on('cpu')] }))
`

async function reportOn(isa: string) {
  const lib = new URL('../../lib/index.ts', import.meta.url).href
  const { stdout } = await runOnIsa(isa, '--input-type=module', '--eval', program(lib))
  return JSON.parse(stdout)
}

if (devices.includes('cpu')) {
  const distances = { value: [0, 25, 25, 0] }

  test('an instruction set of another name is an error of the first call that needs the CPU backend', async () => {
    const { list, reference, cpu } = await reportOn('sse9')
    assert.ok(Array.isArray(list.value), 'the devices are listed nevertheless')
    assert.equal(reference, distances)
    for (const error of cpu) {
      assert.is(error.name, 'FaceNetError')
      assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
      assert.is(error.argument, 'FACENET_ISA')
      assert.match(error.expected, /^one of the instruction sets of this machine \((.*, )?baseline\)$/)
      assert.is(error.received, 'sse9')
      assert.match(error.message, /FACENET_ISA.*sse9/)
    }
  })

  test('an instruction set that this machine cannot run is an error, any other is used', async () => {
    for (const isa of isaNames) {
      const {
        cpu: [first],
      } = await reportOn(isa)
      if ('value' in first) assert.equal(first, distances)
      else assert.is(`${first.argument} ${first.received}`, `FACENET_ISA ${isa}`)
    }
    assert.equal((await reportOn('baseline')).cpu[0], distances)
    assert.equal((await reportOn('')).cpu[0], distances)
  })
}

test.run()
