/** How a loop rounds: what makes one evaluator the fp64 oracle and the fp32 and bf16 yardsticks. */
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

export const f64: Precision = { arithmetic: exact, weight: exact, store: exact }
export const f32: Precision = { arithmetic: Math.fround, weight: Math.fround, store: Math.fround }
export const bf16: Precision = { arithmetic: Math.fround, weight: roundToBf16, store: roundToBf16 }

/** One unit in the last place of a value of magnitude 1 to 2. */
export const ulp = { f32: 2 ** -23, bf16: 2 ** -7 }
