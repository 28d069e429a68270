/**
 * How a source network holds an activation. Ours are always height x width x channels; the source's may be N x C x H x W,
 * N x H x W x C, flattened to N x K in either order, or with its pixels in a row, N x HW x C (`rows`, as detectors end).
 * Reshapes between these only change the way an activation is held.
 */
import { invalidModel } from '../../errors.js'
import type { Shape } from '../networks/shapes.js'
import { describeNode, intsAttribute, type SourceNode } from './source.js'

export type Layout = 'nchw' | 'nhwc' | 'flat-chw' | 'flat-hwc' | 'rows'

export interface Held {
  shape: Shape
  layout: Layout
}

/** The dimensions as the source sees them, for one image. */
export function dimsOf({ shape: [height, width, channels], layout }: Held): number[] {
  if (layout === 'nchw') return [1, channels, height, width]
  if (layout === 'nhwc') return [1, height, width, channels]
  if (layout === 'rows') return [1, height * width, channels]
  return [1, height * width * channels]
}

/** The axis of `dimsOf` that counts channels; undefined where flattening has mixed them with pixels. */
export function channelAxis({ shape: [height, width], layout }: Held): number | undefined {
  if (layout === 'nhwc') return 3
  if (layout === 'nchw') return 1
  if (layout === 'rows') return 2
  return height * width === 1 ? 1 : undefined
}

/** The layout in which the same values have the dimensions `dims`. */
export function reshapedLayout(node: SourceNode, held: Held, dims: readonly number[]): Layout {
  const before = dimsOf(held)
  const [height, width] = held.shape
  if (dims.join() === before.join()) return held.layout
  const pixels = height * width
  if (held.layout === 'nhwc' && dims.join() === dimsOf({ ...held, layout: 'rows' }).join()) return 'rows'
  if (dims.length === 2 && dims[0] === 1) {
    return held.layout === 'nhwc' && pixels > 1 ? 'flat-hwc' : held.layout === 'flat-hwc' ? 'flat-hwc' : 'flat-chw'
  }
  const candidates: Layout[] = pixels === 1 ? ['nchw', 'nhwc'] : held.layout === 'flat-hwc' ? ['nhwc'] : ['nchw']
  const flat = held.layout.startsWith('flat') || pixels === 1
  const found = candidates.find((layout) => flat && dimsOf({ ...held, layout }).join() === dims.join())
  if (found) return found
  throw invalidModel(
    describeNode(node),
    'a reshape that flattens an image to a vector or undoes that',
    `${before.join('x')} to ${dims.join('x')}`,
  )
}

export function transposedLayout(node: SourceNode, held: Held): Layout {
  const perm = intsAttribute(node, 'perm', []).join()
  if (held.layout === 'nhwc' && perm === '0,3,1,2') return 'nchw'
  if (held.layout === 'nchw' && perm === '0,2,3,1') return 'nhwc'
  throw invalidModel(`perm of ${describeNode(node)}`, 'a change between NCHW and NHWC', `[${perm}] of ${held.layout}`)
}
