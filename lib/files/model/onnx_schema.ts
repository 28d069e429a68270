/**
 * The part of ONNX's protobuf messages that networks for images need. Field numbers and types are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Fields left out here are skipped when read: graphs inside
 * attributes among them, so no message contains itself and a hostile file cannot nest.
 */
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf'
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { checkOnnxSize } from './onnx_size.js'
import { concatenate, lengthPrefix, totalLength } from './protobuf_bytes.js'

/** `TensorProto.DataType` */
export const dataType = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const

/** `AttributeProto.AttributeType` */
export const attributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const

export interface OnnxModel {
  irVersion: bigint
  producerName: string
  producerVersion: string
  graph?: OnnxGraph
  opsetImport: { domain: string; version: bigint }[]
  metadataProps: { key: string; value: string }[]
  functions: OnnxFunction[]
}

/** A function of the model's own: nodes that stand for one node of its name. */
export interface OnnxFunction {
  name: string
  domain: string
  overload: string
  input: string[]
  output: string[]
  node: OnnxNode[]
  opsetImport: { domain: string; version: bigint }[]
  /** Attributes that have a value where a call gives none. */
  attributeProto: OnnxAttribute[]
}

export interface OnnxGraph {
  node: OnnxNode[]
  name: string
  initializer: OnnxTensor[]
  input: OnnxValueInfo[]
  output: OnnxValueInfo[]
}

export interface OnnxNode {
  input: string[]
  output: string[]
  name: string
  opType: string
  attribute: OnnxAttribute[]
  domain: string
  overload: string
}

export interface OnnxAttribute {
  name: string
  type: number
  f: number
  i: bigint
  s: Uint8Array
  t?: OnnxTensor
  floats: number[]
  ints: bigint[]
  strings: Uint8Array[]
  /** Inside a function: the attribute of the call whose value this one has. */
  refAttrName: string
}

export interface OnnxTensor {
  dims: bigint[]
  dataType: number
  floatData: number[]
  int32Data: number[]
  int64Data: bigint[]
  doubleData: number[]
  uint64Data: bigint[]
  name: string
  rawData: Uint8Array
  /** 1: the data is in another file, which `externalData` names: `location`, `offset`, `length`. */
  dataLocation: number
  externalData: { key: string; value: string }[]
}

export interface OnnxValueInfo {
  name: string
  type?: { tensorType?: { elemType: number; shape?: { dim: { dimValue: bigint; dimParam: string }[] } } }
}

type FieldRow = readonly [number: number, name: string, type: Type | string, repeated?: 'repeated']

const { STRING, BYTES, FLOAT, DOUBLE, INT32, INT64, UINT64 } = Type

/** A message a key; a field a row. A type that is a string names another message. */
const messages: Record<string, readonly FieldRow[]> = {
  ModelProto: [
    [1, 'ir_version', INT64],
    [2, 'producer_name', STRING],
    [3, 'producer_version', STRING],
    [7, 'graph', 'GraphProto'],
    [8, 'opset_import', 'OperatorSetIdProto', 'repeated'],
    [14, 'metadata_props', 'StringStringEntryProto', 'repeated'],
    [25, 'functions', 'FunctionProto', 'repeated'],
  ],
  FunctionProto: [
    [1, 'name', STRING],
    [4, 'input', STRING, 'repeated'],
    [5, 'output', STRING, 'repeated'],
    [7, 'node', 'NodeProto', 'repeated'],
    [9, 'opset_import', 'OperatorSetIdProto', 'repeated'],
    [10, 'domain', STRING],
    [11, 'attribute_proto', 'AttributeProto', 'repeated'],
    [13, 'overload', STRING],
  ],
  OperatorSetIdProto: [
    [1, 'domain', STRING],
    [2, 'version', INT64],
  ],
  StringStringEntryProto: [
    [1, 'key', STRING],
    [2, 'value', STRING],
  ],
  GraphProto: [
    [1, 'node', 'NodeProto', 'repeated'],
    [2, 'name', STRING],
    [5, 'initializer', 'TensorProto', 'repeated'],
    [11, 'input', 'ValueInfoProto', 'repeated'],
    [12, 'output', 'ValueInfoProto', 'repeated'],
  ],
  NodeProto: [
    [1, 'input', STRING, 'repeated'],
    [2, 'output', STRING, 'repeated'],
    [3, 'name', STRING],
    [4, 'op_type', STRING],
    [5, 'attribute', 'AttributeProto', 'repeated'],
    [7, 'domain', STRING],
    [8, 'overload', STRING],
  ],
  AttributeProto: [
    [1, 'name', STRING],
    [2, 'f', FLOAT],
    [3, 'i', INT64],
    [4, 's', BYTES],
    [5, 't', 'TensorProto'],
    [7, 'floats', FLOAT, 'repeated'],
    [8, 'ints', INT64, 'repeated'],
    [9, 'strings', BYTES, 'repeated'],
    [20, 'type', INT32],
    [21, 'ref_attr_name', STRING],
  ],
  TensorProto: [
    [1, 'dims', INT64, 'repeated'],
    [2, 'data_type', INT32],
    [4, 'float_data', FLOAT, 'repeated'],
    [5, 'int32_data', INT32, 'repeated'],
    [7, 'int64_data', INT64, 'repeated'],
    [8, 'name', STRING],
    [9, 'raw_data', BYTES],
    [10, 'double_data', DOUBLE, 'repeated'],
    [11, 'uint64_data', UINT64, 'repeated'],
    [13, 'external_data', 'StringStringEntryProto', 'repeated'],
    [14, 'data_location', INT32],
  ],
  ValueInfoProto: [
    [1, 'name', STRING],
    [2, 'type', 'TypeProto'],
  ],
  TypeProto: [[1, 'tensor_type', 'TensorTypeProto']],
  TensorTypeProto: [
    [1, 'elem_type', INT32],
    [2, 'shape', 'TensorShapeProto'],
  ],
  TensorShapeProto: [[1, 'dim', 'DimensionProto', 'repeated']],
  DimensionProto: [
    [1, 'dim_value', INT64],
    [2, 'dim_param', STRING],
  ],
}

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      create(FileDescriptorProtoSchema, {
        name: 'onnx.proto',
        package: 'onnx',
        syntax: 'proto3',
        messageType: Object.entries(messages).map(([name, rows]) => ({ name, field: rows.map(describeField) })),
      }),
    ],
  }),
)

