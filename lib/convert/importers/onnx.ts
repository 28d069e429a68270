/** `.onnx` files. Their weights must be inside; subgraphs, functions and custom domains are not for embedding networks. */
import { readFile, stat } from 'node:fs/promises'
import { cannotRead, invalidModel } from '../../errors.js'
import { isThreshold, type ModelNotes } from '../../files/model/metadata.js'
import {
  attributeType,
  dataType,
  decodeModel,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '../../files/model/onnx_schema.js'
import { elementCount } from '../../files/model/tensor.js'
import { halfToFloat } from '../../files/model/tensor_reader.js'
import { isObject, parseStrictJson } from '../../files/strict_json.js'
import { opsets } from './operators.js'
import type { AttributeValue, Constant, SourceModel, SourceNode } from './source.js'

/** Protobuf's own limit. */
const maxFileBytes = 2 ** 31 - 1

export async function readOnnx(path: string): Promise<SourceModel> {
  try {
    const { size } = await stat(path)
    if (size > maxFileBytes) throw invalidModel(path, `an ONNX file of at most ${maxFileBytes} bytes`, `${size} bytes`)
    return parseOnnx(await readFile(path))
  } catch (cause) {
    throw cannotRead(path, 'a readable file', cause)
  }
}

export function parseOnnx(bytes: Uint8Array): SourceModel {
  const model = decode(bytes)
  const { graph } = model
  if (!graph || graph.node.length === 0) throw invalidModel('ONNX file', 'a model with a graph', 'none')
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, readTensor(tensor)]))
  const inputs = graph.input.filter(({ name }) => !constants.has(name))
  const [input] = inputs
  if (!input || inputs.length > 1)
    throw invalidModel('inputs of the graph', 'one', inputs.map(({ name }) => name).join() || 'none')
  const opset = opsetOf(model)
  const properties = new Map(model.metadataProps.map(({ key, value }) => [key, value]))
  return {
    name: graph.name,
    input: { name: input.name, dims: inputDims(graph, input.name) },
    outputs: graph.output.map(({ name }) => name),
    nodes: graph.node.map((node) => readNode(node, opset)),
    constants,
    notes: readNotes(properties),
    rule: readRule(properties),
  }
}

function decode(bytes: Uint8Array): OnnxModel {
  try {
    return decodeModel(bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw invalidModel('ONNX file', 'a protobuf ModelProto', `something else (${reason})`, cause)
  }
}

function inputDims({ input }: OnnxGraph, name: string): (number | undefined)[] {
  const shape = input.find((info) => info.name === name)?.type?.tensorType?.shape
  // 0 stands for a dimension that is named or left open.
  return (shape?.dim ?? []).map(({ dimValue }) => (dimValue > 0n ? Number(dimValue) : undefined))
}

/** Of ONNX's own operators. */
function opsetOf({ opsetImport }: OnnxModel): number {
  const own = opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')
  const version = Number(own?.version ?? 0)
  const { oldest, newest } = opsets
  if (version < oldest || version > newest) {
    const advice = 'onnx.version_converter makes one of another'
    throw invalidModel('opset of the model', `${oldest} to ${newest}`, `${own ? version : 'none'} (${advice})`)
  }
  return version
}

function readNode({ opType, name, input, output, attribute, domain }: OnnxNode, opset: number): SourceNode {
  if (domain !== '' && domain !== 'ai.onnx')
    throw invalidModel(`node ${name}`, 'an op of ONNX itself', `${domain}.${opType}`)
  if (output.length === 0) throw invalidModel(`node ${name}`, 'at least one output', 'none')
  const attributes = attribute.map((entry): [string, AttributeValue] => [entry.name, readAttribute(entry, name)])
  return { op: opType, name, inputs: input, outputs: output, attributes: new Map(attributes), opset }
}

function readAttribute(attribute: OnnxAttribute, node: string): AttributeValue {
  switch (attribute.type) {
    case attributeType.float:
      return attribute.f
    case attributeType.int:
      return wholeNumber(attribute.i, `${attribute.name} of ${node}`)
    case attributeType.string:
      return new TextDecoder().decode(attribute.s)
    case attributeType.tensor:
      if (attribute.t) return readTensor(attribute.t)
      break
    case attributeType.floats:
      return attribute.floats
    case attributeType.ints:
      return attribute.ints.map((value) => wholeNumber(value, `${attribute.name} of ${node}`))
  }
  throw invalidModel(
    `attribute ${attribute.name} of ${node}`,
    'a number, a string or a tensor',
    `type ${attribute.type}`,
  )
}

/** Slices to "the end" are written as the largest int64; everything that is used as a number must be exact. */
function wholeNumber(value: bigint, argument: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw invalidModel(argument, 'an integer below 2^53', String(value))
  return number
}

function readTensor(tensor: OnnxTensor): Constant {
  const { name, dataLocation } = tensor
  if (dataLocation !== 0)
    throw invalidModel(`tensor ${name}`, 'its data inside the ONNX file', 'a reference to another file')
  const dims = tensor.dims.map((extent) => wholeNumber(extent, `dims of ${name}`))
  const count = elementCount(dims)
  if (!dims.every((extent) => extent >= 0) || !Number.isSafeInteger(count)) {
    throw invalidModel(`dims of ${name}`, 'a size that fits in memory', dims.join('x'))
  }
  const data = tensorData(tensor)
  if (data.length !== count)
    throw invalidModel(`data of ${name}`, `${count} values for ${dims.join('x')}`, `${data.length}`)
  return { dims, data }
}

function tensorData(tensor: OnnxTensor): Constant['data'] {
  const { name, rawData: raw, floatData, int32Data, int64Data, doubleData } = tensor
  const packed = raw.length > 0
  // The bytes may start anywhere in the file; typed arrays want alignment.
  const view = (bytes: number) => {
    if (raw.length % bytes !== 0) throw invalidModel(`data of ${name}`, `a multiple of ${bytes} bytes`, `${raw.length}`)
    return new Uint8Array(raw).buffer
  }
  switch (tensor.dataType) {
    case dataType.float:
      return packed ? new Float32Array(view(4)) : Float32Array.from(floatData)
    case dataType.double:
      return packed ? Float32Array.from(new Float64Array(view(8))) : Float32Array.from(doubleData)
    case dataType.float16:
      return Float32Array.from(packed ? new Uint16Array(view(2)) : int32Data, halfToFloat)
    case dataType.int64:
      return Float64Array.from(packed ? new BigInt64Array(view(8)) : int64Data, (value) => wholeNumber(value, name))
    case dataType.int32:
      return Float64Array.from(packed ? new Int32Array(view(4)) : int32Data)
    default:
      throw invalidModel(`data type of ${name}`, 'float, double, float16, int32 or int64', `type ${tensor.dataType}`)
  }
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
