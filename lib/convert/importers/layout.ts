/**
 * How a source network holds an activation. Ours are always height x width x channels, one an image. The source has any number
 * of dimensions, each the product of parts of our axes and of the batch: N x C x H x W, N x H x W x C, N x CHW as flattened,
 * N x G x C/G x H x W on the way to shuffled channels. Reshapes and transposes change nothing but that.
 */
import { invalidModel } from '../../errors.js'
import type { Shape } from '../networks/shapes.js'
import { describeNode, intsAttribute, type SourceNode } from './source.js'

/** A part of an axis: `size` indices that are `step` apart. Parts of one index are left out. */
interface Part {
  axis: 'n' | 'h' | 'w' | 'c'
  size: number
  step: number
}

/** The parts that each dimension of the source consists of, the slowest first. */
export type Dimensions = readonly (readonly Part[])[]

export interface Held {
  shape: Shape
  dims: Dimensions
  /** Images of a batch, where the file fixes it; else 1. */
  batch: number
}

type Form = (shape: Shape, batch: number) => Dimensions

const whole = (axis: Part['axis'], size: number): Part[] => (size > 1 ? [{ axis, size, step: 1 }] : [])

/** N x C x H x W, as windows want it. */
export const maps: Form = ([h, w, c], n) => [whole('n', n), whole('c', c), whole('h', h), whole('w', w)]
export const channelsLast: Form = ([h, w, c], n) => [whole('n', n), whole('h', h), whole('w', w), whole('c', c)]
/** N x CHW */
export const flattened: Form = ([h, w, c], n) => [whole('n', n), [...whole('c', c), ...whole('h', h), ...whole('w', w)]]
/** N x HWC */
export const flattenedLast: Form = ([h, w, c], n) => [
  whole('n', n),
  [...whole('h', h), ...whole('w', w), ...whole('c', c)],
]
/** N x HW x C, as detectors end. */
const rows: Form = ([h, w, c], n) => [whole('n', n), [...whole('h', h), ...whole('w', w)], whole('c', c)]

/** N x heads x C/heads x HW, as attention has it. */
export const byHeads =
  (heads: number): Form =>
  ([h, w, c], n) => {
    const size = c / heads
    const parts: Part[] = heads > 1 ? [{ axis: 'c', size: heads, step: size }] : []
    return [whole('n', n), parts, whole('c', size), [...whole('h', h), ...whole('w', w)]]
  }

const key = (dims: Dimensions) =>
  dims.map((parts) => parts.map(({ axis, size, step }) => `${axis}${size}/${step}`).join('')).join()

export function isHeldAs(form: Form, held: Held): boolean {
  return key(held.dims) === key(form(held.shape, held.batch))
}

/** Whether two activations list the same values in the same order. */
export const sameOrder = (a: Held, b: Held): boolean => a.shape.join() === b.shape.join() && key(a.dims) === key(b.dims)

/** How something of another shape is held in the way of `held`; undefined where that has no name. */
export function heldLike(held: Held, shape: Shape): Dimensions | undefined {
  const form = [maps, flattened, channelsLast, rows].find((each) => isHeldAs(each, held))
  return form?.(shape, held.batch)
}

const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1)

/** The dimensions as the source sees them. */
export function dimsOf({ dims }: Held): number[] {
  return dims.map((parts) => product(parts.map(({ size }) => size)))
}

/** Whether a dimension counts the channels, and nothing else does. */
export function isChannelAxis({ dims, shape: [, , channels] }: Held, axis: number): boolean {
  const parts = dims[axis]
  if (!parts) return false
  return channels === 1 ? parts.length === 0 : key([parts]) === key([whole('c', channels)])
}

/** The same with another number of channels, which the last dimension counts. */
export const withLastChannels = ({ dims }: Held, channels: number): Dimensions => [
  ...dims.slice(0, -1),
  whole('c', channels),
]

/**
 * Channels whose places on an axis are `indices`, where that axis is one part of them, in the order that they then have; and how
 * they are held. Undefined for other axes.
 */
export function takenChannels(
  { dims, shape }: Held,
  axis: number,
  indices: readonly number[],
): { from: number[]; dims: Dimensions } | undefined {
  const [part, ...more] = dims[axis] ?? []
  if (part?.axis !== 'c' || more.length > 0) return undefined
  const { size, step } = part
  const from: number[] = []
  for (let first = 0; first < shape[2]; first += size * step) {
    for (const index of indices) for (let inner = 0; inner < step; inner++) from.push(first + index * step + inner)
  }
  const taken = ({ axis: own, ...other }: Part): Part[] => {
    if (own !== 'c' || other.step < step) return [{ axis: own, ...other }]
    if (other.step > step) return [{ axis: own, size: other.size, step: (other.step / size) * indices.length }]
    return indices.length > 1 ? [{ axis: own, size: indices.length, step }] : []
  }
  return { from, dims: dims.map((parts) => parts.flatMap(taken)) }
}

