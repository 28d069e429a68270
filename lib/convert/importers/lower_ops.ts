/** What each source op becomes: ONNX's, and those that `patterns.ts` makes. */
import { invalidModel } from '../../errors.js'
import { dataType } from '../../files/model/onnx_schema.js'
import { uniformValue } from './constants.js'
import { foldConstant } from './fold.js'
import { dimsOf, flattened, flattenedLast, isChannelAxis, isHeldAs, sourceOrder, withLastChannels } from './layout.js'
import { arithmetic, negate } from './lower_arithmetic.js'
import { crossCovarianceAttention } from './lower_attention.js'
import { gather, slice, split } from './lower_channels.js'
import { batchNorm, instanceNorm, l2Normalize, layerNorm, lrn } from './lower_norms.js'
import { pointwiseOps } from './lower_pointwise.js'
import { globalPool, mapValue, pool, reducedPool } from './lower_pools.js'
import { dequantize, quantize } from './lower_quantized.js'
import { resize } from './lower_resize.js'
import { concat, expand, flatten, pad, reshape, shapeOf, sizeOf, squeeze, transpose } from './lower_shapes.js'
import type { Lower, Lowering, Value } from './lowering.js'
import { opsets, unknownOp, unsupported } from './operators.js'
import { perChannel } from './per_channel.js'
import { type Constant, describeNode, floatAttribute, intAttribute, type SourceNode, vector } from './source.js'
import { windowOf } from './window.js'

const pass: Lower = (lowering, node) => lowering.pass(node, lowering.moved(node, 0))

/** Between floats of any width, which are all fp32 here. A cast to integers rounds and one to bool compares: no op of ours. */
const cast: Lower = (lowering, node) => {
  const { float, float16, bfloat16, double } = dataType
  const to = intAttribute(node, 'to', 0)
  if (!([float, float16, bfloat16, double] as number[]).includes(to)) {
    const name = Object.entries(dataType).find(([, type]) => type === to)?.[0] ?? `type ${to}`
    throw unsupported(node, 'to', 'float, float16, bfloat16 or double, for an activation', name)
  }
  lowering.pass(node, { ...lowering.moved(node, 0), bytes: false })
}

/** In inference it passes on what it is given. */
const dropout: Lower = (lowering, node) => {
  const training = lowering.optionalConstant(node, 2)
  if (training && uniformValue(training) !== 0) throw unsupported(node, 'training_mode', 'false', 'true')
  if (intAttribute(node, 'is_test', 1) === 0) throw unsupported(node, 'is_test', '1', '0, training')
  lowering.pass(node, lowering.value(node, 0))
}

const conv: Lower = (lowering, node) => {
  const folded = lowering.takePadding(mapValue(lowering, node))
  const value = folded?.value ?? mapValue(lowering, node)
  const weight = lowering.constant(node, 1)
  const groups = intAttribute(node, 'group', 1)
  const [outChannels, perGroup, ...kernel] = weight.dims
  if (weight.dims.length !== 4 || groups < 1 || perGroup! * groups !== value.shape[2] || outChannels! % groups !== 0) {
    throw invalidModel(
      `weight of ${describeNode(node)}`,
      `O x ${value.shape[2]}/${groups} x KH x KW`,
      weight.dims.join('x'),
    )
  }
  const window = windowOf(node, value.shape, kernel)
  if (folded)
    window.padding = window.padding.map((pad, side) => pad + folded.padding[side]!) as typeof window.padding & number[]
  const bias = lowering.optionalConstant(node, 2)
  const name = lowering.nodeName(node, node.inputs[1])
  const tensors = {
    weight: lowering.store(`${name}.weight`, weight.dims, weight.data),
    ...(bias && { bias: lowering.store(`${name}.bias`, [outChannels!], vector(node, bias, outChannels!)) }),
  }
  const attributes = { ...window, outChannels: outChannels!, ...(groups > 1 && { groups }) }
  lowering.emit(node, name, { op: 'conv2d', attributes, tensors }, [value])
}

const prelu: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const slope = perChannel(node, slopesOf(node, lowering.constant(node, 1), value), value)
  const name = lowering.nodeName(node)
  const tensors = { slope: lowering.store(`${name}.slope`, [slope.length], slope) }
  lowering.emit(node, name, { op: 'prelu', tensors }, [value])
}

