/** Foreign weights as a model of ours: what `facenet import` does before it writes. */
import { basename, extname } from 'node:path'
import { FaceNetError, invalidArgument, invalidModel } from '../../errors.js'
import { checkGraph } from '../../files/model/graph_schema.js'
import { isThreshold } from '../../files/model/metadata.js'
import { checkTensors, type ModelContents } from '../../files/model/model_file.js'
import { checkImport, type ImportCheck, notAsked } from './check.js'
import { readGraphJson } from './graph_json.js'
import { readKnownWeights } from './known_weights.js'
import { dimsOf, sourceOrder } from './layout.js'
import { type InputOptions, lowerModel } from './lower.js'
import { importTorch7 } from './openface.js'
import type { SourceModel } from './source.js'
import { readTfjs } from './tfjs.js'
import { withUnitLength } from './unit_length.js'
import { WeightsFile } from './weights_file.js'

/** Options of `importModel`. */
export interface ImportOptions extends InputOptions {
  /** The node list beside `.safetensors` weights. */
  graph?: string
  /** Name of the network; the file's name unless told. */
  name?: string
  /** Squared L2 distance below which two faces are the same person. */
  threshold?: number
  /** Template that faces are aligned to: `dlib`, `arcface112`, ... */
  alignment?: string
  /** Licence of the weights, for the model file. */
  license?: string
  /** Where the weights come from, for the model file. */
  source?: string
  /**
   * Appends the L2 norm where the network does not end in one, for networks whose embeddings are compared by their angle (ArcFace and its
   * like). What is compared with onnxruntime is the network before it.
   * @default false
   */
  normalize?: boolean
  /** Of an ONNX file with several outputs: the one to import. Any tensor that a node makes may be named. */
  output?: string
  /**
   * Whether the import of an ONNX file is compared with what onnxruntime-node makes of the file. `true`: throws where that
   * cannot be done; `false`: it is not.
   * @default where onnxruntime-node is installed
   */
  check?: boolean
}

/** What an import is: a model to write, and whether it computes what its file says. */
export interface ImportedModel extends ModelContents {
  /** What the comparison with onnxruntime found, or why there was none. */
  check: ImportCheck
  /** What the import does otherwise than its file, in words; left out where there is nothing. */
  remarks?: readonly string[]
}

/**
 * Reads `.onnx`, `.safetensors` with `options.graph`, the tfjs manifest (`.json`) of `@vladmandic/face-api`, or the weights of a
 * network that is known by the names of its tensors (`.pt`, `.safetensors`, `.h5` of Inception-ResNet-v1), or a network of Torch7
 * (`.t7`). The result goes to `writeModel`.
 *
 * @param path of the weights.
 * @param options what the file does not say by itself.
 * @throws FaceNetError ERR_FACENET_MODEL_INVALID where the file is damaged or holds what we have no op for;
 *   ERR_FACENET_INVALID_ARGUMENT where the caller must say more; ERR_FACENET_IO where a file cannot be read.
 *
 * @example
 * ```ts
 * const contents = await importModel('weights.onnx', { size: [112, 112], mean: 127.5, scale: 1 / 128 })
 * await writeModel('m.safetensors', contents)
 * ```
 */
export async function importModel(path: string, options: ImportOptions = {}): Promise<ImportedModel> {
  return modelIn(new WeightsFile(path), options)
}

/** The same of weights that were read, or are to be read by others too. */
export async function modelIn(weights: WeightsFile, options: ImportOptions = {}): Promise<ImportedModel> {
  if (options.threshold !== undefined && !isThreshold(options.threshold)) {
    throw invalidArgument('threshold', 'a squared distance of at least 0', options.threshold)
  }
  try {
    const { contents, check, remarks } = await readAny(weights, options)
    const notes = { ...contents, ...statedNotes(options), producer: 'facenet import' }
    const named = { ...contents.graph, name: options.name ?? contents.graph.name }
    const model = { ...notes, graph: options.normalize ? withUnitLength(named) : named }
    checkGraph(model.graph)
    checkTensors(model.graph, model.tensors)
    return { ...model, ...(remarks && { remarks }), check: await check() }
  } catch (cause) {
    // What a hostile file makes of the machine under us (a stack or a buffer too large) is the file's fault as well.
    throw cause instanceof FaceNetError ? cause : invalidModel(weights.path, 'a sound model', String(cause), cause)
  }
}

