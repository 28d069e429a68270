/** Weights without a graph, of networks that are known by the names of their tensors. */
import { invalidArgument, invalidModel } from '../../errors.js'
import type { ModelContents } from '../../files/model/model_file.js'
import { findEdgeFace, importEdgeFace } from './edgeface.js'
import { findInceptionResnet, importInceptionResnet, type NamedTensors } from './inception_resnet.js'
import { withKeras } from './keras.js'
import type { InputOptions } from './lower.js'
import type { WeightsFile } from './weights_file.js'

type Options = InputOptions & { graph?: string }

export async function readKnownWeights(weights: WeightsFile, options: Options): Promise<ModelContents> {
  switch (weights.extension) {
    case '.safetensors': {
      const { values } = await weights.safetensors()
      return known(weights, { names: values.keys(), read: (name) => values.get(name) }, options)
    }
    case '.h5':
    case '.hdf5':
      return withKeras(weights, (tensors) => known(weights, tensors, options))
    default: {
      const tensors = await weights.stateDict()
      return known(weights, { names: tensors.keys(), read: (name) => tensors.get(name)?.() }, options)
    }
  }
}

function known({ path, extension }: WeightsFile, tensors: NamedTensors, options: Options): Promise<ModelContents> {
  const names = [...tensors.names]
  const found = findInceptionResnet(names)
  if (found) return importInceptionResnet(tensors, found, options)
  const prefix = findEdgeFace(names)
  if (prefix !== undefined) return importEdgeFace({ names, read: (name) => tensors.read(name) }, prefix, options)
  if (extension === '.safetensors') {
    const expected =
      'the node list that goes with the weights (.graph.json), which only Inception-ResNet-v1 and EdgeFace need not'
    throw invalidArgument('graph', expected, 'none')
  }
  const [expected, some] = [
    'the weights of Inception-ResNet-v1, EdgeFace or MTCNN (export any other network to ONNX)',
    3,
  ]
  throw invalidModel(path, expected, `${names.length} tensors: ${names.slice(0, some).join(', ')}, ...`)
}