/**
 * Before opset 7 a vector of slopes is one a channel. Exporters have gone on writing it so, as MXNet's, which numpy's rule
 * does not allow: it would line up with the width. Where it cannot be one a column, it is one a channel.
 */
function slopesOf({ opset = opsets.newest }: SourceNode, constant: Constant, value: Value): Constant {
  const { dims, data } = constant
  const extents = dimsOf(value)
  const [length] = dims
  const vector = dims.length === 1 && length === value.shape[2] && extents.length === 4 && isChannelAxis(value, 1)
  return vector && (opset < 7 || length !== extents[3]) ? { dims: [length!, 1, 1], data } : constant
}

/** MatMul: x W with W in x out. Gemm: alpha x W + beta b, W maybe out x in. Ours is out x in. */
const fullyConnected: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const weight = lowering.constant(node, 1)
  const gemm = node.op === 'Gemm'
  const outFirst = gemm && intAttribute(node, 'transB', 0) !== 0
  const [rows = 0, columns = 0] = weight.dims
  const [features, outFeatures] = outFirst ? [columns, rows] : [rows, columns]
  if (isOfPixels(value) && weight.dims.length === 2 && features === value.shape[2]) {
    productOfPixels(lowering, node, value, outFirst)
    return
  }
  const [, length] = dimsOf(value)
  const batchInFront = value.dims.length === 2 && value.dims[0]!.every(({ axis }) => axis === 'n')
  const order = batchInFront ? sourceOrder(value) : undefined
  if (!order || weight.dims.length !== 2 || features !== length || (gemm && intAttribute(node, 'transA', 0))) {
    throw invalidModel(
      describeNode(node),
      `a vector times ${features} x ${outFeatures} weights`,
      dimsOf(value).join('x'),
    )
  }
  const alpha = gemm ? floatAttribute(node, 'alpha', 1) : 1
  const name = lowering.nodeName(node, node.inputs[1])
  const scaled = outFirst && alpha === 1 ? weight.data : scaledRows(weight.data, features, outFirst, alpha)
  const last = !isHeldAs(flattened, value)
  const values = last && !isHeldAs(flattenedLast, value) ? orderedColumns(scaled, order) : scaled
  const bias = gemm ? lowering.optionalConstant(node, 2) : undefined
  const beta = gemm ? floatAttribute(node, 'beta', 1) : 1
  const tensors = {
    weight: lowering.store(`${name}.weight`, [outFeatures, features], values),
    ...(bias && {
      bias: lowering.store(
        `${name}.bias`,
        [outFeatures],
        biasOf(node, bias, outFeatures).map((b) => b * beta),
      ),
    }),
  }
  const attributes = { outFeatures, ...(last && { order: 'hwc' as const }) }
  lowering.emit(node, name, { op: 'fully_connected', attributes, tensors }, [value], flattened)
}

/** Whether the channels stand last, with pixels before them. */
function isOfPixels(value: Value): boolean {
  const rank = value.dims.length
  return isChannelAxis(value, rank - 1) && (rank > 2 || value.shape[0] * value.shape[1] > 1)
}

/** x W at each pixel: a 1x1 convolution. */
function productOfPixels(lowering: Lowering, node: SourceNode, value: Value, outFirst: boolean): void {
  if (node.op === 'Gemm' && intAttribute(node, 'transA', 0)) throw unsupported(node, 'transA', '0', '1')
  const weight = lowering.constant(node, 1)
  const channels = value.shape[2]
  const outChannels = weight.data.length / channels
  const alpha = floatAttribute(node, 'alpha', 1)
  const bias = lowering.optionalConstant(node, 2)
  const beta = floatAttribute(node, 'beta', 1)
  const name = lowering.nodeName(node, node.inputs[1])
  const values = scaledRows(weight.data, channels, outFirst, alpha)
  const tensors = {
    weight: lowering.store(`${name}.weight`, [outChannels, channels, 1, 1], values),
    ...(bias && {
      bias: lowering.store(
        `${name}.bias`,
        [outChannels],
        biasOf(node, bias, outChannels).map((b) => b * beta),
      ),
    }),
  }
  const attributes = { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0], outChannels } as const
  lowering.emit(node, name, { op: 'conv2d', attributes, tensors }, [value], () => withLastChannels(value, outChannels))
}

