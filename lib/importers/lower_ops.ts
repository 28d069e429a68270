/** What each source op becomes: ONNX's, and those that `patterns.ts` makes. */
import type { PoolAttributes } from '../../types/graph.js'
import { invalidModel } from '../errors.js'
import { axesOf, foldConstant, integers, resolveReshape, squeezedDims, uniformValue } from './constants.js'
import { channelAxis, dimsOf, reshapedLayout, transposedLayout } from './layout.js'
import type { Affine, Lowering, Value } from './lowering.js'
import {
  type Constant,
  describeNode,
  floatAttribute,
  intAttribute,
  intsAttribute,
  type SourceNode,
  stringAttribute,
} from './source.js'
import { poolOf, windowOf } from './window.js'

type Lower = (lowering: Lowering, node: SourceNode) => void

const pass: Lower = (lowering, node) => lowering.pass(node, lowering.value(node, 0))

const simple =
  (op: 'relu' | 'relu6'): Lower =>
  (lowering, node) => {
    lowering.emit(node, lowering.nodeName(node), { op }, [lowering.value(node, 0)])
  }

/** Windows and channel-wise ops need to know where the channels are. */
function mapValue(lowering: Lowering, node: SourceNode): Value {
  const value = lowering.value(node, 0)
  if (value.layout === 'nchw') return value
  throw invalidModel(`input of ${describeNode(node)}`, 'N x C x H x W', dimsOf(value).join('x'))
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

/** A bias or the like: `length` values in a row. */
function vector(node: SourceNode, constant: Constant, length: number): ArrayLike<number> {
  if (constant.data.length === length) return constant.data
  throw invalidModel(`constants of ${describeNode(node)}`, `${length} values`, constant.dims.join('x'))
}

const pool =
  (op: 'max_pool' | 'avg_pool' | 'l2_pool', extra: Partial<PoolAttributes> = {}): Lower =>
  (lowering, node) => {
    if (node.outputs.length > 1 && node.outputs[1])
      throw invalidModel(describeNode(node), 'one output', node.outputs.length)
    const value = mapValue(lowering, node)
    if (node.op === 'LpPool' && intAttribute(node, 'p', 2) !== 2) {
      throw invalidModel(`p of ${describeNode(node)}`, '2', intAttribute(node, 'p', 2))
    }
    const attributes = { ...poolOf(node, value.shape), ...extra }
    if (op === 'max_pool') delete attributes.countPadding
    lowering.emit(node, lowering.nodeName(node), { op, attributes }, [value])
  }

const globalPool =
  (kind: 'max' | 'avg' | 'l2', mean = false): Lower =>
  (lowering, node) => {
    const attributes = mean ? { kind, mean } : { kind }
    lowering.emit(node, lowering.nodeName(node), { op: 'global_pool', attributes }, [mapValue(lowering, node)])
  }

/** A reduction over height and width is a global pool. */
const reducedPool =
  (kind: 'max' | 'avg' | 'l2'): Lower =>
  (lowering, node) => {
    const value = lowering.value(node, 0)
    const axes = axesOf(node, dimsOf(value).length, lowering.optionalConstant(node, 1))?.join()
    if (axes !== (value.layout === 'nchw' ? '2,3' : value.layout === 'nhwc' ? '1,2' : undefined)) {
      throw invalidModel(`axes of ${describeNode(node)}`, 'height and width', `${axes} of ${dimsOf(value).join('x')}`)
    }
    const layout = intAttribute(node, 'keepdims', 1) ? value.layout : 'flat-chw'
    lowering.emit(node, lowering.nodeName(node), { op: 'global_pool', attributes: { kind } }, [value], layout)
  }

const batchNorm: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  if (intAttribute(node, 'training_mode', 0) || channelAxis(value) !== 1) {
    throw invalidModel(describeNode(node), 'inference over the channels of N x C x H x W', dimsOf(value).join('x'))
  }
  const name = lowering.nodeName(node, node.inputs[1])
  const channels = value.shape[2]
  const stored = (index: number, role: string) =>
    lowering.store(`${name}.${role}`, [channels], vector(node, lowering.constant(node, index), channels))
  const tensors = {
    scale: stored(1, 'scale'),
    shift: stored(2, 'shift'),
    mean: stored(3, 'mean'),
    variance: stored(4, 'variance'),
  }
  const attributes = { epsilon: floatAttribute(node, 'epsilon', 1e-5) }
  lowering.emit(node, name, { op: 'batch_norm', attributes, tensors }, [value])
}

