/** Every import of an ONNX file is compared with what onnxruntime makes of the file, and written only where they agree. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkImport } from '../../lib/convert/importers/check.js'
import { checkImages } from '../../lib/convert/importers/check_images.js'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { parseOnnx } from '../../lib/convert/importers/onnx.js'
import { loadOnnxRuntime } from '../../lib/convert/importers/onnxruntime.js'
import { convolution, head, importNetwork, type Network, onnxBytes, weights } from './onnx_files.js'
import { assertFails, modelFails } from './support.js'

const network: Network = { nodes: [convolution(), { op: 'Relu', inputs: ['c'], outputs: ['r'] }, ...head('r')] }

test('the result says how many images were compared, and how far they differ', async () => {
  const { check } = await importNetwork(network, { check: undefined })
  assert.ok(check.checked)
  assert.is(check.images, 2)
  assert.ok(check.difference < 1e-6 && check.tolerance === 1e-4, String(check.difference))
})

test('it is not compared where that is asked for', async () => {
  assert.equal((await importNetwork(network, { check: false })).check, {
    checked: false,
    reason: 'it was not asked for',
  })
})

/** Channels in another order, inputs of other types and layouts: the file is fed what its own input rule makes. */
const inputs: [string, Network, object][] = [
  ['bgr', network, { color: 'bgr', mean: [1, 2, 3], scale: [0.1, 0.2, 0.3] }],
  ['a fixed batch', { ...network, inputs: { x: [4, 3, 16, 16] } }, {}],
  ['an open batch', { ...network, inputs: { x: [0, 3, 16, 16] } }, {}],
  [
    'channels last',
    {
      nodes: [
        { op: 'Transpose', inputs: ['x'], outputs: ['t'], attributes: { perm: [0, 3, 1, 2] } },
        convolution('t'),
        ...head('c'),
      ],
      inputs: { x: [1, 16, 16, 3] },
    },
    {},
  ],
  [
    'bytes',
    {
      nodes: [{ op: 'Cast', inputs: ['x'], outputs: ['f'], attributes: { to: 1 } }, convolution('f'), ...head('c')],
      inputType: 2,
    },
    { mean: undefined, scale: undefined },
  ],
  [
    'half precision',
    {
      nodes: [{ op: 'Cast', inputs: ['x'], outputs: ['f'], attributes: { to: 1 } }, convolution('f'), ...head('c')],
      inputType: 10,
    },
    {},
  ],
]
for (const [name, file, options] of inputs) {
  test(`compared: an input with ${name}`, async () => {
    const { check } = await importNetwork(file, options)
    assert.ok(check.checked && check.difference < (name === 'half precision' ? 1e-3 : 1e-6), JSON.stringify(check))
  })
}

test('an import that computes something else is an error', async () => {
  const path = 'network.onnx'
  const bytes = onnxBytes(network)
  const source = parseOnnx(bytes, { path })
  const lowered = lowerModel(source, { mean: 127.5, scale: 1 / 128 })
  assert.ok((await checkImport(source, lowered, true)).checked)
  const [, bias] = [...lowered.tensors].find(([name]) => name.endsWith('.bias'))!
  bias.data[0] = bias.data[0]! + 0.01
  await modelFails(
    () => checkImport(source, lowered, false),
    /within 0\.0001 of onnxruntime's for the import of network\.onnx/,
  )
})

test('a file that onnxruntime does not run is imported, and said not to have been compared', async () => {
  const old = { ...network, opset: 6 }
  const { check } = await importNetwork(old, { check: undefined })
  assert.ok(!check.checked)
  assert.match(check.reason, /onnxruntime does not run this file: .*\(6\)/)
  await assertFails(
    () => importNetwork(old),
    'ERR_FACENET_INVALID_ARGUMENT',
    /an import that can be compared for check/,
  )
})

test('where onnxruntime-node is not installed there is nothing to compare with', async () => {
  assert.is(await loadOnnxRuntime('onnxruntime-node-that-is-not-there'), undefined)
  assert.ok((await loadOnnxRuntime())?.InferenceSession)
})

test('the images differ, and use all of the range', () => {
  const images = checkImages({ name: 'x', height: 40, width: 30, channels: 3, dtype: 'u8' }, 2)
  const [first, second] = [images.subarray(0, 3600), images.subarray(3600)]
  assert.ok(first.some((value, i) => Math.abs(value - second[i]!) > 100))
  assert.ok(images.includes(255) && Math.min(...images) < 20)
})

test('several outputs: the one that is named, or what a node before them makes', async () => {
  const logits = { op: 'Gemm', inputs: ['y', 'lw'], outputs: ['logits'] }
  const file = {
    nodes: [...network.nodes, logits],
    outputs: ['logits', 'y'],
    initializers: { ...weights, lw: { shape: [8, 20], data: new Float32Array(160).fill(0.1) } },
  }
  await modelFails(() => importNetwork(file), /one, the embedding: name it .* received logits, y/)
  assert.is((await importNetwork(file, { output: 'y' })).graph.nodes.length, 5)
  const inner = await importNetwork(file, { output: 'flat' })
  assert.ok(inner.check.checked)
  assert.is(inner.graph.nodes.at(-1)!.op, 'global_pool')
  await assertFails(
    () => importNetwork(file, { output: 'z' }),
    'ERR_FACENET_INVALID_ARGUMENT',
    /one of logits, y, or the name of what a node makes for output but received z/,
  )
})

test.run()
