/** Model files with random weights in every form the engines read, made in a process that measures nothing. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportOnnx } from '../lib/convert/exporters/onnx.js'
import { type NetworkName, network } from '../lib/convert/networks/index.js'
import { initialWeights } from '../lib/convert/networks/initialize.js'
import { writeModel } from '../lib/files/model/model_file.js'
import { rewriteForOnnxRuntime } from './peers/onnx_rewrite.js'

export interface ModelFiles {
  facenet: string
  /** By the form of LRN. Networks without it have one form. */
  onnx: Partial<Record<LrnForm, string>>
}
export type LrnForm = 'op' | 'convolution'

export async function prepare(name: NetworkName, folder: string): Promise<ModelFiles> {
  const graph = network(name).graph()
  const tensors = initialWeights(graph, 1)
  const facenet = join(folder, `${name}.safetensors`)
  await writeModel(facenet, { graph, tensors })
  const exported = exportOnnx(graph, tensors)
  const onnx: ModelFiles['onnx'] = {}
  for (const form of ['op', 'convolution'] as const) {
    if (form === 'convolution' && !graph.nodes.some((node) => node.op === 'lrn')) continue
    onnx[form] = join(folder, `${name}.${form}.onnx`)
    const rewritten = rewriteForOnnxRuntime(exported, graph, { lrn: form === 'convolution', l2Pool: true })
    await writeFile(onnx[form], rewritten)
  }
  return { facenet, onnx }
}
