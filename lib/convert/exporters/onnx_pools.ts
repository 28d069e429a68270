/** Pools in ONNX. */
import type { GraphNode, PoolAttributes } from '../../../types/graph.js'
import { invalidArgument } from '../../errors.js'
import type { Shape } from '../networks/shapes.js'
import type { OnnxBuilder } from './onnx_builder.js'
import type { Named, Value } from './onnx_value.js'

/** How far the last window of each axis reaches past the padded image, because of ceil rounding: `[bottom, right]`. */
function overhang(
  { kernel, stride, dilation = [1, 1], padding }: PoolAttributes,
  input: Shape,
  output: Shape,
): [number, number] {
  const past = (axis: 0 | 1) => {
    const reach = (output[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1
    return Math.max(0, reach - input[axis] - padding[axis] - padding[axis + 2]!)
  }
  return [past(0), past(1)]
}

/** The opset from which on ONNX has pools as this one. */
export function poolOpset(node: GraphNode): number {
  if (node.op !== 'avg_pool' && node.op !== 'l2_pool') return 0
  if (!node.attributes.dilation) return 0
  return node.op === 'avg_pool' || node.attributes.mean ? 19 : 18
}

/**
 * Engines differ in what ceil_mode means, so the rounding becomes explicit padding. Neither maxima nor sums see it;
 * averages must not count it, which takes a Pad of its own where the layer's padding is to be counted.
 */
export function emitPool(
  builder: OnnxBuilder,
  node: Named<'max_pool' | 'avg_pool' | 'l2_pool'>,
  input: Value,
  output: Shape,
): string {
  const { name, attributes } = node
  const oldest = poolOpset(node)
  if (builder.opset < oldest) {
    throw invalidArgument('options.opset', `at least ${oldest}, for the dilated ${node.op} ${name}`, builder.opset)
  }
  const [bottom, right] = overhang(attributes, input.shape, output)
  const [padTop, padLeft, padBottom, padRight] = attributes.padding
  const { kernel, stride, dilation } = attributes
  const window = {
    kernel_shape: { ints: kernel },
    strides: { ints: stride },
    ...(dilation && { dilations: { ints: dilation } }),
  }
  const pads = { ints: [padTop, padLeft, padBottom + bottom, padRight + right] }
  if (node.op === 'max_pool') return builder.node('MaxPool', name, [input.name], { ...window, pads })
  if (node.op === 'l2_pool' && !attributes.mean) {
    return builder.node('LpPool', name, [input.name], { ...window, pads, p: { int: 2 } })
  }
  let averaged = input.name
  if (node.op === 'l2_pool') averaged = builder.node('Mul', `${name}/squares`, [averaged, averaged])
  const countAll = attributes.countPadding && bottom + right === 0
  const padFirst = attributes.countPadding && !countAll
  if (padFirst) averaged = builder.pad(`${name}/padded`, averaged, attributes.padding)
  const poolName = node.op === 'l2_pool' ? `${name}/mean` : name
  const pooled = builder.node('AveragePool', poolName, [averaged], {
    ...window,
    pads: padFirst ? { ints: [0, 0, bottom, right] } : pads,
    count_include_pad: { int: countAll ? 1 : 0 },
  })
  return node.op === 'l2_pool' ? builder.node('Sqrt', name, [pooled]) : pooled
}

export function emitGlobalPool(builder: OnnxBuilder, { name, attributes }: Named<'global_pool'>, input: Value): string {
  if (attributes.kind === 'max') return builder.node('GlobalMaxPool', name, [input.name])
  if (attributes.kind === 'avg') return builder.node('GlobalAveragePool', name, [input.name])
  if (!attributes.mean) return builder.reduce('ReduceL2', name, input.name, [2, 3], true)
  const squares = builder.node('Mul', `${name}/squares`, [input.name, input.name])
  return builder.node('Sqrt', name, [builder.node('GlobalAveragePool', `${name}/mean`, [squares])])
}
