/** Constants that have one value a channel of an activation, or one a value of it. */
import { dimsOf, type Held, isChannelAxis, sourceOrder } from './layout.js'
import { unsupported } from './operators.js'
import type { Constant, SourceNode } from './source.js'

/**
 * The values of a constant, stretched as numpy does, that has one value a channel of `value` or one for all: always C of
 * them.
 */
export function perChannel(source: SourceNode, constant: Constant, value: Held): Float64Array {
  return channelValues(constant, value) ?? refuse(source, constant, value, '')
}

/** The same; undefined where it has more than one value a channel. */
export function channelValues(constant: Constant, value: Held): Float64Array | undefined {
  const extents = dimsOf(value)
  const channels = value.shape[2]
  const { data } = constant
  if (data.length === 1 && constant.dims.length <= extents.length) return new Float64Array(channels).fill(data[0]!)
  const dims = alignedDims(constant, extents)
  if (!dims) return undefined
  const values = dims.every((extent, i) => extent === 1 || isChannelAxis(value, i))
    ? Float64Array.from(data)
    : uniformOverPixels(elementValues(constant, value), channels)
  return values?.length === channels ? values : undefined
}

/** One for each value of an image: height x width x channels. Undefined where it cannot be stretched, or images differ. */
export function elementValues(constant: Constant, held: Held): Float64Array | undefined {
  const extents = dimsOf(held)
  const dims = alignedDims(constant, extents)
  const places = sourceOrder(held)
  if (!dims || !places || (held.batch > 1 && dims[0] !== 1)) return undefined
  const values = new Float64Array(places.length)
  const strides = dims.map((extent, i) =>
    extent === 1 ? 0 : dims.slice(i + 1).reduce((total, each) => total * each, 1),
  )
  for (let i = 0; i < places.length; i++) {
    let [rest, at] = [i, 0]
    for (let axis = extents.length - 1; axis >= (held.batch > 1 ? 1 : 0); axis--) {
      at += (rest % extents[axis]!) * strides[axis]!
      rest = Math.floor(rest / extents[axis]!)
    }
    values[places[i]!] = constant.data[at]!
  }
  return values
}

/** `more`: what else there may be than one value a channel. */
export function refuse(source: SourceNode, { dims }: Constant, value: Held, more: string): never {
  const expected = `one value or ${value.shape[2]}, one a channel of ${dimsOf(value).join('x')}${more}`
  throw unsupported(source, 'constant', expected, dims.join('x'))
}

/** With 1s in front; undefined where it does not fit. */
function alignedDims({ dims }: Constant, extents: readonly number[]): number[] | undefined {
  const aligned = [...Array<number>(Math.max(0, extents.length - dims.length)).fill(1), ...dims]
  const fits = aligned.length === extents.length && aligned.every((extent, i) => extent === 1 || extent === extents[i])
  return fits ? aligned : undefined
}

function uniformOverPixels(values: Float64Array | undefined, channels: number): Float64Array | undefined {
  return values?.every((value, i) => value === values[i % channels]) ? values.slice(0, channels) : undefined
}