/** The same values with other dimensions. */
export function reshaped(node: SourceNode, held: Held, target: readonly number[]): Held {
  const rest = held.dims.flat()
  const dims = target.map((extent) => {
    const parts: Part[] = []
    for (let left = extent; left > 1; ) {
      const { axis, size, step } = rest.shift()!
      if (size <= left && left % size === 0) {
        parts.push({ axis, size, step })
        left /= size
      } else if (size % left === 0) {
        parts.push({ axis, size: left, step: step * (size / left) })
        rest.unshift({ axis, size: size / left, step })
        left = 1
      } else {
        throw invalidModel(
          describeNode(node),
          'a reshape that splits or joins whole dimensions',
          `${dimsOf(held).join('x')} to ${target.join('x')}`,
        )
      }
    }
    return joined(parts)
  })
  return { ...held, dims }
}

/** Neighbours that together are one run of an axis, as one. */
function joined(parts: readonly Part[]): Part[] {
  const result: Part[] = []
  for (const part of parts) {
    const last = result.at(-1)
    if (last && last.axis === part.axis && last.step === part.step * part.size) {
      result[result.length - 1] = { axis: part.axis, size: last.size * part.size, step: part.step }
    } else result.push(part)
  }
  return result
}

export function transposed(node: SourceNode, held: Held): Held {
  const rank = held.dims.length
  const perm = intsAttribute(node, 'perm', [...held.dims.keys()].reverse(), rank)
  if ([...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
    throw invalidModel(`perm of ${describeNode(node)}`, `an order of ${rank} axes`, `[${perm.join(', ')}]`)
  }
  return { ...held, dims: perm.map((axis) => held.dims[axis]!) }
}

/** Our axes that a set of the source's dimensions covers whole, as `hw`; undefined where it covers one in part, or the batch. */
export function coveredAxes(held: Held, axes: readonly number[]): string | undefined {
  const sizes = { h: held.shape[0], w: held.shape[1], c: held.shape[2], n: held.batch }
  const covered = { h: 1, w: 1, c: 1, n: 1 }
  for (const { axis, size } of axes.flatMap((axis) => held.dims[axis]!)) covered[axis] *= size
  const names = (['h', 'w', 'c'] as const).filter((axis) => covered[axis] > 1)
  return covered.n === 1 && names.every((axis) => covered[axis] === sizes[axis]) ? names.join('') : undefined
}

/**
 * The order of the channels that the source counts as groups x C/groups with the two exchanged: channel 0 of every group, then
 * channel 1 of every group, and so on. Undefined for any other order.
 */
export function shuffledOrder(held: Held): Int32Array | undefined {
  const channels = held.shape[2]
  const axis = held.dims.findIndex((parts) => parts.length === 2 && parts.every((part) => part.axis === 'c'))
  const [outer, inner] = held.dims[axis] ?? []
  if (!outer || !inner || outer.step !== 1 || inner.step !== outer.size || outer.size * inner.size !== channels) {
    return undefined
  }
  const place = (c: number) => (c % inner.size) * inner.step + Math.floor(c / inner.size)
  return Int32Array.from({ length: channels }, (_, c) => place(c))
}

/** The same with its channels in their own order. */
export function unshuffled(held: Held): Dimensions {
  return held.dims.map((parts) => (parts.some(({ axis }) => axis === 'c') ? whole('c', held.shape[2]) : parts))
}

/** For each value of an image as the source lists them, its place in ours. Undefined where the batch is not in front. */
export function sourceOrder(held: Held): Int32Array | undefined {
  const { shape, dims, batch } = held
  const [, width, channels] = shape
  const parts = dims.flat()
  const images = parts.filter(({ axis }) => axis === 'n')
  if (images.length > 1 || (images[0] && (images[0] !== parts[0] || images[0].size !== batch))) return undefined
  const strides = { n: 0, h: width * channels, w: channels, c: 1 }
  const own = parts.filter(({ axis }) => axis !== 'n')
  const places = new Int32Array(product(own.map(({ size }) => size)))
  for (let i = 0; i < places.length; i++) {
    let rest = i
    for (let at = own.length - 1; at >= 0; at--) {
      const { axis, size, step } = own[at]!
      places[i] = places[i]! + (rest % size) * step * strides[axis]
      rest = Math.floor(rest / size)
    }
  }
  return places
}
