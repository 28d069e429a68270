/** The form in which the benchmark gives our networks to onnxruntime computes what the exported model computes. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { normalisedPlanes, randomImages } from '../../bench/images.js'
import { rewriteForOnnxRuntime } from '../../bench/peers/onnx_rewrite.js'
import { largestDifference } from '../../lib/benchmark/statistics.js'
import { exportOnnx } from '../../lib/convert/exporters/onnx.js'
import { networks } from '../../lib/convert/networks/index.js'
import { initialWeights } from '../../lib/convert/networks/initialize.js'
import { decodeModel } from '../../lib/files/model/onnx_schema.js'

const graph = networks.nns2.graph()
const exported = exportOnnx(graph, initialWeights(graph, 2))

async function embed(model: Uint8Array): Promise<Float32Array> {
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 })
  const { height, width } = graph.input
  const input = new Tensor('float32', normalisedPlanes(graph, randomImages(graph, 2)), [2, 3, height, width])
  const results = await session.run({ [session.inputNames[0]!]: input })
  const output = results[session.outputNames[0]!]!.data as Float32Array
  await session.release()
  return output
}

const opTypes = (model: Uint8Array) => new Set(decodeModel(model).graph!.node.map((node) => node.opType))

test('rewritten ops give the same embeddings', async () => {
  const expected = await embed(exported)
  for (const [lrn, l2Pool] of [
    [true, true],
    [true, false],
    [false, true],
  ] as const) {
    const model = rewriteForOnnxRuntime(exported, graph, { lrn, l2Pool })
    assert.is(opTypes(model).has('LRN'), !lrn)
    assert.is(opTypes(model).has('LpPool'), !l2Pool)
    const difference = largestDifference(await embed(model), expected)
    assert.ok(difference < 1e-5, `lrn ${lrn}, l2Pool ${l2Pool}: ${difference}`)
  }
})

test('rewriting leaves the exported model as it was', () => {
  const before = Buffer.from(exported).toString('base64')
  rewriteForOnnxRuntime(exported, graph, { lrn: true, l2Pool: true })
  assert.is(Buffer.from(exported).toString('base64'), before)
})

test('planes are images normalised channel by channel', () => {
  const small = { ...graph, input: { ...graph.input, height: 1, width: 2 } }
  const planes = normalisedPlanes(small, Uint8Array.of(0, 1, 2, 255, 4, 5))
  assert.equal(
    [...planes],
    [0, 255, 1, 4, 2, 5].map((value) => (value - 127.5) / 128),
  )
})

test.run()