/** alpha x W, out x in. */
function scaledRows(data: Constant['data'], features: number, outFirst: boolean, alpha: number): Float32Array {
  const outputs = data.length / features
  const [rowStep, columnStep] = outFirst ? [features, 1] : [1, outputs]
  const rows = new Float32Array(data.length)
  let i = 0
  for (let out = 0; out < outputs; out++) {
    for (let feature = 0; feature < features; feature++) rows[i++] = alpha * data[out * rowStep + feature * columnStep]!
  }
  return rows
}

/** Weights whose columns are in the source's order, with them in ours: height, width, channels. */
function orderedColumns(data: Constant['data'], order: Int32Array): Float32Array {
  const features = order.length
  const columns = new Float32Array(data.length)
  for (let row = 0; row < data.length; row += features) {
    for (let i = 0; i < features; i++) columns[row + order[i]!] = data[row + i]!
  }
  return columns
}

function biasOf(node: SourceNode, bias: Constant, length: number): Float64Array {
  const uniform = bias.data.length === 1 ? bias.data[0] : undefined
  return uniform === undefined ? Float64Array.from(vector(node, bias, length)) : new Float64Array(length).fill(uniform)
}

const maxout: Lower = (lowering, node) => {
  const attributes = { pieces: intAttribute(node, 'pieces', 0) }
  if (attributes.pieces < 1) throw invalidModel(`pieces of ${describeNode(node)}`, 'at least 1', attributes.pieces)
  lowering.emit(node, lowering.nodeName(node), { op: 'maxout', attributes }, [lowering.value(node, 0)])
}

const table = new Map<string, Lower>([
  ['Identity', pass],
  ['Dropout', dropout],
  ['Cast', cast],
  ['Conv', conv],
  ['BatchNormalization', batchNorm],
  ['InstanceNormalization', instanceNorm],
  ...pointwiseOps,
  ['PRelu', prelu],
  ['MaxPool', pool('max_pool')],
  ['AveragePool', pool('avg_pool')],
  ['LpPool', pool('l2_pool')],
  ['L2Pool', pool('l2_pool', { mean: true })],
  ['GlobalMaxPool', globalPool('max')],
  ['GlobalAveragePool', globalPool('avg')],
  ['GlobalL2Pool', globalPool('l2', true)],
  ['ReduceMean', reducedPool('avg')],
  ['ReduceMax', reducedPool('max')],
  ['ReduceL2', reducedPool('l2')],
  ['LRN', lrn],
  ['MatMul', fullyConnected],
  ['Gemm', fullyConnected],
  ['Add', arithmetic],
  ['Sum', arithmetic],
  ['Sub', arithmetic],
  ['Mul', arithmetic],
  ['Div', arithmetic],
  ['Neg', negate],
  ['Concat', concat],
  ['Pad', pad],
  ['Resize', resize],
  ['Expand', expand],
  ['QuantizeLinear', quantize],
  ['DequantizeLinear', dequantize],
  ['Reshape', reshape],
  ['Squeeze', squeeze],
  ['Unsqueeze', squeeze],
  ['Flatten', flatten],
  ['Transpose', transpose],
  ['Gather', gather],
  ['Slice', slice],
  ['Split', split],
  ['Shape', shapeOf],
  ['Size', sizeOf],
  ['L2Normalize', l2Normalize],
  ['CrossCovarianceAttention', crossCovarianceAttention],
  ['LayerNorm', layerNorm],
  ['LayerNormalization', layerNorm],
  ['Maxout', maxout],
])

/** Shapes are known here, so what was computed from them is constant now. */
export function lowerNode(lowering: Lowering, node: SourceNode): void {
  const inputs = node.inputs.map((name) => (name === '' ? undefined : lowering.constants.get(name)))
  const known = inputs.every((input, i) => input !== undefined || node.inputs[i] === '')
  const made = known ? foldConstant(node, inputs, lowering.budget) : undefined
  if (made) {
    lowering.fold(node, made)
    return
  }
  const lower = table.get(node.op)
  if (!lower) throw unknownOp(node)
  lower(lowering, node)
}
