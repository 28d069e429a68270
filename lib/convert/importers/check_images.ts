/** Images that an import is checked with, and what the network's file is given for them. */
import type { GraphDescription } from '../../../types/graph.js'
import type { InputRule } from './affine.js'
import { dimsOf, type Held, sourceOrder } from './layout.js'
import type { InputType } from './source.js'

/** Interleaved RGB: slopes of light with grain, so that neighbours are alike, as in photographs, and no two images are. */
export function checkImages({ height, width }: GraphDescription['input'], count: number): Uint8Array {
  const pixels = new Uint8Array(count * height * width * 3)
  let state = 1
  for (let i = 0; i < pixels.length; i++) {
    // A linear congruential generator (Numerical Recipes): the same images everywhere.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const [n, rest] = [Math.floor(i / (height * width * 3)), i % (height * width * 3)]
    const [y, x, c] = [Math.floor(rest / (width * 3)) / height, (Math.floor(rest / 3) % width) / width, rest % 3]
    const light = 128 + 90 * Math.sin(3 * (n + 1) * x + 2 * y + c) * Math.cos(4 * y - n * x)
    pixels[i] = Math.max(0, Math.min(255, light + (state / 2 ** 32 - 0.5) * 90))
  }
  return pixels
}

/** What the network itself is fed for one image: its rule applied, in its order, as many times as its batch is large. */
export function networkInput(
  pixels: Uint8Array,
  rule: InputRule,
  held: Held,
  type: InputType,
): { data: Float32Array | Float64Array | Uint8Array | Uint16Array; dims: number[] } {
  const values = normalized(pixels, rule, held.shape[2])
  const order = sourceOrder(held)!
  const batch = new Float32Array(order.length * held.batch)
  for (let i = 0; i < batch.length; i++) batch[i] = values[order[i % order.length]!]!
  return { data: as(type, batch), dims: dimsOf(held) }
}

function as(type: InputType, values: Float32Array) {
  switch (type) {
    case 'float32':
      return values
    case 'float64':
      return Float64Array.from(values)
    case 'uint8':
      return Uint8Array.from(values)
    case 'float16':
      return Uint16Array.from(values, toHalf)
  }
}

/** H x W x C of the network, in fp32. */
function normalized(pixels: Uint8Array, { color, mean, scale, perImage }: InputRule, channels: number): Float32Array {
  const values = new Float32Array((pixels.length / 3) * channels)
  for (let i = 0; i < pixels.length / 3; i++) {
    const [red, green, blue] = pixels.subarray(i * 3, i * 3 + 3) as unknown as [number, number, number]
    const channel = color === 'grey' ? [0.299 * red + 0.587 * green + 0.114 * blue] : [red, green, blue]
    if (color === 'bgr') channel.reverse()
    for (let c = 0; c < channels; c++) {
      const value = channel[c]!
      values[i * channels + c] = perImage
        ? value
        : Math.fround(value - mean[mean.length === 1 ? 0 : c]!) * scale[scale.length === 1 ? 0 : c]!
    }
  }
  return perImage ? standardized(values) : values
}

function standardized(values: Float32Array): Float32Array {
  const { length } = values
  const average = values.reduce((sum, value) => sum + value, 0) / length
  const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / length
  const deviation = Math.max(Math.sqrt(variance), 1 / Math.sqrt(length))
  return values.map((value) => (value - average) / deviation)
}

/** The nearest binary16, ties to even; what is too large becomes infinite. */
function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  const exponent = size === 0 ? -14 : Math.max(-14, Math.floor(Math.log2(size)))
  const fraction = roundEven(size / 2 ** (exponent - 10))
  // A fraction of 2048 carries into the exponent by itself; below 1024 the number is subnormal.
  const bits = fraction < 1024 ? fraction : (exponent + 15) * 1024 + fraction - 1024
  return sign | Math.min(bits, 0x7c00)
}

function roundEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