const prelu: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const slope = lowering.perChannel(node, lowering.constant(node, 1), value)
  const name = lowering.nodeName(node)
  const tensors = { slope: lowering.store(`${name}.slope`, [slope.length], slope) }
  lowering.emit(node, name, { op: 'prelu', tensors }, [value])
}

const lrn: Lower = (lowering, node) => {
  const attributes = {
    size: intAttribute(node, 'size', 0),
    alpha: floatAttribute(node, 'alpha', 1e-4),
    beta: floatAttribute(node, 'beta', 0.75),
    bias: floatAttribute(node, 'bias', 1),
    alphaPer: 'window' as const,
  }
  if (attributes.size < 1) throw invalidModel(`size of ${describeNode(node)}`, 'at least 1', attributes.size)
  lowering.emit(node, lowering.nodeName(node), { op: 'lrn', attributes }, [mapValue(lowering, node)])
}

/** MatMul: x W with W in x out. Gemm: alpha x W + beta b, W maybe out x in. Ours is out x in. */
const fullyConnected: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const weight = lowering.constant(node, 1)
  const gemm = node.op === 'Gemm'
  const outFirst = gemm && intAttribute(node, 'transB', 0) !== 0
  const [rows = 0, columns = 0] = weight.dims
  const [features, outFeatures] = outFirst ? [columns, rows] : [rows, columns]
  const [, length] = dimsOf(value)
  if (
    !value.layout.startsWith('flat') ||
    weight.dims.length !== 2 ||
    features !== length ||
    (gemm && intAttribute(node, 'transA', 0))
  ) {
    throw invalidModel(
      describeNode(node),
      `a vector times ${features} x ${outFeatures} weights`,
      dimsOf(value).join('x'),
    )
  }
  const alpha = gemm ? floatAttribute(node, 'alpha', 1) : 1
  const name = lowering.nodeName(node, node.inputs[1])
  const values = Float32Array.from({ length: rows * columns }, (_, i) => {
    const [out, feature] = [Math.floor(i / features), i % features]
    return alpha * weight.data[outFirst ? i : feature * outFeatures + out]!
  })
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
  const attributes = { outFeatures, ...(value.layout === 'flat-hwc' && { order: 'hwc' as const }) }
  lowering.emit(node, name, { op: 'fully_connected', attributes, tensors }, [value], 'flat-chw')
}

function biasOf(node: SourceNode, bias: Constant, length: number): Float64Array {
  const uniform = bias.data.length === 1 ? bias.data[0] : undefined
  return uniform === undefined ? Float64Array.from(vector(node, bias, length)) : new Float64Array(length).fill(uniform)
}

/** Add, Sub, Mul, Div: of an activation with a constant, an affine; the sum of two activations, an add. */
const arithmetic: Lower = (lowering, node) => {
  const [first, second] = node.inputs
  if (node.inputs.length !== 2) throw invalidModel(describeNode(node), 'two inputs', node.inputs.length)
  if (lowering.isActivation(first!) && lowering.isActivation(second!)) {
    if (node.op === 'Add' || node.op === 'Sum') add(lowering, node)
    else throw unknownOp(node, ' of two activations')
    return
  }
  const constantFirst = !lowering.isActivation(first!)
  const value = lowering.value(node, constantFirst ? 1 : 0)
  const constant = lowering.perChannel(node, lowering.constant(node, constantFirst ? 0 : 1), value)
  if (constantFirst && node.op === 'Div') throw unknownOp(node, ' of a constant by an activation')
  const signed = node.op === 'Sub'
  const affine: Record<string, () => Affine> = {
    Mul: () => ({ scale: constant, shift: zeros(constant) }),
    Div: () => ({ scale: constant.map((divisor) => 1 / divisor), shift: zeros(constant) }),
    Add: () => ({ scale: ones(constant), shift: constant }),
    Sum: () => ({ scale: ones(constant), shift: constant }),
    Sub: () => ({
      scale: constantFirst ? ones(constant).map(() => -1) : ones(constant),
      shift: signed && !constantFirst ? constant.map((c) => -c) : constant,
    }),
  }
  lowering.applyAffine(node, value, affine[node.op]!())
}

