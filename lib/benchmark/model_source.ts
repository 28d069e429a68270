/** The model that a benchmark is of, whatever it is named by. */
import { modelIn } from '../convert/importers/import_model.js'
import { WeightsFile } from '../convert/importers/weights_file.js'
import { network, networkNames } from '../convert/networks/index.js'
import { initialWeights } from '../convert/networks/initialize.js'
import type { ModelContents } from '../files/model/model_file.js'
import { readWholeModel } from '../files/model/whole_model.js'
import { namedModel } from '../models/named.js'

/** What an ONNX file does not say; no figure depends on it. */
const anyInput = { mean: 127.5, scale: 1 / 128 }

/** A model file, an ONNX file, the name of a model, or that of a network, which gets random weights. */
export async function modelContents(source: string): Promise<ModelContents> {
  if ((networkNames as readonly string[]).includes(source)) {
    const graph = network(source).graph()
    return { graph, tensors: initialWeights(graph, 1) }
  }
  if (/\.onnx$/i.test(source)) return modelIn(new WeightsFile(source), { ...anyInput, check: false })
  const found = await namedModel(source)
  if (typeof found !== 'string') return found
  const { graph, values } = await readWholeModel(found)
  return { graph, tensors: values }
}
