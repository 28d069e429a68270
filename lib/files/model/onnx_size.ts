/**
 * Counts what an ONNX file would become, before anything is made of it: an empty message takes two bytes of the file and half a
 * kilobyte of memory, a small integer of 64 bits one byte and forty.
 */
import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import { invalidModel } from '../../errors.js'

/** Nodes, attributes, tensors and the like: a network of 200,000 nodes has as many. */
export const maxMessages = 1_000_000
/** Names, and integers of 64 bits that are listed one by one; those of weights are bytes, which are not counted. */
export const maxValues = 4_000_000

/** By its number, the type of a field: a message by its name. */
export type FieldTypes = ReadonlyMap<number, Type | string>

interface Open {
  fields: FieldTypes
  end: number
}

/** Throws where there are more than these. What is no sound protobuf is left to its reader. */
export function checkOnnxSize(bytes: Uint8Array, types: ReadonlyMap<string, FieldTypes>, root: string): void {
  const open: Open[] = [{ fields: types.get(root)!, end: bytes.length }]
  let [at, messages, values] = [0, 0, 0]
  const varint = (): number => {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = bytes[at++]
      if (byte === undefined) return Number.NaN
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
  }
  while (open.length > 0) {
    const { fields, end } = open.at(-1)!
    if (at >= end) {
      open.pop()
      continue
    }
    const tag = varint()
    const type = fields.get(Math.floor(tag / 8))
    const wide = type === Type.INT64 || type === Type.UINT64
    const wire = tag % 8
    if (wire === 0) {
      varint()
      if (wide) values++
    } else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else if (wire === 2) {
      const length = varint()
      if (!(at + length <= end)) return
      if (typeof type === 'string') {
        messages++
        open.push({ fields: types.get(type)!, end: at + length })
      } else {
        if (wide) values += countVarints(bytes, at, at + length)
        else if (type === Type.STRING || type === Type.BYTES) values++
        at += length
      }
    } else return
    if (messages > maxMessages)
      throw invalidModel('ONNX file', `at most ${maxMessages} nodes, attributes and tensors`, 'more')
    if (values > maxValues) throw invalidModel('ONNX file', `at most ${maxValues} names and listed integers`, 'more')
  }
}

function countVarints(bytes: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let i = start; i < end; i++) if (bytes[i]! < 0x80) count++
  return count
}
