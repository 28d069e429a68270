/** Files to import that are damaged or made to mislead: always a FaceNetError, never a crash. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OnnxBuilder } from '../../lib/convert/exporters/onnx_builder.js'
import { parseGraphJson } from '../../lib/convert/importers/graph_json.js'
import { importModel } from '../../lib/convert/importers/import_model.js'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { parseOnnx } from '../../lib/convert/importers/onnx.js'
import { recognisePatterns } from '../../lib/convert/importers/patterns.js'
import { parseManifest } from '../../lib/convert/importers/tfjs.js'
import { FaceNetError } from '../../lib/errors.js'
import { encodeModel } from '../../lib/files/model/onnx_schema.js'
import { assertFails, faceApiManifest, floats, modelFails, node, source, testWith } from './support.js'

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-hostile-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

function smallOnnx(): Uint8Array {
  const builder = new OnnxBuilder(18)
  const weight = builder.floats('w', [4, 3, 3, 3], new Float32Array(108).fill(0.1))
  builder.node('Conv', 'c', ['x', weight], { kernel_shape: { ints: [3, 3] } })
  builder.node('Flatten', 'f', [builder.node('Relu', 'r', ['c'])])
  builder.node('Gemm', 'y', ['f', builder.floats('g', [64, 8], new Float32Array(512).fill(0.1))])
  return builder.encode(
    'small',
    { name: 'x', type: 'float', shape: ['N', 3, 6, 6] },
    [{ name: 'y', type: 'float', shape: [1, 8] }],
    {},
  )
}

test('the sound file that the others are made from', () => {
  const { graph } = lowerModel(parseOnnx(smallOnnx()), { mean: 0 })
  assert.equal(
    graph.nodes.map(({ op }) => op),
    ['preprocess', 'conv2d', 'relu', 'fully_connected'],
  )
})

const lowered = (bytes: Uint8Array) => lowerModel(parseOnnx(bytes), { mean: 0 })

test('truncated ONNX: every prefix is refused or, cut between fields, incomplete', () => {
  const whole = smallOnnx()
  for (let length = 0; length < whole.length; length += 7) {
    try {
      lowered(whole.subarray(0, length))
      assert.unreachable(`a prefix of ${length} bytes was accepted`)
    } catch (error) {
      assert.instance(error, FaceNetError, String(error))
    }
  }
})

test('ONNX with changed bytes: a model or a FaceNetError', () => {
  const whole = smallOnnx()
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(changes, (list) => {
      const bytes = whole.slice()
      for (const [at, value] of list) bytes[at] = value
      assertSafe(() => lowered(bytes))
    }),
    { numRuns: 3000 },
  )
})

test('random bytes as ONNX', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assertSafe(() => lowered(bytes))),
    { numRuns: 2000 },
  )
})

/** What `importModel` turns into a FaceNetError besides: a stack or an array beyond what the machine has. */
function assertSafe(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    assert.instance(error, FaceNetError, error instanceof Error ? error.stack : String(error))
  }
}

test('groups nested without end', () => {
  // Field 99, wire type 3: a group that is opened ten thousand times.
  const bytes = new Uint8Array(20_000)
  for (let i = 0; i < bytes.length; i += 2) bytes.set([0x9b, 0x06], i)
  return modelFails(() => parseOnnx(bytes), /protobuf/)
})

const opset = { opsetImport: [{ domain: '', version: 17n }] }

/** A model that adds this tensor, with a rank to be asked for. */
function withTensor(tensor: { dims: number[]; dataType?: number; data?: Uint8Array }): Uint8Array {
  const graph = {
    node: [{ opType: 'Add', input: ['x', 't'], output: ['y'] }],
    input: [{ name: 'x' }],
    output: [{ name: 'y' }],
  }
  return encodeModel(opset, graph, [{ name: 't', dataType: 1, data: new Uint8Array(4), ...tensor }])
}

