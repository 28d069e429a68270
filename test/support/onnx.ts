/** onnxruntime as an independent opinion on what an op computes. */
import { exportOnnx } from '../../lib/convert/exporters/onnx.js'
import { f32Tensor } from '../../lib/files/model/tensor.js'
import type { GraphDescription } from '../../types/graph.js'
import type { Tensors } from './evaluate.js'

/** A machine that was given the tests as single files has no packages. */
const ort = await import('onnxruntime-node').catch(() => undefined)
export const hasOnnxruntime = ort !== undefined

/** The outputs of a graph as onnxruntime computes its export, N x H x W x C. */
export function runExported(graph: GraphDescription, tensors: Tensors, input: Float32Array): Promise<Float32Array[]> {
  const { height, width, channels } = graph.input
  const stored = Object.entries(tensors).map(([name, { shape, data }]) => [name, f32Tensor(shape, data)] as const)
  return runModel(exportOnnx(graph, new Map(stored)), input, [height, width, channels])
}

/** Outputs of the model's only input, all from and to N x H x W x C. */
async function runModel(
  model: Uint8Array,
  input: Float32Array,
  [height, width, channels]: [number, number, number],
): Promise<Float32Array[]> {
  const count = input.length / (height * width * channels)
  if (!ort) throw new Error('onnxruntime-node is not installed')
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  try {
    const rows = transpose(input, [count, height * width, channels])
    const feed = { [session.inputNames[0]!]: new ort.Tensor('float32', rows, [count, channels, height, width]) }
    const outputs = await session.run(feed)
    return session.outputNames.map((name) => {
      const { data, dims } = outputs[name]!
      const [, outChannels, ...extent] = dims as [number, number, ...number[]]
      return transpose(data as Float32Array, [count, outChannels, extent.reduce((all, size) => all * size, 1)])
    })
  } finally {
    await session.release()
  }
}

/** Swaps the last two axes. */
function transpose(values: Float32Array, [count, rows, columns]: [number, number, number]): Float32Array {
  const out = new Float32Array(values.length)
  for (let n = 0; n < count; n++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        out[(n * columns + column) * rows + row] = values[(n * rows + row) * columns + column]!
      }
    }
  }
  return out
}
