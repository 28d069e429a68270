/** How a loop rounds: what makes one evaluator the fp64 oracle and the yardsticks of fp32, bf16 and fp16. */
import type { DType } from '../../types/native.js'

export interface Precision {
  /** After every multiplication, addition, division and root. */
  arithmetic(value: number): number
  /** Weights of convolutions and fully connected layers; biases, slopes, scales and shifts stay fp32. */
  weight(value: number): number
  /** Activations between ops. A graph's outputs are always fp32. */
  store(value: number): number
}

const exact = (value: number) => value

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)

/** The nearest bf16 (the upper half of an fp32), ties to even. */
export function roundToBf16(value: number): number {
  float[0] = value
  const wide = bits[0]!
  bits[0] = Number.isNaN(value) ? wide : (wide + 0x7fff + ((wide >>> 16) & 1)) & 0xffff0000
  return float[0]!
}

/** The nearest IEEE binary16, ties to even: 11 bits of precision, multiples of 2^-24, infinite from 65520 on. */
export function roundToF16(value: number): number {
  float[0] = value
  const exponent = ((bits[0]! >>> 23) & 0xff) - 127
  const step = 2 ** (Math.max(exponent, -14) - 10)
  // Adding a number whose last place is 1 leaves no fraction.
  const steps = float[0]! / step + 1.5 * 2 ** 52 - 1.5 * 2 ** 52
  return Math.abs(steps * step) > 65504 ? Math.sign(value) * Number.POSITIVE_INFINITY : steps * step
}

export const f64: Precision = { arithmetic: exact, weight: exact, store: exact }
export const f32: Precision = { arithmetic: Math.fround, weight: Math.fround, store: Math.fround }
export const bf16: Precision = { arithmetic: Math.fround, weight: roundToBf16, store: roundToBf16 }
export const f16: Precision = { arithmetic: Math.fround, weight: roundToF16, store: roundToF16 }
export const precisions: Record<DType, Precision> = { f32, bf16, f16 }

/** One unit in the last place of a value of magnitude 1 to 2. */
export const ulp = { f32: 2 ** -23, bf16: 2 ** -7, f16: 2 ** -10 }