const size = [4, 4] as const
const addsTensor = (tensor: Parameters<typeof withTensor>[0]) =>
  lowerModel(parseOnnx(withTensor(tensor)), { mean: 0, size })

test('tensors of ONNX that lie about themselves', async () => {
  await modelFails(() => addsTensor({ dims: [2] }), /data of t/)
  await modelFails(() => addsTensor({ dims: [-1] }), /dims of t/)
  await modelFails(() => addsTensor({ dims: [2 ** 40, 2 ** 40] }), /dims of t/)
  await modelFails(() => addsTensor({ dims: [1], data: new Uint8Array(3) }), /multiple of 4/)
  await modelFails(() => addsTensor({ dims: [1], dataType: 8 }), /data type of t .* received string/)
})

test('graphs of ONNX that are not for us', async () => {
  const relu = { opType: 'Relu', input: ['x'], output: ['y'] }
  const [x, y] = [[{ name: 'x' }], [{ name: 'y' }]]
  const make = (graph: Parameters<typeof encodeModel>[1]) => encodeModel(opset, { output: y, ...graph }, [])
  await modelFails(() => parseOnnx(make({ input: x })), /a model with a graph/)
  await modelFails(() => parseOnnx(make({ node: [relu] })), /inputs of the graph/)
  await modelFails(() => parseOnnx(make({ node: [relu], input: x, output: [] })), /outputs of the graph/)
  const sum = { opType: 'Add', input: ['x', 'z'], output: ['y'] }
  await modelFails(() => parseOnnx(make({ node: [sum], input: [...x, { name: 'z' }] })), /inputs of the graph/)
  await modelFails(
    () => lowerModel(parseOnnx(make({ node: [{ ...relu, domain: 'com.microsoft' }], input: x })), { mean: 0, size }),
    /com\.microsoft\.Relu/,
  )
  for (const version of [undefined, 5n, 26n]) {
    const opsetImport = version ? [{ domain: '', version }] : []
    const bytes = encodeModel({ opsetImport }, { node: [relu], input: x, output: y }, [])
    await modelFails(() => parseOnnx(bytes), /6 to 25 for opset of the model but received (none|5|26) /)
  }
  const subgraph = { ...relu, attribute: [{ name: 'body', type: 5 }] }
  await modelFails(() => parseOnnx(make({ node: [subgraph], input: x })), /attribute body/)
})

const image = [1, 3, 4, 4]

test('constants that grow without end', () => {
  const nodes = Array.from({ length: 100 }, (_, i) => node('Neg', [`c${i}`], `c${i + 1}`))
  const model = source(image, [...nodes, node('Add', ['x', 'c100'], 'y')], { c0: floats([3, 1, 1], [1, 2, 3]) })
  // The three of the file allow for 24 more.
  assert.equal(recognisePatterns(model, 276).nodes.length, 1)
  return modelFails(() => recognisePatterns(model, 275), /299 computed values for constants of the graph/)
})

test('a chain deep enough to end the stack is a FaceNetError', async () => {
  const nodes = [
    { op: 'Relu', in: ['image'], out: ['r'] },
    { op: 'Neg', in: ['image'], out: ['m0'] },
  ] as object[]
  for (let i = 0; i < 50_000; i++) nodes.push({ op: 'Mul', in: [`m${i}`, 'two'], out: [`m${i + 1}`] })
  nodes.push({ op: 'Add', in: ['r', 'm50000'], out: ['y'] })
  await writeFile(
    join(folder, 'g.json'),
    JSON.stringify({ input: 'image', output: 'y', nodes, int_consts: { two: [1] } }),
  )
  await writeFile(join(folder, 'w.safetensors'), Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]))
  const options = { graph: join(folder, 'g.json'), size: [4, 4] as const, mean: 0 }
  await modelFails(() => importModel(join(folder, 'w.safetensors'), options), /a sound model .*Maximum call stack/)
})

