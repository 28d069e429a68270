/**
 * Small inputs that ask for much: each is refused by a limit that has a name, before the work or the memory is spent. None of these
 * took less than 40 seconds or two gigabytes where nothing bounded it.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { importModel } from '../../lib/convert/importers/import_model.js'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { readNpyDictionary } from '../../lib/convert/importers/npy.js'
import { parseOnnx } from '../../lib/convert/importers/onnx.js'
import { recognisePatterns } from '../../lib/convert/importers/patterns.js'
import { parseManifest } from '../../lib/convert/importers/tfjs.js'
import { openStateDict, readAll } from '../../lib/convert/importers/torch.js'
import { scaledBatches } from '../../lib/detection/scaled.js'
import { writeModel } from '../../lib/files/model/model_file.js'
import { openModel, pairwiseDistances } from '../../lib/index.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import { assertFails, modelFails } from '../importers/support.js'
import { encodeOnnx, type OnnxNode, type OnnxTensor } from '../support/onnx_writer.js'

let folder = ''
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-small-'))
})
test.after(() => rm(folder, { recursive: true, force: true }))

type Step = [op: string, inputs: string[], output: string, attributes?: OnnxNode['attributes']]

/** A network that adds the constant `end` to its image. */
function onnx(steps: Step[], initializers: Record<string, OnnxTensor>, end: string): Uint8Array {
  const nodes = [...steps, ['Add', ['x', end], 'y'] satisfies Step].map(([op, inputs, output, attributes]) => ({
    op,
    inputs,
    outputs: [output],
    ...(attributes && { attributes }),
  }))
  return encodeOnnx({ opset: 17, nodes, initializers, inputs: { x: [1, 3, 4, 4] }, outputs: ['y'] })
}

const lowered = (bytes: Uint8Array) => lowerModel(parseOnnx(bytes), { mean: 0 })
const one: OnnxTensor = { shape: [1], data: Float32Array.of(1) }
const doubled = (from: number, to: number): Step[] =>
  Array.from({ length: to - from }, (_, i) => [
    'Concat',
    [`c${from + i}`, `c${from + i}`],
    `c${from + i + 1}`,
    { axis: 0 },
  ])

test('ONNX: a constant that is joined with itself thirty times', () =>
  modelFails(() => lowered(onnx(doubled(0, 30), { c0: one }, 'c30')), /computed values for constants of the graph/))

test('ONNX: a constant of one value for a whole machine, and a sum of it', async () => {
  const filled: Step[] = [['ConstantOfShape', ['s'], 'c0'], ...doubled(0, 7), ['ReduceSum', ['c7'], 'r']]
  const shape = (extent: bigint): OnnxTensor => ({ shape: [1], data: BigInt64Array.of(extent) })
  await modelFails(() => lowered(onnx(filled, { s: shape(1n << 20n) }, 'r')), /computed values/)
  await modelFails(() => lowered(onnx(filled, { s: shape(1n << 40n) }, 'r')), /at most 1048576 values/)
})

test('ONNX: one constant read again and again, a thousand inputs, a thousand dimensions', async () => {
  const sum = parseOnnx(onnx([['Sum', Array(1000).fill('c'), 's']], { c: one }, 's'))
  assert.is(recognisePatterns(sum, 300).nodes.length, 1)
  await modelFails(() => recognisePatterns(sum, 200), /864 values to compute with/)
  await modelFails(
    () => lowered(onnx([['Sum', Array(1025).fill('c'), 's']], { c: one }, 's')),
    /at most 1024 constants/,
  )
  const ones: OnnxTensor = { shape: [1000], data: new BigInt64Array(1000).fill(1n) }
  await modelFails(() => lowered(onnx([['Reshape', ['c', 'd'], 's']], { c: one, d: ones }, 's')), /64 dimensions/)
  await modelFails(
    () => lowered(onnx([], { c: { shape: Array(70).fill(1), data: Float32Array.of(1) } }, 'c')),
    /64 dim/,
  )
})

