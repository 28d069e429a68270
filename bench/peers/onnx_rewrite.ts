/**
 * The exported network as onnxruntime runs it fastest. Two of its kernels are plain loops, so a fair comparison offers it
 * the same arithmetic in ops that it has fast kernels for:
 *
 * - LRN: square, a 1x1 convolution with a band matrix, two square roots for the power of 3/4, division.
 * - LpPool: square, AveragePool, root; the root of the window's size goes into the convolutions that follow.
 */
import { activationShapes } from '../../lib/convert/networks/shapes.js'
import {
  attributeType,
  dataType,
  decodeModel,
  encodeModel,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
} from '../../lib/files/model/onnx_schema.js'
import { bytesOf } from '../../lib/files/model/tensor.js'
import type { GraphDescription } from '../../types/graph.js'

export interface Rewrite {
  lrn: boolean
  l2Pool: boolean
}

interface Constant {
  name: string
  dims: number[]
  dataType: number
  data: Uint8Array
}

interface Rewriting {
  model: OnnxModel
  constants: Map<string, Constant>
  channels(node: OnnxNode): number
}

/** `model`: what `exportOnnx` made of `graph`. */
export function rewriteForOnnxRuntime(model: Uint8Array, graph: GraphDescription, rewrite: Rewrite): Uint8Array {
  const decoded = decodeModel(model)
  const shapes = activationShapes(graph)
  const constants = decoded.graph!.initializer.map(({ name, dims, dataType, rawData }): [string, Constant] => [
    name,
    { name, dims: dims.map(Number), dataType, data: rawData },
  ])
  const context: Rewriting = {
    model: decoded,
    constants: new Map(constants),
    channels: (node) => shapes.get(node.name)![2],
  }
  const nodes = decoded.graph!.node.flatMap((node) => {
    if (node.opType === 'LRN' && rewrite.lrn) return lrnAsConvolution(context, node)
    if (node.opType === 'LpPool' && rewrite.l2Pool) return l2PoolAsAverage(context, node)
    return [node]
  })
  const { irVersion, producerName, opsetImport, graph: original } = decoded
  const { name, input, output } = original!
  return encodeModel(
    { irVersion, producerName, opsetImport: opsetImport.map(({ domain, version }) => ({ domain, version })) },
    { name, node: nodes, input, output },
    [...context.constants.values()],
  )
}

/** x / (bias + alpha / size * band . x^2)^(3/4), the power as root times root of the root. */
function lrnAsConvolution({ constants, channels }: Rewriting, node: OnnxNode): OnnxNode[] {
  const { name } = node
  const [alpha, beta, bias, size] = [
    attribute(node, 'alpha').f,
    attribute(node, 'beta').f,
    attribute(node, 'bias').f,
    Number(attribute(node, 'size').i),
  ]
  if (beta !== 0.75) throw new RangeError(`Expected an LRN with beta 0.75 but ${name} has ${beta}`)
  const count = channels(node)
  const reach = (size - 1) / 2
  const band = new Float32Array(count * count)
  for (let c = 0; c < count; c++) {
    for (let other = Math.max(0, c - reach); other <= Math.min(count - 1, c + reach); other++) {
      band[c * count + other] = alpha / size
    }
  }
  addConstant(constants, `${name}/band`, [count, count, 1, 1], band)
  addConstant(constants, `${name}/bias`, [count], new Float32Array(count).fill(bias))
  const [x] = node.input as [string]
  return [
    makeNode('Mul', `${name}/squares`, [x, x]),
    makeNode('Conv', `${name}/sums`, [`${name}/squares`, `${name}/band`, `${name}/bias`]),
    makeNode('Sqrt', `${name}/root`, [`${name}/sums`]),
    makeNode('Sqrt', `${name}/root-of-root`, [`${name}/root`]),
    makeNode('Mul', `${name}/power`, [`${name}/root`, `${name}/root-of-root`]),
    makeNode('Div', name, [x, `${name}/power`]),
  ]
}

/** sqrt(sum x^2) = sqrt(n) sqrt(mean x^2) over n pixels, those of the padding included. */
function l2PoolAsAverage({ model, constants }: Rewriting, node: OnnxNode): OnnxNode[] {
  const { name } = node
  const window = node.attribute.filter((candidate) => ['kernel_shape', 'strides', 'pads'].includes(candidate.name))
  const pixels = attribute(node, 'kernel_shape').ints.reduce((product, extent) => product * Number(extent), 1)
  for (const reader of model.graph!.node.filter((candidate) => candidate.input.includes(name))) {
    if (reader.opType !== 'Conv') throw new TypeError(`Expected a convolution after ${name} but found ${reader.opType}`)
    const weight = constants.get(reader.input[1]!)!
    const values = new Float32Array(weight.data.slice().buffer)
    addConstant(
      constants,
      weight.name,
      weight.dims,
      values.map((value) => value * Math.sqrt(pixels)),
    )
  }
  const [x] = node.input as [string]
  const countPadding = { name: 'count_include_pad', type: attributeType.int, i: 1n } as OnnxAttribute
  return [
    makeNode('Mul', `${name}/squares`, [x, x]),
    makeNode('AveragePool', `${name}/mean`, [`${name}/squares`], [...window, countPadding]),
    makeNode('Sqrt', name, [`${name}/mean`]),
  ]
}

function attribute(node: OnnxNode, name: string): OnnxAttribute {
  const found = node.attribute.find((candidate) => candidate.name === name)
  if (!found) throw new TypeError(`Expected the attribute ${name} of ${node.name}`)
  return found
}

function makeNode(opType: string, name: string, input: string[], attributes: OnnxAttribute[] = []): OnnxNode {
  return { opType, name, input, output: [name], attribute: attributes, domain: '', overload: '' }
}

function addConstant(constants: Map<string, Constant>, name: string, dims: number[], values: Float32Array): void {
  constants.set(name, { name, dims, dataType: dataType.float, data: bytesOf(values) })
}
