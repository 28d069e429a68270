/** `.onnx` files as source models. Only what their outputs need is looked at: nodes, weights, weights in other files. */
import { dirname } from 'node:path'
import { FaceNetError, invalidArgument, invalidModel } from '../../errors.js'
import { isThreshold, type ModelNotes } from '../../files/model/metadata.js'
import {
  attributeType,
  dataType,
  decodeModel,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxTensor,
  type OnnxValueInfo,
  withOutput,
} from '../../files/model/onnx_schema.js'
import { isObject, parseStrictJson } from '../../files/strict_json.js'
import { type PlainNode, plainNodes } from './onnx_functions.js'
import { readTensor, typeName } from './onnx_tensor.js'
import type { AttributeValue, InputType, SourceModel, SourceNode } from './source.js'

export interface ReadOptions {
  /** The only outputs to read, of those that the file has or of what any node makes. */
  outputs?: readonly string[]
  /** Where the bytes come from; left out, weights in other files are refused. */
  path?: string
}

export function parseOnnx(bytes: Uint8Array, { outputs: wanted, path }: ReadOptions = {}): SourceModel {
  const model = decode(bytes)
  const { graph } = model
  if (!graph || graph.node.length === 0) throw invalidModel('ONNX file', 'a model with a graph', 'none')
  const all = plainNodes(model)
  const outputs = outputsOf(graph, all, wanted)
  const { nodes, names } = needed(all, outputs)
  const folder = path === undefined ? undefined : dirname(path)
  const tensors = graph.initializer.filter(({ name }) => names.has(name))
  const properties = new Map(model.metadataProps.map(({ key, value }) => [key, value]))
  return {
    name: graph.name,
    input: inputOf(graph, names),
    outputs,
    outputDims: outputs.map((name) => statedDims(graph.output.find((output) => output.name === name))),
    nodes: nodes.map((node) => readNode(node, folder)),
    constants: new Map(tensors.map((tensor) => [tensor.name, readTensor(tensor, folder)])),
    notes: readNotes(properties),
    rule: readRule(properties),
    ...(path !== undefined && { file: fileOf(path, bytes, graph, outputs) }),
    narrow: isNarrow(nodes, tensors),
  }
}