test('ONNX: ops and padding that are not of networks', async () => {
  for (const op of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    await modelFails(() => lowered(onnx([[op, ['c', 'c'], 's']], { c: one }, 's')), new RegExp(`unsupported op ${op}`))
  }
  const pads: OnnxTensor = { shape: [8], data: BigInt64Array.of(0n, 0n, 0n, 0n, 0n, 134_000_000n, 0n, 0n) }
  const nodes = [{ op: 'Pad', inputs: ['x', 'p'], outputs: ['y'] }]
  const padded = { opset: 17, nodes, initializers: { p: pads }, inputs: { x: [1, 3, 1, 1] }, outputs: ['y'] }
  await modelFails(() => lowered(encodeOnnx(padded)), /padded channels between 0 and/)
})

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...varint(value >>> 7)])
const field = (tag: number, bytes: Uint8Array) => Buffer.concat([Uint8Array.of(tag, ...varint(bytes.length)), bytes])
const model = 0x3a
const [node, initializer] = [0x0a, 0x2a]

test('ONNX: a million empty nodes, and millions of small integers', async () => {
  const empty = Buffer.alloc(2 * 1_000_001)
  for (let i = 0; i < empty.length; i += 2) empty[i] = node
  await modelFails(() => parseOnnx(field(model, empty)), /at most 1000000 nodes, attributes and tensors/)
  const integers = field(initializer, field(0x3a, new Uint8Array(4_000_001)))
  await modelFails(() => parseOnnx(field(model, integers)), /at most 4000000 names and listed integers/)
})

/** A pickle of protocol 2 around these instructions, in a zip of PyTorch's. */
const asPickle = (...parts: (string | Uint8Array)[]) =>
  Buffer.concat([Buffer.from([0x80, 2]), ...parts.map((part) => Buffer.from(part as Uint8Array))])
const npy = (content: Uint8Array) => {
  const header = "{'descr': '|O', 'fortran_order': False, 'shape': ()}\n"
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    Buffer.from([header.length, 0]),
    Buffer.from(header),
    content,
  ])
}
const latin = (text: string) => Buffer.from(text, 'latin1')
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

test('pickles: numbers of megabytes, lists in lists as texts, dictionaries in one step, calls with long lists', async () => {
  const read = (...parts: (string | Uint8Array)[]) => readNpyDictionary(npy(asPickle(...parts)), 'w.npy')
  await modelFails(
    () => read(latin('\x8b'), u32(2_000_000), new Uint8Array(2_000_000), '.'),
    /whole number of 2000000 bytes/,
  )
  await modelFails(() => read(latin('\x8a\x41'), new Uint8Array(65).fill(0xff), '.'), /whole number of 65 bytes/)
  // A list that holds itself twice, forty times over: its text would have 2^40 brackets.
  const nested = [']q\x00', ...Array.from({ length: 40 }, () => '0](h\x00h\x00eq\x00')].join('')
  await modelFails(() => read(latin(`${nested}0cnumpy\ndtype\nh\x00\x85R.`)), /a text/)
  await modelFails(() => read(latin('(]]d.')), /DICT of entries/)
  await modelFails(() => read(latin(`cnumpy\ndtype\n(${'N'.repeat(33)}tR.`)), /33 arguments/)
  await modelFails(() => read(latin('}'.repeat(500_001))), /more than 500000 instructions/)
  await modelFails(() => read(latin(`]q\x00(${'N'.repeat(50_000)}e${'h\x00b'.repeat(60_000)}.`)), /BUILD/)
})

