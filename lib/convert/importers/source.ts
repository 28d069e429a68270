/**
 * What every importer reads its file into: a list of nodes with ONNX op names, in topological order, and the constants they
 * use. `patterns.ts` then puts decomposed layers together again and `lower.ts` turns the rest into a `GraphDescription`.
 */
import { invalidModel } from '../../errors.js'
import type { ModelNotes } from '../../files/model/metadata.js'

/** Row-major. Integers (shapes, axes, indices) are Float64Array, which holds every index exactly; weights Float32Array. */
export interface Constant {
  dims: number[]
  data: Float32Array | Float64Array
  /** Of ONNX, the type that its elements have in the file. */
  type?: number
}

export type AttributeValue = number | string | readonly number[] | Constant

export interface SourceNode {
  op: string
  /** For messages; may be empty. */
  name: string
  /** An empty string stands for an optional input that is left out. */
  inputs: string[]
  outputs: string[]
  attributes: ReadonlyMap<string, AttributeValue>
  /** Of ONNX, in which this op is meant; undefined: what any opset that is read calls so. */
  opset?: number
}

/** Types of an image that onnxruntime and we both know. */
export type InputType = 'float32' | 'float16' | 'float64' | 'uint8'

export interface SourceModel {
  name: string
  input: {
    name: string
    /** undefined: open, or not said. */
    dims: (number | undefined)[]
    /** float32 unless said. */
    type?: InputType
  }
  outputs: string[]
  /** Of an ONNX file, what it says of each output; undefined: open. Empty where nothing is said. */
  outputDims?: (number | undefined)[][]
  nodes: SourceNode[]
  constants: Map<string, Constant>
  notes: ModelNotes
  /** Of an ONNX file: where it lies; what onnxruntime is to run, its path or its bytes; the same file read for other outputs. */
  file?: { path: string; model: string | Uint8Array; withOutputs: (outputs: readonly string[]) => SourceModel }
  /** Whether the file has numbers of 16 bits, in which it may compute. */
  narrow?: boolean
  /** Normalisation that the file describes beside its nodes. */
  rule?: { color?: 'rgb' | 'bgr' | 'grey'; mean?: number[]; scale?: number[]; perImage?: boolean }
}

/** `Conv conv1`, for messages. */
export function describeNode({ op, name, outputs }: SourceNode): string {
  return `${op} ${name || outputs[0] || ''}`.trim()
}

export function intAttribute(node: SourceNode, key: string, otherwise: number): number {
  const value = node.attributes.get(key) ?? otherwise
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw invalidModel(`${key} of ${describeNode(node)}`, 'an integer', value)
  }
  return value
}

export function floatAttribute(node: SourceNode, key: string, otherwise: number): number {
  const value = node.attributes.get(key) ?? otherwise
  if (typeof value !== 'number') throw invalidModel(`${key} of ${describeNode(node)}`, 'a number', value)
  return value
}

export function stringAttribute(node: SourceNode, key: string, otherwise: string): string {
  const value = node.attributes.get(key) ?? otherwise
  if (typeof value !== 'string') throw invalidModel(`${key} of ${describeNode(node)}`, 'a string', value)
  return value
}

/** `length`: how many there must be, where the op says so. */
export function intsAttribute(node: SourceNode, key: string, otherwise: readonly number[], length?: number): number[] {
  const value = node.attributes.get(key) ?? otherwise
  const sound = Array.isArray(value) && value.every(Number.isSafeInteger)
  if (!sound || (length !== undefined && value.length !== length)) {
    throw invalidModel(`${key} of ${describeNode(node)}`, `${length ?? 'a list of'} integers`, value)
  }
  return [...value]
}

/** A bias or the like: `length` values in a row. */
export function vector(node: SourceNode, constant: Constant, length: number): ArrayLike<number> {
  if (constant.data.length === length) return constant.data
  throw invalidModel(`constants of ${describeNode(node)}`, `${length} values`, constant.dims.join('x'))
}
