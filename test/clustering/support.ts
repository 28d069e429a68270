/** Rows with groups in them, deterministic. */

/** Numbers of [0, 1), the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `rows` unit vectors around `people` random directions; `spread` is the expected length of the noise. */
export function faces(rows: number, people: number, dimensions: number, spread: number, seed: number): Float32Array {
  const next = random(seed)
  const centres = Array.from({ length: people }, () => unit(Array.from({ length: dimensions }, () => normal(next))))
  const out = new Float32Array(rows * dimensions)
  for (let i = 0; i < rows; i++) {
    // More images of some people than of others.
    const centre = centres[Math.floor(next() ** 2 * people)]!
    out.set(unit(centre.map((x) => x + (normal(next) * spread) / Math.sqrt(dimensions))), i * dimensions)
  }
  return out
}

function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

function unit(x: number[]): number[] {
  const length = Math.hypot(...x)
  return x.map((value) => value / length)
}

/** Names clusters by first appearance, as `clusterEmbeddings` does. */
export function numbered(labels: ArrayLike<number>): number[] {
  const names = new Map<number, number>()
  return Array.from(labels, (label) => {
    if (!names.has(label)) names.set(label, names.size)
    return names.get(label)!
  })
}