test('PyTorch: a thousand tensors of one storage', async () => {
  const elements = 4096
  const storage = `(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuM\x00\x10tQ`
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\x00M\x00\x10\x85K\x01\x85tR`
  const names = Array.from({ length: 1000 }, (_, i) => `X\x04\x00\x00\x00t${String(i).padStart(3, '0')}h\x01`)
  const pickle = asPickle(latin(`}(X\x01\x00\x00\x00a${tensor}q\x01${names.join('')}u.`))
  const { zipSync } = await import('fflate')
  const file = zipSync({ 'm/data.pkl': pickle, 'm/data/0': new Uint8Array(elements * 4) }, { level: 0 })
  await modelFails(() => readAll(openStateDict(file, 'w.pt')), /elements at most .* they share storages/)
})

test('tfjs: a manifest that names a shard twice', async () => {
  const paths = ['a.bin', 'a.bin']
  await modelFails(() => parseManifest(JSON.stringify([{ paths, weights: [] }])), /each file once/)
  const apart = [
    { paths: ['a.bin'], weights: [] },
    { paths: ['a.bin'], weights: [] },
  ]
  await modelFails(() => parseManifest(JSON.stringify(apart)), /each file once/)
})

const u8 = { name: 'image', height: 4, width: 4, channels: 3, dtype: 'u8' } as const
const first = {
  name: 'p',
  op: 'preprocess',
  inputs: ['image'],
  attributes: { mode: 'fixed', color: 'rgb' },
} satisfies GraphNode
const last = (input: string): GraphNode => ({
  name: 'y',
  op: 'global_pool',
  inputs: [input],
  attributes: { kind: 'avg' },
})
const graphOf = (nodes: GraphNode[], input: GraphDescription['input'] = u8): GraphDescription => ({
  name: 'hostile',
  input,
  nodes: [first, ...nodes],
  outputs: [nodes.at(-1)!.name],
})
const opened = async (graph: GraphDescription) => {
  const path = join(folder, 'm.safetensors')
  await writeModel(path, { graph, tensors: new Map() })
  return openModel(path, { device: 'cpu' })
}

test('model files: activations of gigabytes, pools without end, thousands of layers', async () => {
  const relus = (count: number) =>
    Array.from({ length: count }, (_, i): GraphNode => ({ name: `n${i}`, op: 'relu', inputs: [i ? `n${i - 1}` : 'p'] }))
  const up: GraphNode = { name: 'u', op: 'upsample', inputs: ['p'], attributes: { factor: 2000 } }
  const more: GraphNode = { name: 's', op: 'sigmoid', inputs: ['u'] }
  await modelFails(() => opened(graphOf([up, more, last('s')])), /activations of at most 1073741824 bytes an image/)
  const attributes = { kernel: [65_536, 65_536], stride: [1, 1], padding: [65_535, 65_535, 0, 0] } as const
  const pool: GraphNode = { name: 'u', op: 'max_pool', inputs: ['p'], attributes }
  await modelFails(() => opened(graphOf([pool, last('u')], { ...u8, height: 1024, width: 1024 })), /windows of at most/)
  await modelFails(() => opened(graphOf(relus(10_001))), /graph\.nodes/)
})

test('model files: a header of a hundred megabytes', async () => {
  const bytes = Buffer.alloc(17 * 2 ** 20)
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8))
  bytes.fill(0x20, 8)
  bytes[8] = 0x7b
  await modelFails(() => openModel(bytes), /2\.\.16777216 bytes for length of the header/)
})

test('a link to a device is no file of weights, whatever its name', async () => {
  for (const name of ['zero.onnx', 'zero.pt', 'zero.safetensors', 'zero.t7', 'zero-weights_manifest.json']) {
    const path = join(folder, name)
    await symlink('/dev/zero', path)
    await assertFails(() => importModel(path, { mean: 0 }), undefined, /./)
    if (name.endsWith('.safetensors')) await assertFails(() => openModel(path), undefined, /./)
  }
})

test('distances that no array holds', async () => {
  const rows = new Float32Array(70_000)
  await assertFails(
    () => pairwiseDistances(rows, { dimensions: 1 }),
    'ERR_FACENET_INVALID_ARGUMENT',
    /at most 2147483648/,
  )
})

test('batches and faces of senseless sizes', async () => {
  const model = await openModel({ graph: graphOf([last('p')]), tensors: new Map() }, { device: 'cpu' })
  const stream = model.embedStream([join(folder, 'none.png')], { batchSize: 1e9 })
  await assertFails(() => stream.next(), 'ERR_FACENET_INVALID_ARGUMENT', /at most 44739242 images of 4x4 for batchSize/)
  await model.close()
  const image = { data: new Uint8Array(300), width: 10, height: 10 }
  const looks = scaledBatches([image], { multiple: 32, longestOf: () => 32 / 0.0001, coarsest: 64 })
  await assertFails(
    () => looks.next(),
    'ERR_FACENET_INVALID_ARGUMENT',
    /at most 1073741824 pixels for options\.minSize/,
  )
})

test.run()
