/** Op cases on their way through ONNX: what is exported must compute the same in onnxruntime, and come back as the same ops. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { exportOnnx } from '../../lib/convert/exporters/onnx.js'
import { lowerModel } from '../../lib/convert/importers/lower.js'
import { parseOnnx } from '../../lib/convert/importers/onnx.js'
import { f32Tensor, type Tensor } from '../../lib/files/model/tensor.js'
import type { GraphDescription } from '../../types/graph.js'
import { evaluate } from './evaluate.js'
import { hasOnnxruntime, runModel } from './onnx.js'
import { largestError, type OpCase } from './ops.js'
import { f64 } from './precision.js'
import { normals, seeded } from './random.js'

const count = 2

/** Registers every case, with each opset. Cases have one input. */
export function testThroughOnnx(cases: OpCase[], opsets: readonly number[] = [13, 18, 21]): void {
  for (const item of cases) {
    for (const opset of opsets) {
      const name = `${item.name} (ONNX opset ${opset} and back)`
      if (hasOnnxruntime) test(name, () => checkCase(item, opset))
      else test.skip(`${name}: onnxruntime-node is not installed`)
    }
  }
}

async function checkCase(item: OpCase, opset: number): Promise<void> {
  const { graph, tensors } = behindImage(item)
  const { height, width } = graph.input
  const random = seeded(11)
  const pixels = Uint8Array.from({ length: count * height * width * 3 }, () => random.integer(0, 255))
  const plain = Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [name, { shape: [...shape], data: data as Float32Array }]),
  )
  const [expected] = evaluate(graph, plain, pixels, count, f64) as [Float64Array]
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

  const bytes = exportOnnx(graph, tensors, { includePreprocess: true, opset })
  const [values] = await runModel(bytes, { type: 'uint8', data: pixels, shape: [count, height, width, 3] })
  const error = largestError(values!, expected)
  assert.ok(error <= 4e-6 * largest, `onnxruntime differs by ${error} of ${largest}`)

  const again = lowerModel(parseOnnx(bytes), {})
  assert.equal(
    again.graph.nodes.map(({ op }) => op),
    graph.nodes.map(({ op }) => op),
  )
  const back = Object.fromEntries(
    [...again.tensors].map(([name, { shape, data }]) => [name, { shape: [...shape], data: data as Float32Array }]),
  )
  const [computed] = evaluate(again.graph, back, pixels, count, f64) as [Float64Array]
  assert.ok(largestError(computed, expected) <= 1e-6 * largest, 'imported again it computes something else')
}

/** The case on what a convolution makes of an image, since imported networks begin with one. */
function behindImage({ graph, tensors: own = {} }: OpCase): { graph: GraphDescription; tensors: Map<string, Tensor> } {
  const { name, height, width, channels } = graph.input
  const window = { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0] } as const
  const tensors = new Map(Object.entries(own).map(([tensor, { shape, data }]) => [tensor, f32Tensor(shape, data)]))
  tensors.set('weight', f32Tensor([channels, 3, 1, 1], normals(channels * 3, seeded(12))))
  return {
    tensors,
    graph: {
      ...graph,
      input: { name: 'image', height, width, channels: 3, dtype: 'u8' },
      nodes: [
        {
          name: 'preprocess',
          op: 'preprocess',
          inputs: ['image'],
          attributes: { mode: 'fixed', color: 'rgb', mean: [127.5], scale: [1 / 32] },
        },
        {
          name,
          op: 'conv2d',
          inputs: ['preprocess'],
          attributes: { ...window, outChannels: channels },
          tensors: { weight: 'weight' },
        },
        ...graph.nodes,
      ],
    },
  }
}
