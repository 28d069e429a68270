/** Generators of random numbers whose state is a few integers. */

/** Chris Doty-Humphrey's sfc32, warmed up: integers of 0..2^32-1. The state is three 32-bit integers and a count. */
export function sfc32(a: number, b: number, c: number): () => number {
  let counter = 1
  const next = () => {
    const result = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + result
    return result >>> 0
  }
  for (let warmUp = 0; warmUp < 12; warmUp++) next()
  return next
}

/** mulberry32: numbers of [0, 1). 32 bits of state are enough for pictures and benchmarks. */
export function mulberry32(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}
