/** The model files that networks and their peers on the GPU start from. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { network } from '../../lib/convert/networks/index.js'
import { initialWeights } from '../../lib/convert/networks/initialize.js'
import { writeModel } from '../../lib/files/model/model_file.js'

/** A network's file in `folder`, with random weights where there is none yet. */
export async function modelFile(name: string, folder: string): Promise<string> {
  const path = join(folder, `${name}.safetensors`)
  if (!existsSync(path)) {
    const graph = network(name).graph()
    await writeModel(path, { graph, tensors: initialWeights(graph, 1) })
  }
  return path
}
