/** Weights of ONNX files: of every type, in files beside the model, used or not; and functions that a model defines. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importModel } from '../../lib/convert/importers/import_model.js'
import { toBfloat16 } from '../../lib/files/model/tensor.js'
import type { OnnxNode, OnnxTensor } from '../support/onnx_writer.js'
import { convolution, head, importNetwork, onnxBytes } from './onnx_files.js'
import { assertFails, modelFails } from './support.js'

const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
const bias = Float32Array.of(1, -2, 0.5, 3, 0, -0.25)

/** A bias of 6 values through a Cast, which is folded. */
async function biasOf(tensor: OnnxTensor): Promise<number[]> {
  const cast = { op: 'Cast', inputs: ['raw'], outputs: ['b2'], attributes: { to: 1 } }
  const conv = { ...convolution(), inputs: ['x', 'w', 'b2'] }
  const { tensors } = await importNetwork({ nodes: [cast, conv, ...head('c')], initializers: { raw: tensor } })
  return Array.from([...tensors].find(([name, { shape }]) => name.endsWith('bias') && shape[0] === 6)![1].data)
}

const types: [string, number, ArrayBufferView, number[]][] = [
  ['float', 1, bias, [...bias]],
  ['double', 11, Float64Array.from(bias), [...bias]],
  ['float16', 10, Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x4200, 0, 0xb400), [...bias]],
  ['bfloat16', 16, toBfloat16({ dtype: 'f32', shape: [6], data: bias }).data as Uint16Array, [...bias]],
  ['int8', 3, Int8Array.of(1, -2, 3, -128, 127, 0), [1, -2, 3, -128, 127, 0]],
  ['uint8', 2, Uint8Array.of(1, 2, 255, 0, 4, 5), [1, 2, 255, 0, 4, 5]],
  ['int16', 5, Int16Array.of(1, -300, 3, 4, 5, 6), [1, -300, 3, 4, 5, 6]],
  ['uint16', 4, Uint16Array.of(1, 60_000, 3, 4, 5, 6), [1, 60_000, 3, 4, 5, 6]],
  ['int32', 6, Int32Array.of(1, -70_000, 3, 4, 5, 6), [1, -70_000, 3, 4, 5, 6]],
  ['uint32', 12, Uint32Array.of(1, 70_000, 3, 4, 5, 6), [1, 70_000, 3, 4, 5, 6]],
  ['int64', 7, BigInt64Array.of(1n, -2n, 3n, 4n, 5n, 6n), [1, -2, 3, 4, 5, 6]],
  ['uint64', 13, BigUint64Array.of(1n, 2n, 3n, 4n, 5n, 6n), [1, 2, 3, 4, 5, 6]],
  ['bool', 9, Uint8Array.of(1, 0, 1, 1, 0, 0), [1, 0, 1, 1, 0, 0]],
]
for (const [name, type, data, expected] of types) {
  test(`weights of type ${name}`, async () =>
    assert.equal(await biasOf({ shape: [6], type, data: bytesOf(data) }), expected))
}

test('what nothing needs is not looked at: weights of text, and nodes that no output reads', async () => {
  const odd = { op: 'NonMaxSuppression', inputs: ['c', 'text'], outputs: ['boxes'] }
  const initializers = { text: { shape: [2], type: 8, data: new Uint8Array(0) } }
  const nodes = [convolution(), odd, ...head('c')]
  assert.ok(
    (await importNetwork({ nodes, initializers, outputs: ['y', 'boxes'] }, { output: 'y', check: false })).graph,
  )
})

const external = (location: string, more: Record<string, string> = {}): Record<string, OnnxTensor> => ({
  b: { shape: [6], data: bias, external: { location, ...more } },
})
const network = (location: string, more?: Record<string, string>) => ({
  nodes: [convolution(), ...head('c')],
  initializers: external(location, more),
})

test('weights in a file beside the model', async () => {
  const file = Buffer.concat([new Uint8Array(8), bytesOf(bias)])
  const inside = await importNetwork({
    nodes: [convolution(), ...head('c')],
    initializers: { b: { shape: [6], data: bias } },
  })
  const beside = await importNetwork(network('w.data', { offset: '8', length: '24' }), {}, { 'w.data': file })
  assert.equal(beside.tensors, inside.tensors)
  assert.ok(beside.check.checked)
})

