/** Collects the nodes and constants of an ONNX graph while an exporter walks a network. */
import type { Padding } from '../../../types/graph.js'
import {
  attributeType,
  dataType,
  encodeModel,
  type Init,
  type OnnxAttribute,
  type OnnxNode,
} from '../../files/model/onnx_schema.js'
import { bytesOf } from '../../files/model/tensor.js'

export type Attribute = { int: number } | { float: number } | { ints: readonly number[] } | { string: string }

export interface ValueInfo {
  name: string
  type: 'float' | 'uint8'
  /** A string names a dimension that is open until the model is run. */
  shape: readonly (number | string)[]
}

interface Constant {
  name: string
  dims: readonly number[]
  dataType: number
  data: Uint8Array
}

export class OnnxBuilder {
  readonly opset: number
  private readonly nodes: Init<OnnxNode>[] = []
  private readonly constants = new Map<string, Constant>()

  constructor(opset: number) {
    this.opset = opset
  }

  /** Adds a node with one output, named like the node. Returns that name. */
  node(opType: string, name: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string {
    this.nodeOf(opType, [name], inputs, attributes)
    return name
  }

  /** Adds a node with these outputs, named like the first. */
  nodeOf(
    opType: string,
    outputs: readonly string[],
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): void {
    this.nodes.push({
      opType,
      name: outputs[0]!,
      input: [...inputs],
      output: [...outputs],
      attribute: Object.entries(attributes).map(([key, value]) => encodeAttribute(key, value)),
    })
  }

  /** The same, where several readers may ask for the node: it is added once. */
  sharedNode(
    opType: string,
    name: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): string {
    return this.nodes.some((node) => node.name === name) ? name : this.node(opType, name, inputs, attributes)
  }

  floats(name: string, dims: readonly number[], values: Float32Array | readonly number[]): string {
    const data = values instanceof Float32Array ? values : Float32Array.from(values)
    return this.constant({ name, dims, dataType: dataType.float, data: bytesOf(data) })
  }

  scalar(name: string, value: number): string {
    return this.floats(name, [], [value])
  }

  ints(name: string, values: readonly number[]): string {
    const data = bytesOf(BigInt64Array.from(values, BigInt))
    return this.constant({ name, dims: [values.length], dataType: dataType.int64, data })
  }

  wholeNumber(name: string, value: number): string {
    return this.constant({ name, dims: [], dataType: dataType.int64, data: bytesOf(BigInt64Array.of(BigInt(value))) })
  }

  /** A reduction over `axes`, which are an attribute before opset 18 and an input from there on. */
  reduce(opType: string, name: string, input: string, axes: readonly number[], keepDimensions: boolean): string {
    const keepdims = { int: keepDimensions ? 1 : 0 }
    if (this.opset < 18) return this.node(opType, name, [input], { axes: { ints: axes }, keepdims })
    return this.node(opType, name, [input, this.ints(`${name}/axes`, axes)], { keepdims })
  }

  /**
   * Rows and columns around an image, and channels after its own: zeros unless told. `value` is the name of a constant. From opset 18 on the axes are named: onnxruntime (1.17 to 1.23 at least)
   * folds a Pad without them into a MaxPool behind it, whose own padding is not zero but minus infinity.
   */
  pad(
    name: string,
    input: string,
    [top, left, bottom, right]: Padding,
    { channels = 0, value = '', mode = 'constant' }: { channels?: number; value?: string; mode?: string } = {},
  ): string {
    const attributes: Record<string, Attribute> = mode === 'constant' ? {} : { mode: { string: mode } }
    if (this.opset < 18) {
      const pads = this.ints(`${name}/pads`, [0, 0, top, left, 0, channels, bottom, right])
      return this.node('Pad', name, value ? [input, pads, value] : [input, pads], attributes)
    }
    const pads = this.ints(`${name}/pads`, [0, top, left, channels, bottom, right])
    return this.node('Pad', name, [input, pads, value, this.ints(`${name}/axes`, [1, 2, 3])], attributes)
  }

  encode(
    name: string,
    input: ValueInfo,
    outputs: readonly ValueInfo[],
    properties: Record<string, string>,
  ): Uint8Array {
    return encodeModel(
      {
        irVersion: 8n,
        producerName: 'facenet-native',
        opsetImport: [{ domain: '', version: BigInt(this.opset) }],
        metadataProps: Object.entries(properties).map(([key, value]) => ({ key, value })),
      },
      { name, node: this.nodes, input: [encodeValueInfo(input)], output: outputs.map(encodeValueInfo) },
      [...this.constants.values()],
    )
  }

  private constant(constant: Constant): string {
    this.constants.set(constant.name, constant)
    return constant.name
  }
}

function encodeAttribute(name: string, value: Attribute): Init<OnnxAttribute> {
  if ('int' in value) return { name, type: attributeType.int, i: BigInt(value.int) }
  if ('float' in value) return { name, type: attributeType.float, f: value.float }
  if ('ints' in value) return { name, type: attributeType.ints, ints: value.ints.map(BigInt) }
  return { name, type: attributeType.string, s: new TextEncoder().encode(value.string) }
}

function encodeValueInfo({ name, type, shape }: ValueInfo) {
  const dim = shape.map((extent) => (typeof extent === 'string' ? { dimParam: extent } : { dimValue: BigInt(extent) }))
  return { name, type: { tensorType: { elemType: dataType[type], shape: { dim } } } }
}