function decode(bytes: Uint8Array): OnnxModel {
  try {
    return decodeModel(bytes)
  } catch (cause) {
    if (cause instanceof FaceNetError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw invalidModel('ONNX file', 'a protobuf ModelProto', `something else (${reason})`, cause)
  }
}

function outputsOf(graph: OnnxGraph, nodes: readonly PlainNode[], wanted?: readonly string[]): string[] {
  const named = graph.output.map(({ name }) => name)
  if (named.length === 0) throw invalidModel('outputs of the graph', 'at least one', 'none')
  const made = new Set(nodes.flatMap(({ node }) => node.output))
  const missing = wanted?.find((name) => name === '' || !made.has(name))
  if (missing === undefined) return wanted ? [...wanted] : named
  throw invalidArgument('output', `one of ${named.join(', ')}, or the name of what a node makes`, missing)
}

/** The nodes that the outputs are made of, in the order of the file, and the names of all that these read. */
function needed(all: readonly PlainNode[], outputs: readonly string[]): { nodes: PlainNode[]; names: Set<string> } {
  const makers = new Map(all.flatMap((plain) => plain.node.output.map((name) => [name, plain] as const)))
  const names = new Set(outputs)
  const kept = new Set<PlainNode>()
  // A set is walked in the order it grows in.
  for (const name of names) {
    const maker = name === '' ? undefined : makers.get(name)
    if (!maker || kept.has(maker)) continue
    kept.add(maker)
    for (const input of maker.node.input) names.add(input)
  }
  return { nodes: all.filter((plain) => kept.has(plain)), names }
}

/** The one input that is not a weight; older files list these too. Inputs that nothing needed reads are left alone. */
function inputOf(graph: OnnxGraph, names: ReadonlySet<string>): SourceModel['input'] {
  const weights = new Set(graph.initializer.map(({ name }) => name))
  const free = graph.input.filter(({ name }) => !weights.has(name))
  const inputs = free.length > 1 ? free.filter(({ name }) => names.has(name)) : free
  const [input] = inputs
  if (!input || inputs.length > 1)
    throw invalidModel('inputs of the graph', 'one', inputs.map(({ name }) => name).join() || 'none')
  const type = input.type?.tensorType
  return { name: input.name, dims: statedDims(input), type: inputType(input.name, type?.elemType ?? 0) }
}

/** 0 stands for a dimension that is named or left open. */
function statedDims(value: OnnxValueInfo | undefined): (number | undefined)[] {
  const dims = value?.type?.tensorType?.shape?.dim ?? []
  return dims.map(({ dimValue }) => (dimValue > 0n ? Number(dimValue) : undefined))
}

function inputType(name: string, type: number): InputType {
  switch (type) {
    // 0: not said.
    case 0:
    case dataType.float:
      return 'float32'
    case dataType.float16:
      return 'float16'
    case dataType.double:
      return 'float64'
    case dataType.uint8:
      return 'uint8'
    default:
      throw invalidModel(`type of input ${name}`, 'float, float16, double or uint8', typeName(type))
  }
}

/** onnxruntime finds weights in other files by the path alone, and outputs that the file does not have in bytes alone. */
function fileOf(path: string, bytes: Uint8Array, graph: OnnxGraph, outputs: readonly string[]): SourceModel['file'] {
  const added = outputs.filter((output) => !graph.output.some(({ name }) => name === output))
  const apart = graph.initializer.some(({ dataLocation }) => dataLocation !== 0)
  const model = apart && added.length === 0 ? path : added.reduce(withOutput, bytes)
  return { path, model, withOutputs: (wanted) => parseOnnx(bytes, { outputs: wanted, path }) }
}

const half: readonly number[] = [dataType.float16, dataType.bfloat16]

function isNarrow(nodes: readonly PlainNode[], tensors: readonly OnnxTensor[]): boolean {
  const casts = nodes.some(({ node: { opType, attribute } }) => {
    const to = opType === 'Cast' ? attribute.find(({ name }) => name === 'to') : undefined
    return to !== undefined && half.includes(Number(to.i))
  })
  return casts || tensors.some((tensor) => half.includes(tensor.dataType))
}

/** Ops of other domains bear the domain in their name. */
function readNode({ node, opset }: PlainNode, folder: string | undefined): SourceNode {
  const { opType, name, input, output, attribute, domain } = node
  if (output.length === 0) throw invalidModel(`node ${name}`, 'at least one output', 'none')
  const attributes = attribute.map((each): [string, AttributeValue] => [each.name, readAttribute(each, name, folder)])
  const op = domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`
  return { op, name, inputs: input, outputs: output, attributes: new Map(attributes), opset }
}

function readAttribute(attribute: OnnxAttribute, node: string, folder: string | undefined): AttributeValue {
  switch (attribute.type) {
    case attributeType.float:
      return attribute.f
    case attributeType.int:
      return Number(attribute.i)
    case attributeType.string:
      return new TextDecoder().decode(attribute.s)
    case attributeType.tensor:
      if (attribute.t) return readTensor(attribute.t, folder)
      break
    case attributeType.floats:
      return attribute.floats
    case attributeType.ints:
      return attribute.ints.map(Number)
  }
  throw invalidModel(
    `attribute ${attribute.name} of ${node}`,
    'a number, a string or a tensor',
    `type ${attribute.type}`,
  )
}

/** What `facenet export` leaves in the properties of a model. */
function readNotes(properties: ReadonlyMap<string, string>): ModelNotes {
  const threshold = property(properties, 'threshold')
  const known = isObject(threshold) && threshold.metric === 'squared-l2' && isThreshold(threshold.value)
  return {
    ...(known && { threshold: { value: threshold.value as number, metric: 'squared-l2' as const } }),
    alignment: properties.get('alignment'),
    license: properties.get('license'),
    source: properties.get('source'),
  }
}

function readRule(properties: ReadonlyMap<string, string>): SourceModel['rule'] {
  const value = property(properties, 'preprocess')
  if (!isObject(value)) return undefined
  const { mode, color, mean, scale } = value
  const numbers = (list: unknown) =>
    Array.isArray(list) && list.every((entry) => typeof entry === 'number') ? (list as number[]) : undefined
  return {
    color: color === 'rgb' || color === 'bgr' || color === 'grey' ? color : undefined,
    mean: numbers(mean),
    scale: numbers(scale),
    perImage: mode === 'per-image',
  }
}

function property(properties: ReadonlyMap<string, string>, key: string): unknown {
  const text = properties.get(key)
  return text === undefined ? undefined : parseStrictJson(text, key)
}