test('only from the folder of the model, wherever links lead, and only what is there', async () => {
  const file = { 'w.data': bytesOf(bias) }
  const own = /a file in the model's own folder \(copy it there\) for location of b/
  for (const location of ['../w.data', '/etc/passwd', '', '.', 'a/../../w.data', 'C:w.data', '..\\w.data']) {
    await modelFails(() => importNetwork(network(location), {}, file), own)
  }
  await modelFails(() => importNetwork(network('w.data', { offset: '4' }), {}, file), /bytes 4 to 28 of w\.data/)
  await modelFails(() => importNetwork(network('w.data', { length: '8' }), {}, file), /24 bytes/)
  await modelFails(() => importNetwork(network('w.data', { offset: '-1' }), {}, file), /a whole number/)
  await assertFails(() => importNetwork(network('none.data'), {}, file), 'ERR_FACENET_IO', /none\.data/)
  await inFolder(async (folder, outside) => {
    await writeFile(join(outside, 'secret'), bytesOf(bias))
    await writeFile(join(folder, 'm.onnx'), onnxBytes(network('link.data')))
    await symlink(join(outside, 'secret'), join(folder, 'link.data'))
    await modelFails(() => importModel(join(folder, 'm.onnx'), { mean: 0 }), own)
  })
})

async function inFolder(use: (folder: string, outside: string) => Promise<void>): Promise<void> {
  const made = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), 'facenet-external-'))))
  await use(made[0]!, made[1]!).finally(() => Promise.all(made.map((each) => rm(each, { recursive: true }))))
}

const call = (op: string, inputs: string[], outputs: string[], attributes: OnnxNode['attributes'] = {}): OnnxNode => ({
  op,
  inputs,
  outputs,
  attributes,
  domain: 'own',
})
const fn = (name: string, inputs: string[], nodes: OnnxNode[], attributes: string[] = []) => ({
  attributes,
  name,
  domain: 'own',
  inputs,
  outputs: ['out'],
  nodes,
  opset: 17,
})

test('functions: called twice, in one another, with attributes of the call', async () => {
  const leaky: OnnxNode = {
    op: 'LeakyRelu',
    inputs: ['t'],
    outputs: ['out'],
    attributes: { alpha: { reference: 'slope', type: 1 } },
  }
  const functions = [
    fn('Doubled', ['a'], [{ op: 'Add', inputs: ['a', 'a'], outputs: ['out'] }]),
    fn('Bent', ['a'], [call('Doubled', ['a'], ['t']), leaky], ['slope']),
  ]
  const bent = [
    call('Bent', ['c'], ['d'], { slope: { float: 0.3 } }),
    call('Bent', ['d'], ['e'], { slope: { float: 0.1 } }),
  ]
  const { graph, check } = await importNetwork({ nodes: [convolution(), ...bent, ...head('e')], functions })
  assert.ok(check.checked)
  assert.equal(graph.nodes.map(({ op }) => op).slice(1, 6), ['conv2d', 'add', 'prelu', 'add', 'prelu'])
})

test('functions that call themselves, or each other twice without end', async () => {
  const itself = [fn('Round', ['a'], [call('Round', ['a'], ['out'])])]
  const nodes = [convolution(), call('Round', ['c'], ['d']), ...head('d')]
  await modelFails(() => importNetwork({ nodes, functions: itself }), /does not call itself/)
  const doubling = Array.from({ length: 40 }, (_, i) =>
    fn(
      `F${i}`,
      ['a'],
      [call(i === 39 ? 'Leaf' : `F${i + 1}`, ['a'], ['t']), call(i === 39 ? 'Leaf' : `F${i + 1}`, ['t'], ['out'])],
    ),
  )
  const leaf = fn('Leaf', ['a'], [{ op: 'Relu', inputs: ['a'], outputs: ['out'] }])
  const many = [convolution(), call('F0', ['c'], ['d']), ...head('d')]
  await modelFails(() => importNetwork({ nodes: many, functions: [...doubling, leaf] }), /at most 200000/)
})

test.run()
