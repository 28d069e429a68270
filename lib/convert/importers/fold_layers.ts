/** Layers on constants, of which positional encodings are made. */
import { invalidModel } from '../../errors.js'
import { elementCount } from '../../files/model/tensor.js'
import { checkGrowth } from './constants.js'
import { axisOf } from './fold_views.js'
import { type Constant, describeNode, intAttribute, intsAttribute, type SourceNode } from './source.js'

/** Sums of what is before each place on an axis, itself included unless `exclusive`; `reverse`: from the end. */
export function cumulativeSum(node: SourceNode, from: Constant, axisInput: Constant): Constant {
  const { dims } = from
  const rank = dims.length
  const axis = axisOf({ ...node, attributes: new Map([['axis', axisInput.data[0]!]]) }, rank, 0)
  const [extent, step] = [dims[axis]!, elementCount(dims.slice(axis + 1))]
  const [exclusive, reverse] = ['exclusive', 'reverse'].map((name) => intAttribute(node, name, 0) !== 0)
  const data = from.data.slice()
  for (let first = 0; first < data.length; first += 1) {
    if (Math.floor(first / step) % extent !== 0) continue
    let sum = 0
    for (let i = 0; i < extent; i++) {
      const at = first + (reverse ? extent - 1 - i : i) * step
      const value = from.data[at]!
      data[at] = exclusive ? sum : sum + value
      sum += value
    }
  }
  return { dims, data }
}

/** Of a convolution of constants: a second. */
const maxProducts = 2 ** 28

/** Of one pixel. */
export function convolved(node: SourceNode, from: Constant, weight: Constant, bias: Constant | undefined): Constant {
  const [count = 0, channels = 0, ...extents] = from.dims
  const [outputs = 0, inputs] = weight.dims
  const plain =
    from.dims.length === 4 &&
    inputs === channels &&
    weight.data.length === outputs * channels &&
    intAttribute(node, 'group', 1) === 1 &&
    intsAttribute(node, 'strides', [1, 1]).every((stride) => stride === 1) &&
    intsAttribute(node, 'pads', [0]).every((pad) => pad === 0)
  if (!plain) {
    throw invalidModel(
      describeNode(node),
      'a 1x1 convolution, where it is of constants',
      `weights ${weight.dims.join('x')} of ${from.dims.join('x')}`,
    )
  }
  const pixels = elementCount(extents)
  const data = new Float32Array(checkGrowth(node, [count, outputs, pixels], [from, weight]))
  const products = data.length * channels
  if (products > maxProducts)
    throw invalidModel(describeNode(node), `at most ${maxProducts} products of constants`, products)
  for (let i = 0; i < data.length; i++) {
    const [n, out, pixel] = [Math.floor(i / (outputs * pixels)), Math.floor(i / pixels) % outputs, i % pixels]
    let sum = bias ? bias.data[out]! : 0
    for (let c = 0; c < channels; c++)
      sum += weight.data[out * channels + c]! * from.data[(n * channels + c) * pixels + pixel]!
    data[i] = sum
  }
  return { dims: [count, outputs, ...extents], data }
}
