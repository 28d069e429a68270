/** Every network with random weights against onnxruntime on the exported ONNX model, in fp32. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { normalisedPlanes, randomImages } from '../../bench/images.js'
import { largestDifference } from '../../lib/benchmark/statistics.js'
import { exportOnnx } from '../../lib/convert/exporters/onnx.js'
import { networkNames, networks } from '../../lib/convert/networks/index.js'
import { initialWeights } from '../../lib/convert/networks/initialize.js'
import type { Tensors } from '../../lib/files/model/tensor.js'
import { openModel } from '../../lib/model/open.js'
import type { GraphDescription } from '../../types/graph.js'

const count = 3
/** Of the largest element: what two fp32 engines that sum in another order may differ by, with room for the deepest nets. */
const tolerance = 1e-5

/**
 * NN1 with an eighth of the features in its fully connected layers. In full its weights take 560 MB here, in the model and
 * twice in onnxruntime, for no other kernel or layer than the smaller ones run.
 */
function affordable(graph: GraphDescription): GraphDescription {
  const nodes = graph.nodes.map((node) =>
    node.op === 'fully_connected' && node.attributes.outFeatures === 8192
      ? { ...node, attributes: { ...node.attributes, outFeatures: 1024 } }
      : node,
  )
  return { ...graph, nodes }
}

/** Initial weights, but with biases, shifts, scales and statistics that would show if they were left out or mixed up. */
function distinctWeights(graph: GraphDescription): Tensors {
  const weights = initialWeights(graph, 11)
  for (const [name, { data }] of weights) {
    if (name.endsWith('.weight')) continue
    const centre = /\.(scale|variance)$/.test(name) ? 1 : 0
    data.forEach((_, index) => {
      data[index] = centre + 0.2 * Math.sin(index * 1.7 + name.length)
    })
  }
  return weights
}

async function embedWithOnnxRuntime(graph: GraphDescription, tensors: Tensors, images: Uint8Array) {
  const session = await InferenceSession.create(exportOnnx(graph, tensors), { intraOpNumThreads: 2 })
  const { height, width } = graph.input
  const input = new Tensor('float32', normalisedPlanes(graph, images), [count, 3, height, width])
  const results = await session.run({ [session.inputNames[0]!]: input })
  const output = results[session.outputNames[0]!]!.data as Float32Array
  await session.release()
  return output
}

for (const name of networkNames) {
  test(`${name} agrees with onnxruntime`, async () => {
    const graph = affordable(networks[name].graph())
    const tensors = distinctWeights(graph)
    const images = randomImages(graph, count)
    const expected = await embedWithOnnxRuntime(graph, tensors, images)
    for (let image = 1; image < count; image++) {
      const length = networks[name].dimensions
      const others = expected.subarray(image * length, (image + 1) * length)
      assert.ok(
        largestDifference(expected.subarray(0, length), others) > 100 * tolerance,
        'images differ enough to tell',
      )
    }
    const model = await openModel({ graph, tensors }, { device: 'cpu', threads: 2 })
    const embeddings = await model.embed(images)
    await model[Symbol.asyncDispose]()
    const difference = largestDifference(embeddings, expected)
    assert.ok(difference <= tolerance, `max |ours - onnxruntime| / max |onnxruntime| = ${difference}`)
  })
}

test.run()
