/** Constants that have one value a channel of an activation. */
import { dimsOf, type Held, isChannelAxis, sourceOrder } from './layout.js'
import { unsupported } from './operators.js'
import type { Constant, SourceNode } from './source.js'

/**
 * The values of a constant, stretched as numpy does, that has one value a channel of `value` or one for all: always C of
 * them.
 */
export function perChannel(source: SourceNode, constant: Constant, value: Held): Float64Array {
  const extents = dimsOf(value)
  const channels = value.shape[2]
  const { data } = constant
  if (data.length === 1 && constant.dims.length <= extents.length) return new Float64Array(channels).fill(data[0]!)
  const dims = [...Array(Math.max(0, extents.length - constant.dims.length)).fill(1), ...constant.dims] as number[]
  const fits = dims.length === extents.length && dims.every((extent, i) => extent === 1 || extent === extents[i])
  const alongChannels = fits && dims.every((extent, i) => extent === 1 || isChannelAxis(value, i))
  const values = alongChannels ? Float64Array.from(data) : fits ? uniformOverPixels(data, dims, value) : undefined
  if (values?.length === channels) return values
  throw unsupported(
    source,
    'constant',
    `one value or ${channels}, one a channel of ${extents.join('x')}`,
    constant.dims.join('x'),
  )
}

/** One value a channel, where a constant has more but the same for all pixels of a channel; undefined where it has not. */
function uniformOverPixels(data: Constant['data'], dims: readonly number[], held: Held): Float64Array | undefined {
  const extents = dimsOf(held)
  const places = sourceOrder(held)
  const channels = held.shape[2]
  if (!places || (held.batch > 1 && dims[0] !== 1)) return undefined
  const values = new Float64Array(channels)
  const seen = new Uint8Array(channels)
  const strides = dims.map((extent, i) =>
    extent === 1 ? 0 : dims.slice(i + 1).reduce((total, each) => total * each, 1),
  )
  for (let i = 0; i < places.length; i++) {
    let [rest, at] = [i, 0]
    for (let axis = extents.length - 1; axis >= (held.batch > 1 ? 1 : 0); axis--) {
      at += (rest % extents[axis]!) * strides[axis]!
      rest = Math.floor(rest / extents[axis]!)
    }
    const c = places[i]! % channels
    if (seen[c] && values[c] !== data[at]) return undefined
    values[c] = data[at]!
    seen[c] = 1
  }
  return values
}