const zeros = ({ length }: Float64Array) => new Float64Array(length)
const ones = ({ length }: Float64Array) => new Float64Array(length).fill(1)

const negate: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const scale = new Float64Array(value.shape[2]).fill(-1)
  lowering.applyAffine(node, value, { scale, shift: zeros(scale) })
}

function add(lowering: Lowering, node: SourceNode): void {
  const [a, b] = [lowering.value(node, 0), lowering.value(node, 1)]
  if (dimsOf(a).join() !== dimsOf(b).join()) {
    throw invalidModel(
      `inputs of ${describeNode(node)}`,
      'one shape',
      `${dimsOf(a).join('x')} and ${dimsOf(b).join('x')}`,
    )
  }
  // A sum of something with itself reads one node twice, so neither side can be scaled apart.
  const scaled = a.node === b.node ? undefined : lowering.takeFactor(b)
  const swapped = scaled || a.node === b.node ? undefined : lowering.takeFactor(a)
  const inputs = scaled ? [a, scaled.value] : swapped ? [b, swapped.value] : [a, b]
  const factor = scaled?.factor ?? swapped?.factor
  const attributes = factor === undefined ? undefined : { factor }
  lowering.emit(node, lowering.nodeName(node), { op: 'add', ...(attributes && { attributes }) }, inputs)
}

const concat: Lower = (lowering, node) => {
  const values = node.inputs.map((_, index) => lowering.value(node, index))
  const axis = intAttribute(node, 'axis', 1)
  const sound = values.every((value) => {
    const rank = dimsOf(value).length
    return value.layout === values[0]!.layout && channelAxis(value) === (axis < 0 ? axis + rank : axis)
  })
  if (!sound) throw invalidModel(`axis of ${describeNode(node)}`, 'the channels of inputs of one layout', axis)
  lowering.emit(node, lowering.nodeName(node), { op: 'concat' }, values)
}

/** Zeros around the image and after the last channel. */
const pad: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const rank = dimsOf(value).length
  const given = lowering.optionalConstant(node, 1)
  const pads = given ? Array.from(given.data) : intsAttribute(node, 'pads', intsAttribute(node, 'paddings', []))
  const axes = node.inputs[3] ? axesOf(node, rank, lowering.constant(node, 3))! : [...Array(rank).keys()]
  const filler = node.inputs[2] ? uniformValue(lowering.constant(node, 2)) : floatAttribute(node, 'value', 0)
  const mode = stringAttribute(node, 'mode', 'constant')
  if (mode !== 'constant' || filler !== 0)
    throw invalidModel(describeNode(node), 'padding with zeros', `${mode} ${filler}`)
  if (pads.length !== 2 * axes.length || pads.some((count) => !Number.isSafeInteger(count) || count < 0)) {
    throw invalidModel(`pads of ${describeNode(node)}`, `${2 * axes.length} integers >= 0`, `[${pads.join(', ')}]`)
  }
  const along = (axis: number, end: 0 | 1) => {
    const index = axes.indexOf(axis)
    return index < 0 ? 0 : pads[index + end * axes.length]!
  }
  const [channel, row, column] = value.layout === 'nhwc' ? [3, 1, 2] : [1, 2, 3]
  if (value.layout.startsWith('flat') || along(0, 0) || along(0, 1) || along(channel, 0)) {
    throw invalidModel(
      `pads of ${describeNode(node)}`,
      'zeros around the image or after the last channel',
      `[${pads.join(', ')}]`,
    )
  }
  const padding = [along(row, 0), along(column, 0), along(row, 1), along(column, 1)] as const
  const channels = along(channel, 1)
  const attributes = { ...(padding.some((count) => count > 0) && { padding }), ...(channels > 0 && { channels }) }
  if (Object.keys(attributes).length === 0) lowering.pass(node, value)
  else lowering.emit(node, lowering.nodeName(node), { op: 'zero_pad', attributes }, [value])
}