function describeField([number, name, type, repeated]: FieldRow) {
  return {
    number,
    name,
    label: repeated ? Label.REPEATED : Label.OPTIONAL,
    ...(typeof type === 'string' ? { type: Type.MESSAGE, typeName: `.onnx.${type}` } : { type }),
  }
}

type Name = 'ModelProto' | 'GraphProto' | 'TensorProto'
type DeepPartial<T> = T extends Uint8Array | bigint
  ? T
  : T extends (infer Item)[]
    ? DeepPartial<Item>[]
    : T extends object
      ? { [Key in keyof T]?: DeepPartial<T[Key]> }
      : T
export type Init<T> = DeepPartial<T>

function schemaOf(name: Name): DescMessage {
  return registry.getMessage(`onnx.${name}`)!
}

const fieldTypes = new Map(
  Object.entries(messages).map(([name, rows]) => [name, new Map(rows.map(([number, , type]) => [number, type]))]),
)

/** Throws whatever the decoder throws where the bytes are not such a message; ERR_FACENET_MODEL_INVALID where they are too many. */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  checkOnnxSize(bytes, fieldTypes, 'ModelProto')
  return fromBinary(schemaOf('ModelProto'), bytes, { readUnknownFields: false }) as unknown as OnnxModel
}

function encode(name: Name, init: object): Uint8Array {
  const schema = schemaOf(name)
  return toBinary(schema, create(schema, init as MessageInitShape<DescMessage>))
}

/**
 * The bytes of a model. Messages inside messages may come in pieces, so each weight is copied once, straight into its
 * place, rather than once for every message around it: weights are most of the file.
 */
export function encodeModel(
  model: Init<Omit<OnnxModel, 'graph'>>,
  graph: Init<Omit<OnnxGraph, 'initializer'>>,
  initializers: readonly { name: string; dims: readonly number[]; dataType: number; data: Uint8Array }[],
): Uint8Array {
  const graphPieces = [encode('GraphProto', graph)]
  for (const { name, dims, dataType: type, data } of initializers) {
    const head = encode('TensorProto', { name, dims: dims.map(BigInt), dataType: type })
    const tensor = [head, lengthPrefix(9, data.length), data]
    graphPieces.push(lengthPrefix(5, totalLength(tensor)), ...tensor)
  }
  return concatenate([encode('ModelProto', model), lengthPrefix(7, totalLength(graphPieces)), ...graphPieces])
}

/** The bytes of a model with one more output: what comes later in a protobuf is added to what came before. */
export function withOutput(model: Uint8Array, name: string): Uint8Array {
  const graph = encode('GraphProto', { output: [{ name }] })
  return concatenate([model, lengthPrefix(7, graph.length), graph])
}
