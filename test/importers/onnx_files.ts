/** Small networks as ONNX files: from an image `x`, 3 x 16 x 16, to a vector `y` of 8. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ImportedModel, type ImportOptions, importModel } from '../../lib/convert/importers/import_model.js'
import { encodeOnnx, type OnnxModel, type OnnxNode, type OnnxTensor } from '../support/onnx_writer.js'
import { normals, seeded } from '../support/random.js'

export function random(shape: number[], seed = 1, scale = 0.3): { shape: number[]; data: Float32Array } {
  const count = shape.reduce((product, extent) => product * extent, 1)
  return { shape, data: normals(count, seeded(seed), scale) }
}
export const ints = (...values: (number | bigint)[]): OnnxTensor => ({
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
})
export const scalar = (value: number): OnnxTensor => ({ shape: [], data: Float32Array.of(value) })

/** A 3x3 convolution of `from` to `c`, 6 x 8 x 8. */
export const convolution = (from = 'x'): OnnxNode => ({
  op: 'Conv',
  inputs: [from, 'w', 'b'],
  outputs: ['c'],
  attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
})
/** The average of `from`, 6 channels, and a fully connected layer to `to`. */
export const head = (from: string, to = 'y'): OnnxNode[] => [
  { op: 'GlobalAveragePool', inputs: [from], outputs: ['pooled'] },
  { op: 'Flatten', inputs: ['pooled'], outputs: ['flat'] },
  { op: 'Gemm', inputs: ['flat', 'fw', 'fb'], outputs: [to], attributes: { transB: 1 } },
]
/** Nodes of one output. */
export const steps = (
  ...rows: [op: string, inputs: string[], output: string, attributes?: OnnxNode['attributes']][]
): OnnxNode[] => rows.map(([op, inputs, output, attributes]) => ({ op, inputs, outputs: [output], attributes }))
export const weights: Record<string, OnnxTensor> = {
  w: random([6, 3, 3, 3], 2),
  b: random([6], 3),
  fw: random([8, 6], 4),
  fb: random([8], 5),
}

export type Network = Partial<OnnxModel> & Pick<OnnxModel, 'nodes'>

export function onnxBytes({ initializers, ...network }: Network): Uint8Array {
  return encodeOnnx({
    opset: 17,
    inputs: { x: [1, 3, 16, 16] },
    outputs: ['y'],
    ...network,
    initializers: { ...weights, ...initializers },
  })
}

/** Imports a network, as a file in a folder of its own with these other files in it. `check` must succeed unless told. */
export async function importNetwork(
  network: Network | Uint8Array,
  options: ImportOptions = {},
  beside: Record<string, Uint8Array> = {},
): Promise<ImportedModel> {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-onnx-'))
  try {
    for (const [name, content] of Object.entries(beside)) await writeFile(join(folder, name), content)
    const path = join(folder, 'network.onnx')
    await writeFile(path, network instanceof Uint8Array ? network : onnxBytes(network))
    return await importModel(path, { mean: 127.5, scale: 1 / 128, check: true, ...options })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