const reshape: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const dims = dimsOf(value)
  const shape = lowering.optionalConstant(node, 1) ?? integers(intsAttribute(node, 'shape', []))
  lowering.pass(node, value, reshapedLayout(node, value, resolveReshape(node, dims, shape)))
}

const squeeze: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const dims = squeezedDims(node, dimsOf(value), lowering.optionalConstant(node, 1))
  lowering.pass(node, value, reshapedLayout(node, value, dims))
}

const flatten: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const axis = intAttribute(node, 'axis', 1)
  const dims = dimsOf(value)
  if (axis !== 1 && axis !== 1 - dims.length) throw invalidModel(`axis of ${describeNode(node)}`, '1', axis)
  lowering.pass(node, value, reshapedLayout(node, value, [1, dims.reduce((product, extent) => product * extent, 1)]))
}

const l2Normalize: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const rank = dimsOf(value).length
  const axes = intsAttribute(node, 'axes', []).map((axis) => (axis < 0 ? axis + rank : axis))
  const [height, width] = value.shape
  if (height * width !== 1 || axes.length !== 1 || axes[0] !== channelAxis(value)) {
    throw invalidModel(
      describeNode(node),
      'a norm over all of a vector',
      `axes ${axes.join()} of ${dimsOf(value).join('x')}`,
    )
  }
  const attributes = { epsilon: floatAttribute(node, 'epsilon', 0) }
  lowering.emit(node, lowering.nodeName(node), { op: 'l2_normalize', attributes }, [value])
}

const maxout: Lower = (lowering, node) => {
  const attributes = { pieces: intAttribute(node, 'pieces', 0) }
  if (attributes.pieces < 1) throw invalidModel(`pieces of ${describeNode(node)}`, 'at least 1', attributes.pieces)
  lowering.emit(node, lowering.nodeName(node), { op: 'maxout', attributes }, [lowering.value(node, 0)])
}

/** The only Gather of an activation: the image's channels turned round. */
const gather: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const order = Array.from(lowering.constant(node, 1).data).join()
  const { rule } = lowering
  const axis = intAttribute(node, 'axis', 0)
  if (
    value.node !== lowering.preprocess ||
    value.shared ||
    axis !== channelAxis(value) ||
    order !== '2,1,0' ||
    rule.color === 'grey'
  ) {
    throw unknownOp(node, ' other than of the image, RGB to BGR')
  }
  rule.color = rule.color === 'rgb' ? 'bgr' : 'rgb'
  rule.mean = [...rule.mean].reverse()
  rule.scale = [...rule.scale].reverse()
  lowering.pass(node, value)
}

const shapeOf: Lower = (lowering, node) => {
  lowering.constants.set(node.outputs[0]!, integers(dimsOf(lowering.value(node, 0))))
}

const transpose: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  lowering.pass(node, value, transposedLayout(node, value))
}

const table = new Map<string, Lower>([
  ['Identity', pass],
  ['Dropout', pass],
  ['Cast', pass],
  ['Conv', conv],
  ['BatchNormalization', batchNorm],
  ['Relu', simple('relu')],
  ['Relu6', simple('relu6')],
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
  ['Reshape', reshape],
  ['Squeeze', squeeze],
  ['Unsqueeze', squeeze],
  ['Flatten', flatten],
  ['Transpose', transpose],
  ['Gather', gather],
  ['Shape', shapeOf],
  ['L2Normalize', l2Normalize],
  ['Maxout', maxout],
])

/** Shapes are known here, so what was computed from them is constant now. */
export function lowerNode(lowering: Lowering, node: SourceNode): void {
  const inputs = node.inputs.filter((name) => name !== '').map((name) => lowering.constants.get(name))
  const constant = inputs.includes(undefined) ? undefined : foldConstant(node, inputs as Constant[])
  if (constant) {
    lowering.constants.set(node.outputs[0]!, constant)
    return
  }
  const lower = table.get(node.op)
  if (!lower) throw unknownOp(node)
  lower(lowering, node)
}

function unknownOp(node: SourceNode, what = '') {
  const name = node.name || node.outputs[0] || 'unnamed'
  return invalidModel(`node ${name}`, 'an op of embedding networks', `the unsupported op ${node.op}${what}`)
}
