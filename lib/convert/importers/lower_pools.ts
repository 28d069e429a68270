/** Pools: of windows, of the whole image, of all of its rows or columns. */
import type { PoolAttributes } from '../../../types/graph.js'
import { invalidModel } from '../../errors.js'
import { axesOf } from './constants.js'
import { coveredAxes, dimsOf, isHeldAs, maps } from './layout.js'
import type { Lower, Lowering, Value } from './lowering.js'
import { unsupported } from './operators.js'
import { type Constant, describeNode, intAttribute, type SourceNode } from './source.js'
import { poolOf } from './window.js'

/** Windows and channel-wise ops need to know where the channels are. */
export function mapValue(lowering: Lowering, node: SourceNode): Value {
  const value = lowering.value(node, 0)
  if (isHeldAs(maps, value)) return value
  throw invalidModel(`input of ${describeNode(node)}`, 'N x C x H x W', dimsOf(value).join('x'))
}

export const pool =
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
    const { kernel, stride, padding } = attributes
    const onePixel = [...kernel, ...stride].every((extent) => extent === 1) && padding.every((count) => count === 0)
    // As the shortcuts of ArcFace's residual blocks, which need a pool only where the stride is 2.
    if (onePixel && op !== 'l2_pool') lowering.pass(node, value)
    else lowering.emit(node, lowering.nodeName(node), { op, attributes }, [value])
  }

export const globalPool =
  (kind: 'max' | 'avg' | 'l2', mean = false): Lower =>
  (lowering, node) => {
    const attributes = mean ? { kind, mean } : { kind }
    lowering.emit(node, lowering.nodeName(node), { op: 'global_pool', attributes }, [mapValue(lowering, node)])
  }

/** A reduction over height and width is a global pool, one over either of them a pool of all of its rows or columns. */
export const reducedPool =
  (kind: 'max' | 'avg' | 'l2'): Lower =>
  (lowering, node) => {
    const value = lowering.value(node, 0)
    const extents = dimsOf(value)
    const axes = reducedAxes(node, extents.length, lowering.optionalConstant(node, 1))
    const covered = axes && coveredAxes(value, axes)
    const keeps = intAttribute(node, 'keepdims', 1) !== 0
    if (!axes || covered === undefined || covered.includes('c') || (kind === 'l2' && covered === '')) {
      const received = axes ? `${axes.join()} of ${extents.join('x')}` : 'all'
      throw unsupported(node, 'axes', 'height, width or both', received)
    }
    const dims = value.dims.flatMap((parts, axis) => (axes.includes(axis) ? (keeps ? [[]] : []) : [parts]))
    if (covered === '') {
      lowering.pass(node, value, { ...value, dims })
      return
    }
    const [height, width] = value.shape
    const name = lowering.nodeName(node)
    if (covered === 'hw' || height * width === (covered === 'h' ? height : width)) {
      lowering.emit(node, name, { op: 'global_pool', attributes: { kind } }, [value], () => dims)
      return
    }
    const kernel = covered === 'h' ? ([height, 1] as const) : ([1, width] as const)
    const attributes = { kernel, stride: [1, 1] as const, padding: [0, 0, 0, 0] as const }
    lowering.emit(node, name, { op: `${kind}_pool`, attributes }, [value], () => dims)
  }

/** Undefined: all. */
function reducedAxes(node: SourceNode, rank: number, input: Constant | undefined): number[] | undefined {
  const axes = axesOf(node, rank, input)
  if (axes && axes.length > 0) return axes
  return intAttribute(node, 'noop_with_empty_axes', 0) ? [] : undefined
}
