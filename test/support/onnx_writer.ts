/** Writes ONNX models as bytes: just enough of protobuf and of onnx.proto3 to hold small graphs and functions. */

export type OnnxAttribute =
  | number
  | { float: number }
  | { floats: number[] }
  | number[]
  | string
  | { tensor: OnnxTensor }
  | OnnxReference

/** Inside a function: the attribute of the call; `type` is AttributeProto's. */
export interface OnnxReference {
  reference: string
  type: number
}

export interface OnnxTensor {
  shape: number[]
  data: Float32Array | BigInt64Array | Uint8Array
  /** TensorProto's type; fp32 and int64 arrays need not say it. */
  type?: number
  /** Where the data is in another file; `data` is not written then. */
  external?: Record<string, string>
}

export interface OnnxNode {
  op: string
  inputs: string[]
  outputs: string[]
  domain?: string
  /** A number is an INT unless wrapped as `{ float }`; an array is INTS; a string is STRING. */
  attributes?: Record<string, OnnxAttribute>
}

export interface OnnxModel {
  opset: number
  nodes: OnnxNode[]
  initializers: Record<string, OnnxTensor>
  inputs: Record<string, number[]>
  outputs: string[]
  /** Shapes of outputs that are stated, 0 for a dimension that is left open. */
  outputShapes?: Record<string, number[]>
  /** TensorProto's type of the inputs, fp32 unless told. */
  inputType?: number
  functions?: OnnxFunction[]
}

export interface OnnxFunction {
  name: string
  domain: string
  inputs: string[]
  outputs: string[]
  nodes: OnnxNode[]
  /** Names of attributes that a call gives. */
  attributes: string[]
  opset: number
}

export function encodeOnnx(model: OnnxModel): Uint8Array {
  const graph = [
    ...model.nodes.map((node) => bytes(1, encodeNode(node))),
    bytes(2, utf8('graph')),
    ...Object.entries(model.initializers).map(([name, tensor]) => bytes(5, encodeTensor(name, tensor))),
    ...Object.entries(model.inputs).map(([name, shape]) => bytes(11, encodeValue(name, shape, model.inputType))),
    ...model.outputs.map((name) => bytes(12, encodeValue(name, model.outputShapes?.[name]))),
  ]
  const functions = (model.functions ?? []).map((each) => bytes(25, encodeFunction(each)))
  const domains = new Set((model.functions ?? []).map(({ domain }) => domain))
  for (const { domain } of model.nodes) if (domain) domains.add(domain)
  const opsets = [opset('', model.opset), ...[...domains].map((domain) => opset(domain, 1))]
  return join([integer(1, 9), bytes(7, join(graph)), ...opsets.map((each) => bytes(8, each)), ...functions])
}

function opset(domain: string, version: number): Uint8Array {
  return join([bytes(1, utf8(domain)), integer(2, version)])
}

function encodeFunction({
  name,
  domain,
  inputs,
  outputs,
  nodes,
  attributes,
  opset: version,
}: OnnxFunction): Uint8Array {
  return join([
    bytes(1, utf8(name)),
    ...inputs.map((input) => bytes(4, utf8(input))),
    ...outputs.map((output) => bytes(5, utf8(output))),
    ...attributes.map((attribute) => bytes(6, utf8(attribute))),
    ...nodes.map((node) => bytes(7, encodeNode(node))),
    bytes(9, opset('', version)),
    bytes(9, opset(domain, 1)),
    bytes(10, utf8(domain)),
  ])
}

function encodeNode({ op, inputs, outputs, attributes = {}, domain }: OnnxNode): Uint8Array {
  return join([
    ...inputs.map((name) => bytes(1, utf8(name))),
    ...outputs.map((name) => bytes(2, utf8(name))),
    bytes(4, utf8(op)),
    ...Object.entries(attributes).map(([name, value]) =>
      bytes(5, join([bytes(1, utf8(name)), ...encodeAttribute(value)])),
    ),
    ...(domain ? [bytes(7, utf8(domain))] : []),
  ])
}

/** Value and type fields of an AttributeProto. */
function encodeAttribute(value: OnnxAttribute): Uint8Array[] {
  if (typeof value === 'number') return [integer(3, value), integer(20, 2)]
  if (typeof value === 'string') return [bytes(4, utf8(value)), integer(20, 3)]
  if (Array.isArray(value)) return [...value.map((item) => integer(8, item)), integer(20, 7)]
  if ('floats' in value) return [...value.floats.map((item) => float(7, item)), integer(20, 6)]
  if ('tensor' in value) return [bytes(5, encodeTensor('', value.tensor)), integer(20, 4)]
  if ('reference' in value) return [integer(20, value.type), bytes(21, utf8(value.reference))]
  return [float(2, value.float), integer(20, 1)]
}

function encodeTensor(name: string, { shape, data, type, external }: OnnxTensor): Uint8Array {
  const own = type ?? (data instanceof Float32Array ? 1 : data instanceof BigInt64Array ? 7 : 2)
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const entries = Object.entries(external ?? {}).map(([key, value]) =>
    join([bytes(1, utf8(key)), bytes(2, utf8(value))]),
  )
  return join([
    ...shape.map((size) => integer(1, size)),
    integer(2, own),
    bytes(8, utf8(name)),
    ...(external ? [...entries.map((entry) => bytes(13, entry)), integer(14, 1)] : [bytes(9, raw)]),
  ])
}

/** A ValueInfoProto; without a shape its rank is left open, and a dimension of 0 is. */
function encodeValue(name: string, shape?: number[], type = 1): Uint8Array {
  const extent = (size: number) => (size > 0 ? integer(1, size) : bytes(2, utf8('N')))
  const dimensions = shape && bytes(2, join(shape.map((size) => bytes(1, extent(size)))))
  const tensor = join([integer(1, type), ...(dimensions ? [dimensions] : [])])
  return join([bytes(1, utf8(name)), bytes(2, bytes(1, tensor))])
}

// Protobuf's wire format: a key of field number and wire type, then a varint, four bytes, or a length and that many.

function integer(field: number, value: number): Uint8Array {
  return join([varint(field << 3), varint(value)])
}

function float(field: number, value: number): Uint8Array {
  return join([varint((field << 3) | 5), new Uint8Array(new Float32Array([value]).buffer)])
}

function bytes(field: number, content: Uint8Array): Uint8Array {
  return join([varint((field << 3) | 2), varint(content.length), content])
}

function varint(value: number): Uint8Array {
  const groups: number[] = []
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    const group = Number(rest & 0x7fn)
    if (rest < 0x80n) return Uint8Array.from([...groups, group])
    groups.push(group | 0x80)
  }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function join(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
