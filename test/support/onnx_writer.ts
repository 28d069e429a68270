/** Writes ONNX models as bytes: just enough of protobuf and of onnx.proto3 to hold small graphs of fp32 tensors. */

export type OnnxAttribute = number | { float: number } | number[] | string

export interface OnnxNode {
  op: string
  inputs: string[]
  outputs: string[]
  /** A number is an INT unless wrapped as `{ float }`; an array is INTS; a string is STRING. */
  attributes?: Record<string, OnnxAttribute>
}

export interface OnnxModel {
  opset: number
  nodes: OnnxNode[]
  initializers: Record<string, { shape: number[]; data: Float32Array | BigInt64Array }>
  inputs: Record<string, number[]>
  outputs: string[]
}

export function encodeOnnx(model: OnnxModel): Uint8Array {
  const graph = [
    ...model.nodes.map((node) => bytes(1, encodeNode(node))),
    bytes(2, utf8('graph')),
    ...Object.entries(model.initializers).map(([name, tensor]) => bytes(5, encodeTensor(name, tensor))),
    ...Object.entries(model.inputs).map(([name, shape]) => bytes(11, encodeValue(name, shape))),
    ...model.outputs.map((name) => bytes(12, encodeValue(name))),
  ]
  const opset = join([bytes(1, utf8('')), integer(2, model.opset)])
  return join([integer(1, 9), bytes(7, join(graph)), bytes(8, opset)])
}

function encodeNode({ op, inputs, outputs, attributes = {} }: OnnxNode): Uint8Array {
  return join([
    ...inputs.map((name) => bytes(1, utf8(name))),
    ...outputs.map((name) => bytes(2, utf8(name))),
    bytes(4, utf8(op)),
    ...Object.entries(attributes).map(([name, value]) =>
      bytes(5, join([bytes(1, utf8(name)), ...encodeAttribute(value)])),
    ),
  ])
}

/** Value and type fields of an AttributeProto. */
function encodeAttribute(value: OnnxAttribute): Uint8Array[] {
  if (typeof value === 'number') return [integer(3, value), integer(20, 2)]
  if (typeof value === 'string') return [bytes(4, utf8(value)), integer(20, 3)]
  if (Array.isArray(value)) return [...value.map((item) => integer(8, item)), integer(20, 7)]
  return [float(2, value.float), integer(20, 1)]
}

function encodeTensor(
  name: string,
  { shape, data }: { shape: number[]; data: Float32Array | BigInt64Array },
): Uint8Array {
  const type = data instanceof Float32Array ? 1 : 7
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return join([...shape.map((size) => integer(1, size)), integer(2, type), bytes(8, utf8(name)), bytes(9, raw)])
}

/** A ValueInfoProto of fp32; without a shape its rank is left open. */
function encodeValue(name: string, shape?: number[]): Uint8Array {
  const dimensions = shape && bytes(2, join(shape.map((size) => bytes(1, integer(1, size)))))
  const tensor = join([integer(1, 1), ...(dimensions ? [dimensions] : [])])
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
