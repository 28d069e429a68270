/** Seeded values for tests: the same on every machine and in every run. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Uniform in low..high, both included. */
  integer(low: number, high: number): number
  /** Standard normal, by Box and Muller. */
  normal(): number
}

/** xorshift32 (Marsaglia, 2003); `seed` is any integer. */
export function seeded(seed: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x2545f491) | 1
  const uniform = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  return {
    uniform,
    integer: (low, high) => low + Math.floor(uniform() * (high - low + 1)),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  }
}

/** Multiples of 1/64 in [-2, 2): varied, and exact in bf16, so that both dtypes start from the same numbers. */
export function gridValues(count: number, random: Random): Float32Array {
  return Float32Array.from({ length: count }, () => random.integer(-128, 127) / 64)
}

/** Integers in low..high. */
export function integers(count: number, random: Random, low = -3, high = 3): Float32Array {
  return Float32Array.from({ length: count }, () => random.integer(low, high))
}

/** Normal values of the given standard deviation, as initialised weights are. */
export function normals(count: number, random: Random, deviation = 1): Float32Array {
  return Float32Array.from({ length: count }, () => random.normal() * deviation)
}

/** Rows that are hard to tell apart by their distances: what they are, where they lie, and how far they reach from there. */
export const hardRows = [
  ['far from the origin and close together', 1e6, 1],
  ['that differ in their last bits', 1000, 1e-4],
  ['all at one place', 3, 0],
  ['so small that squares underflow', 0, 1e-22],
  ['as large as they may be', 0, 1e14],
] as const
