/** onnxruntime as an independent opinion on what an op computes. */
import * as ort from 'onnxruntime-node'
import type { Tensors } from './evaluate.js'
import { encodeOnnx, type OnnxNode } from './onnx_writer.js'

/** Nodes from `x` (N x C x H x W) to `y`; tensors of the case are initializers under their names. */
export interface OnnxGraph {
  nodes: OnnxNode[]
  /** Tensors that only the ONNX form has. */
  tensors?: Record<string, { shape: number[]; data: Float32Array | BigInt64Array }>
}

const opset = 20

/** `input` and result are N x H x W x C, as everywhere in this project. */
export async function runOnnx(
  { nodes, tensors: own = {} }: OnnxGraph,
  tensors: Tensors,
  input: Float32Array,
  [height, width, channels]: [number, number, number],
): Promise<Float32Array> {
  const count = input.length / (height * width * channels)
  const shape = [count, channels, height, width]
  const used = new Set(nodes.flatMap((node) => node.inputs))
  const initializers = Object.fromEntries(Object.entries({ ...tensors, ...own }).filter(([name]) => used.has(name)))
  const model = encodeOnnx({ opset, nodes, initializers, inputs: { x: shape }, outputs: ['y'] })
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  try {
    const x = new ort.Tensor('float32', transpose(input, [count, height * width, channels]), shape)
    const { y } = await session.run({ x })
    const [, outChannels, ...extent] = y!.dims as [number, number, ...number[]]
    const pixels = extent.reduce((product, size) => product * size, 1)
    return transpose(y!.data as Float32Array, [count, outChannels, pixels])
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
