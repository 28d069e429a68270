/** Normalisations: by statistics, of each image, over neighbouring channels, of lengths of vectors. */
import { invalidModel } from '../../errors.js'
import type { Affine } from './affine.js'
import { broadcastDims } from './constants.js'
import { canScaleElements, describeElements, scaleElements } from './elements.js'
import { axisOf } from './fold_views.js'
import { coveredAxes, dimsOf, isChannelAxis } from './layout.js'
import { mapValue } from './lower_pools.js'
import type { Lower, Value } from './lowering.js'
import { unsupported } from './operators.js'
import { channelValues, elementValues, perChannel, refuse } from './per_channel.js'
import {
  type Constant,
  describeNode,
  floatAttribute,
  intAttribute,
  intsAttribute,
  type SourceNode,
  vector,
} from './source.js'

export const batchNorm: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  if (intAttribute(node, 'training_mode', 0)) throw unsupported(node, 'training_mode', '0, inference', '1')
  if (intAttribute(node, 'is_test', 1) === 0) throw unsupported(node, 'is_test', '1', '0, training')
  const name = lowering.nodeName(node, node.inputs[1])
  const channels = value.shape[2]
  const epsilon = floatAttribute(node, 'epsilon', 1e-5)
  const statistics = [1, 2, 3, 4].map((index) => statistic(node, lowering.constant(node, index), value))
  const ofChannels = statistics.map((constant) => channelValues(constant, value))
  if (ofChannels.some((values) => values === undefined)) {
    scaleElements(lowering, node, value, elementNorm(node, statistics, value, epsilon))
    return
  }
  const [scale, shift, mean, variance] = ['scale', 'shift', 'mean', 'variance'].map((role, i) =>
    lowering.store(`${name}.${role}`, [channels], ofChannels[i]!),
  ) as [string, string, string, string]
  const tensors = { scale, shift, mean, variance }
  lowering.emit(node, name, { op: 'batch_norm', attributes: { epsilon }, tensors }, [value])
}

/** One value for each index of axis 1; before opset 9 with `spatial` 0 one for each value of an image. */
function statistic(node: SourceNode, constant: Constant, value: Value): Constant {
  const [, length, ...pixels] = dimsOf(value)
  if (length === undefined) throw unsupported(node, 'input', 'N x C x H x W or N x C', dimsOf(value).join('x'))
  const byPixel = intAttribute(node, 'spatial', 1) === 0
  const dims = byPixel ? constant.dims : [length, ...pixels.map(() => 1)]
  if (!byPixel) vector(node, constant, length)
  return { ...constant, dims, data: constant.data }
}

/** (x - mean) / sqrt(variance + epsilon) * scale + shift */
function elementNorm(node: SourceNode, statistics: readonly Constant[], value: Value, epsilon: number): Affine {
  const [scale, shift, mean, variance] = statistics.map((constant) => {
    const values = canScaleElements(value.shape) ? elementValues(constant, value) : undefined
    return values ?? refuse(node, constant, value, describeElements)
  }) as [Float64Array, Float64Array, Float64Array, Float64Array]
  const factors = scale.map((factor, i) => factor / Math.sqrt(variance[i]! + epsilon))
  return { scale: factors, shift: shift.map((term, i) => term - mean[i]! * factors[i]!) }
}

/** The scale and shift behind it are an affine. */
export const instanceNorm: Lower = (lowering, node) => {
  const value = mapValue(lowering, node)
  const channels = value.shape[2]
  const [scale, shift] = [1, 2].map((index) =>
    Float64Array.from(vector(node, lowering.constant(node, index), channels)),
  ) as [Float64Array, Float64Array]
  const plain = scale.every((factor) => factor === 1) && shift.every((term) => term === 0)
  const attributes = { epsilon: floatAttribute(node, 'epsilon', 1e-5) }
  const name = lowering.nodeName(node, node.inputs[1])
  const normalized = lowering.emit(node, name, { op: 'instance_norm', attributes }, [value])
  if (!plain) lowering.applyAffine(node, normalized, { scale, shift })
}

/** With the scale and shift of ONNX's operator; without them as `patterns.ts` finds it. */
export const layerNorm: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const rank = dimsOf(value).length
  const unread = node.outputs.slice(1).find((output) => lowering.isRead(output))
  if (unread !== undefined) throw unsupported(node, 'outputs', 'the first alone', unread)
  const first = axisOf(node, rank, -1)
  const axes = intsAttribute(node, 'axes', [...Array(rank).keys()].slice(first)).map((axis) =>
    axis < 0 ? axis + rank : axis,
  )
  const attributes = { epsilon: floatAttribute(node, 'epsilon', 1e-5) }
  const name = lowering.nodeName(node, node.inputs[1])
  const normalized = lowering.emit(node, name, { op: normalizes(node, value, axes), attributes }, [value])
  const [scale, shift] = [1, 2].map((index) => {
    const constant = lowering.optionalConstant(node, index)
    return constant ? perChannel(node, constant, value) : new Float64Array(value.shape[2]).fill(2 - index)
  }) as [Float64Array, Float64Array]
  const plain = scale.every((factor) => factor === 1) && shift.every((term) => term === 0)
  if (!plain) lowering.applyAffine(node, normalized, { scale, shift })
}

/** Over the channels of each pixel, or over the pixels of each channel. */
function normalizes(node: SourceNode, value: Value, axes: readonly number[]): 'layer_norm' | 'instance_norm' {
  const covered = axes.every((axis) => value.dims[axis]) ? coveredAxes(value, axes) : undefined
  const [height, width] = value.shape
  if (covered === 'c') return 'layer_norm'
  const all =
    covered?.includes('c') === false && [height, width].every((size, i) => size === 1 || covered.includes('hw'[i]!))
  if (all && height * width > 1) return 'instance_norm'
  throw unsupported(node, 'axes', 'the channels, or height and width', `${axes.join()} of ${dimsOf(value).join('x')}`)
}

export const lrn: Lower = (lowering, node) => {
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

export const l2Normalize: Lower = (lowering, node) => {
  const value = lowering.value(node, 0)
  const rank = dimsOf(value).length
  const axes = intsAttribute(node, 'axes', []).map((axis) => (axis < 0 ? axis + rank : axis))
  const [height, width] = value.shape
  if (height * width !== 1 || axes.length !== 1 || !isChannelAxis(value, axes[0]!)) {
    throw invalidModel(
      describeNode(node),
      'a norm over all of a vector',
      `axes ${axes.join()} of ${dimsOf(value).join('x')}`,
    )
  }
  // What the length was stretched to before it divided, which must be no more than the vector.
  const stretched = lowering.optionalConstant(node, 1)
  if (stretched && broadcastDims(node, dimsOf(value), Array.from(stretched.data)).join() !== dimsOf(value).join()) {
    throw unsupported(node, 'shape', dimsOf(value).join('x'), Array.from(stretched.data).join('x'))
  }
  const attributes = { epsilon: floatAttribute(node, 'epsilon', 0) }
  lowering.emit(node, lowering.nodeName(node), { op: 'l2_normalize', attributes }, [value])
}
