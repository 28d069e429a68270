/** ONNX files that are exported: shapes of outputs, stored types, the way back, bad input. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exportOnnx } from '../../lib/convert/exporters/onnx.js'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { parseOnnx } from '../../lib/convert/importers/onnx.js'
import { toBfloat16 } from '../../lib/files/model/tensor.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import { evaluate } from '../support/evaluate.js'
import { f64 } from '../support/precision.js'
import { normals, seeded } from '../support/random.js'
import {
  assertOutputs,
  type Body,
  chain,
  conv,
  imageGraph,
  lrn,
  norm,
  pool,
  randomTensors,
  transpose,
  vector,
} from './exported_graphs.js'
import { assertFails, countOps, modelFails, plain, runExported } from './support.js'

test('vectors leave as N x C, maps as N x C x H x W', async () => {
  const graph = {
    ...chain([3, 4, 2], { op: 'relu' }, { op: 'global_pool', attributes: { kind: 'max' } }, vector),
    outputs: ['n0', 'n1', 'n2'],
  }
  const outputs = await runExported(graph, randomTensors(graph), new Float32Array(24), [1, 2, 3, 4], { batch: 1 })
  assert.equal(
    outputs.map(({ dims }) => dims),
    [
      [1, 2, 3, 4],
      [1, 2],
      [1, 12],
    ],
  )
})

test('bf16 weights are exported as the fp32 values they stand for', async () => {
  const graph = chain([3, 3, 4], vector)
  const halves = new Map([...randomTensors(graph)].map(([name, tensor]) => [name, toBfloat16(tensor)] as const))
  const input = normals(36, seeded(3))
  const outputs = await runExported(graph, halves, transpose(input, 9, 4), [1, 4, 3, 3])
  assertOutputs(outputs, evaluate(graph, plain(halves), input, 1, f64))
})

test('exported and imported again: the same ops, the same outputs, preprocessing and notes', () => {
  const original = imageGraph({ mode: 'fixed', color: 'bgr', mean: [1, 2, 3], scale: [0.5] })
  const small: Body[] = [
    conv,
    lrn(5, 'window'),
    norm,
    { op: 'prelu', tensors: { slope: 'p' } },
    { op: 'maxout', attributes: { pieces: 2 } },
  ]
  const more: Body[] = [
    { op: 'l2_pool', attributes: pool(2, 1, [0, 0, 0, 0]) },
    { op: 'relu6' },
    { op: 'zero_pad', attributes: { channels: 2 } },
    vector,
    { op: 'l2_normalize' },
  ]
  const graph: GraphDescription = {
    ...original,
    nodes: [
      original.nodes[0]!,
      ...[
        { ...conv, attributes: { ...conv.attributes, groups: 1 }, tensors: { weight: 'first' } },
        ...small,
        ...more,
      ].map((body, i) => ({ ...body, name: `n${i}`, inputs: [i ? `n${i - 1}` : 'preprocess'] }) as GraphNode),
    ],
    outputs: ['n10'],
  }
  const tensors = randomTensors(graph)
  const notes = { alignment: 'dlib', threshold: { value: 0.36, metric: 'squared-l2' as const }, license: 'CC0' }
  const pixels = Uint8Array.from({ length: 2 * 90 }, (_, i) => (i * 37) % 256)
  const [expected] = evaluate(graph, plain(tensors), pixels, 2, f64)
  for (const includePreprocess of [false, true]) {
    const source = parseOnnx(exportOnnx(graph, tensors, { includePreprocess, notes }))
    assert.equal({ ...source.notes, source: undefined }, { ...notes, source: undefined })
    const again = lowerModel(source, {})
    assert.equal(again.graph.nodes[0]!.op === 'preprocess' && again.graph.nodes[0]!.attributes, {
      mode: 'fixed',
      color: 'bgr',
      mean: [1, 2, 3],
      scale: [0.5],
    })
    assert.equal(countOps(again.graph), countOps(graph))
    const [values] = evaluate(again.graph, plain(again.tensors), pixels, 2, f64)
    for (const [i, value] of values!.entries()) assert.ok(Math.abs(value - expected![i]!) < 1e-6)
  }
})

test('bad options and graphs', async () => {
  const graph = chain([3, 3, 4], vector)
  const tensors = randomTensors(graph)
  await assertFails(() => exportOnnx(graph, tensors, { opset: 12 }), 'ERR_FACENET_INVALID_ARGUMENT', /opset/)
  const dilated = chain([5, 5, 2], { op: 'avg_pool', attributes: pool(2, 1, [0, 0, 0, 0], { dilation: [2, 2] }) })
  await assertFails(
    () => exportOnnx(dilated, new Map(), { opset: 18 }),
    'ERR_FACENET_INVALID_ARGUMENT',
    /at least 19, for the dilated avg_pool n0/,
  )
  await assertFails(() => exportOnnx(graph, tensors, { batch: 0 }), 'ERR_FACENET_INVALID_ARGUMENT', /batch/)
  await modelFails(() => exportOnnx(graph, new Map()), /v\.weight/)
  await modelFails(() => exportOnnx({ ...graph, outputs: ['none'] }, tensors), /graph\.outputs/)
})

test.run()
