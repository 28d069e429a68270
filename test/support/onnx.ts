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
  const shape = [input.length / (height * width * channels), channels, height, width]
  const planes = transpose(input, [shape[0]!, height * width, channels])
  return runModel(exportOnnx(graph, new Map(stored)), { type: 'float32', data: planes, shape })
}

/** Outputs of a model of one input, which is in the model's own layout; N x H x W x C. */
export async function runModel(
  model: Uint8Array,
  { type, data, shape }: { type: 'float32' | 'uint8'; data: Float32Array | Uint8Array; shape: number[] },
): Promise<Float32Array[]> {
  if (!ort) throw new Error('onnxruntime-node is not installed')
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  try {
    const outputs = await session.run({ [session.inputNames[0]!]: new ort.Tensor(type, data, shape) })
    return session.outputNames.map((name) => {
      const { data, dims } = outputs[name]!
      const [count, channels, ...extent] = dims as [number, number, ...number[]]
      return transpose(data as Float32Array, [count, channels, extent.reduce((all, size) => all * size, 1)])
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