interface Read {
  contents: ModelContents
  check: () => Promise<ImportCheck>
  remarks?: readonly string[]
}

async function readAny(weights: WeightsFile, options: ImportOptions): Promise<Read> {
  const { path, extension } = weights
  const name = basename(path, extname(path))
  if (options.output !== undefined && extension !== '.onnx') {
    throw invalidArgument('output', 'nothing but for a .onnx file', options.output)
  }
  switch (extension) {
    case '.onnx':
      return lowered(await weights.onnx(options.output), name, options)
    case '.safetensors': {
      if (options.graph) return lowered(await readGraphJson(weights, options.graph), name, options)
      const known = await readKnownWeights(weights, options)
      return { contents: known, check: async () => notOnnx(options) }
    }
    case '.pt':
    case '.pth':
    case '.h5':
    case '.hdf5':
      return { contents: await readKnownWeights(weights, options), check: async () => notOnnx(options) }
    case '.t7':
      return { contents: await importTorch7(weights, options), check: async () => notOnnx(options) }
    case '.json': {
      rejectInputRule(options)
      const notes = { alignment: 'dlib', threshold: dlibThreshold, license: 'MIT', source: 'npm @vladmandic/face-api' }
      return { contents: { ...(await readTfjs(path)), ...notes }, check: async () => notOnnx(options) }
    }
    default:
      throw invalidArgument('weights', 'a .onnx, .safetensors, .pt, .h5, .t7 or weights_manifest.json file', path)
  }
}

/** The network behind the manifest is known, and with it its input. */
function rejectInputRule({ graph, size, color, mean, scale }: ImportOptions): void {
  for (const [name, value] of Object.entries({ graph, color, mean, scale })) {
    if (value !== undefined) throw invalidArgument(name, 'nothing beside a weight manifest', value)
  }
  if (size && (size[0] !== 150 || size[1] !== 150)) throw invalidArgument('size', '150x150', size.join('x'))
}

/** dlib's Euclidean 0.6, squared. */
const dlibThreshold = { value: 0.36, metric: 'squared-l2' } as const

function lowered(source: SourceModel, fileName: string, options: ImportOptions): Read {
  if (source.outputs.length !== 1) {
    throw invalidModel(
      'outputs',
      'one, the embedding: name it (--output, option output; a detector is imported as such)',
      source.outputs.join(', '),
    )
  }
  const result = lowerModel({ ...source, name: source.name || fileName }, options)
  const { graph, tensors, outputs, quantized } = result
  const [output] = outputs
  if (sourceOrder(output!)?.some((place, i) => place !== i)) {
    const received = `${dimsOf(output!).join('x')}, which are listed in another order here`
    throw invalidModel(`output ${source.outputs[0]}`, 'an embedding, N x C (--output names another)', received)
  }
  const check = () => (options.check === false ? notAsked : checkImport(source, result, options.check === true))
  const remarks =
    quantized > 0 ? [`activations that the file rounds to integers, computed in fp32: ${quantized}`] : undefined
  return { contents: { graph, tensors, ...source.notes }, check: async () => check(), remarks }
}

function notOnnx({ check }: ImportOptions): ImportCheck {
  if (check) throw invalidArgument('check', 'an ONNX file, which onnxruntime can run', 'other weights')
  return { checked: false, reason: 'only ONNX files can be compared with onnxruntime' }
}

function statedNotes({ threshold, alignment, license, source }: ImportOptions): Partial<ModelContents> {
  const notes = {
    threshold: threshold === undefined ? undefined : { value: threshold, metric: 'squared-l2' as const },
    alignment,
    license,
    source,
  }
  return Object.fromEntries(Object.entries(notes).filter(([, value]) => value !== undefined))
}