test('node lists in JSON that are not what they should be', async () => {
  const cases: [string, RegExp][] = [
    ['', /JSON/],
    ['[]', /for graph/],
    ['{}', /graph\.nodes/],
    ['{"nodes":[]}', /graph\.input/],
    ['{"input":"x","output":"y","nodes":[1]}', /graph\.nodes\[0\]/],
    ['{"input":"x","output":"y","nodes":[{"op":1}]}', /graph\.nodes\[0\]/],
    ['{"input":"x","output":"y","nodes":[{"op":"Relu","in":"x","out":["y"]}]}', /\.in/],
    ['{"input":"x","output":"y","nodes":[{"op":"Relu","in":["x"],"out":[]}]}', /\.out/],
    ['{"input":"x","output":"y","nodes":[{"op":"Relu","in":["x"],"out":["y"],"attr":{"a":{}}}]}', /attr\.a/],
    ['{"input":"x","output":"y","nodes":[],"int_consts":{"a":[0.5]}}', /int_consts\.a/],
    ['{"input":"x","input":"y","nodes":[]}', /each key once/],
  ]
  for (const [text, message] of cases) await modelFails(() => parseGraphJson(text, new Map()), message)
})

test('random JSON as a node list or a manifest', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assertSafe(() => parseGraphJson(text, new Map()))
      assertSafe(() => parseManifest(text))
    }),
  )
})

test('manifests that are not what they should be', async () => {
  const weight = { name: 'a', shape: [1], dtype: 'float32' }
  const cases: [unknown, RegExp][] = [
    [{}, /for manifest/],
    [[{}], /paths, weights/],
    [[{ paths: ['../a.bin'], weights: [] }], /beside the manifest/],
    [[{ paths: ['/etc/passwd'], weights: [] }], /beside the manifest/],
    [[{ paths: ['..'], weights: [] }], /beside the manifest/],
    [[{ paths: ['a.bin'], weights: [{ ...weight, shape: [-1] }] }], /shape of a/],
    [[{ paths: ['a.bin'], weights: [{ ...weight, dtype: 'string' }] }], /dtype of a/],
    [
      [{ paths: ['a.bin'], weights: [{ ...weight, quantization: { dtype: 'int4', scale: 1, min: 0 } }] }],
      /quantization of a/,
    ],
  ]
  for (const [value, message] of cases) await modelFails(() => parseManifest(JSON.stringify(value)), message)
})

test('files that are not there, or have an extension that says nothing', async () => {
  await assertFails(() => importModel(join(folder, 'none.onnx')), 'ERR_FACENET_IO', /none\.onnx/)
  await assertFails(() => importModel(join(folder, 'none.json')), 'ERR_FACENET_IO', /none\.json/)
  await assertFails(() => importModel(join(folder, 'none.safetensors'), { graph: 'g' }), 'ERR_FACENET_IO', /none/)
  await assertFails(() => importModel(join(folder, 'none.pt')), 'ERR_FACENET_IO', /none\.pt/)
  await assertFails(() => importModel(join(folder, 'none.h5')), 'ERR_FACENET_IO', /none\.h5/)
  await assertFails(() => importModel(join(folder, 'none.bin')), 'ERR_FACENET_INVALID_ARGUMENT', /\.onnx/)
})

testWith(faceApiManifest, 'a manifest whose shard is missing, short or long', async () => {
  const path = join(folder, 'm-weights_manifest.json')
  await writeFile(path, await readFile(faceApiManifest))
  const shard = JSON.parse(await readFile(faceApiManifest, 'utf8'))[0].paths[0]
  await assertFails(() => importModel(path), 'ERR_FACENET_IO', /Cannot read/)
  await writeFile(join(folder, shard), new Uint8Array(1000))
  await modelFails(() => importModel(path), /bytes in the shards/)
  await writeFile(join(folder, shard), new Uint8Array(7_000_000))
  await modelFails(() => importModel(path), /for shards/)
})

test.run()
