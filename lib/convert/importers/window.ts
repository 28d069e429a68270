/** Windows of convolutions and pools as ONNX writes them. */
import type { Extent, Padding, PoolAttributes, WindowAttributes } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import type { Shape } from '../networks/shapes.js'
import { describeNode, intAttribute, intsAttribute, type SourceNode, stringAttribute } from './source.js'

/** `kernel`: from the weights, where the node need not say it. */
export function windowOf(node: SourceNode, input: Shape, kernel?: readonly number[]): WindowAttributes {
  const [kernelHeight, kernelWidth] = intsAttribute(node, 'kernel_shape', kernel ?? [], 2) as [number, number]
  const [down, across] = intsAttribute(node, 'strides', [1, 1], 2) as [number, number]
  const dilation = intsAttribute(node, 'dilations', [1, 1], 2) as [number, number]
  if (kernel && (kernel[0] !== kernelHeight || kernel[1] !== kernelWidth)) {
    throw invalidModel(`kernel_shape of ${describeNode(node)}`, kernel.join('x'), `${kernelHeight}x${kernelWidth}`)
  }
  if (kernelHeight < 1 || kernelWidth < 1 || down < 1 || across < 1) {
    throw invalidModel(
      describeNode(node),
      'a kernel and strides of at least 1',
      `${kernelHeight}x${kernelWidth} by ${down}x${across}`,
    )
  }
  if (dilation.some((pixels) => pixels < 1)) {
    throw invalidModel(`dilations of ${describeNode(node)}`, 'at least 1', dilation.join('x'))
  }
  const kernelSize: Extent = [kernelHeight, kernelWidth]
  // Along an axis of one tap it says nothing.
  const apart = kernelSize.map((size, axis) => (size > 1 ? dilation[axis]! : 1)) as unknown as Extent
  const extent: Extent = [(kernelHeight - 1) * apart[0] + 1, (kernelWidth - 1) * apart[1] + 1]
  return {
    kernel: kernelSize,
    stride: [down, across],
    ...(apart.some((pixels) => pixels > 1) && { dilation: apart }),
    padding: paddingOf(node, input, extent, [down, across]),
  }
}

/** `extent`: from the first tap to the last one. */
function paddingOf(node: SourceNode, input: Shape, extent: Extent, stride: Extent): Padding {
  const mode = stringAttribute(node, 'auto_pad', 'NOTSET')
  if (mode === 'NOTSET' || mode === '') {
    const pads = intsAttribute(node, 'pads', [0, 0, 0, 0], 4)
    if (pads.some((pad) => pad < 0)) throw invalidModel(`pads of ${describeNode(node)}`, 'none below 0', pads.join())
    return pads as unknown as Padding
  }
  if (mode === 'VALID') return [0, 0, 0, 0]
  if (mode !== 'SAME_UPPER' && mode !== 'SAME_LOWER') {
    throw invalidModel(`auto_pad of ${describeNode(node)}`, 'NOTSET, VALID, SAME_UPPER or SAME_LOWER', mode)
  }
  const round = mode === 'SAME_UPPER' ? Math.floor : Math.ceil
  const sides = ([0, 1] as const).map((axis) => {
    const count = Math.ceil(input[axis] / stride[axis])
    const total = Math.max(0, (count - 1) * stride[axis] + extent[axis] - input[axis])
    return { before: round(total / 2), after: total - round(total / 2) }
  })
  return [sides[0]!.before, sides[1]!.before, sides[0]!.after, sides[1]!.after]
}

export function poolOf(node: SourceNode, input: Shape): PoolAttributes {
  const attributes: PoolAttributes = windowOf(node, input)
  if (intAttribute(node, 'ceil_mode', 0)) attributes.rounding = 'ceil'
  if (intAttribute(node, 'count_include_pad', 0)) attributes.countPadding = true
  return attributes
}
