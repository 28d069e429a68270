/** Small dense systems in fp64: what fitting a map between two spaces of embeddings needs. Matrices are row after row. */

/** Pivots below this share of the largest element count as zero. */
const leastPivot = 1e-12

/** X of A X = B, A n x n, B n x m: elimination with partial pivoting. Undefined where A is singular. */
export function solve(a: Float64Array, b: Float64Array, n: number): Float64Array | undefined {
  const m = b.length / n
  const [left, x] = [a.slice(), b.slice()]
  const largest = left.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let row = column + 1; row < n; row++) {
      if (Math.abs(left[row * n + column]!) > Math.abs(left[pivot * n + column]!)) pivot = row
    }
    if (!(Math.abs(left[pivot * n + column]!) > leastPivot * largest)) return undefined
    swapRows(left, n, column, pivot)
    swapRows(x, m, column, pivot)
    for (let row = column + 1; row < n; row++) {
      const factor = left[row * n + column]! / left[column * n + column]!
      if (factor === 0) continue
      subtract(left, row * n + column, column * n + column, n - column, factor)
      subtract(x, row * m, column * m, m, factor)
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let column = row + 1; column < n; column++) subtract(x, row * m, column * m, m, left[row * n + column]!)
    for (let j = 0; j < m; j++) x[row * m + j]! /= left[row * n + row]!
  }
  return x
}

/**
 * The rotation nearest to A, n x n: its orthogonal polar factor, by Newton's iteration Q <- (c Q + Q^-T / c) / 2 with the scale c of
 * the Frobenius norms (Higham, Functions of Matrices, 8.3). Undefined where A is singular.
 */
export function nearestRotation(a: Float64Array, n: number): Float64Array | undefined {
  const identity = Float64Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0))
  let q: Float64Array = a
  for (let turn = 0; turn < 60; turn++) {
    const inverse = solve(q, identity, n)
    if (!inverse) return undefined
    const scale = Math.sqrt(norm(inverse) / norm(q))
    let [change, next] = [0, new Float64Array(n * n)]
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        next[i * n + j] = (scale * q[i * n + j]! + inverse[j * n + i]! / scale) / 2
        change += (next[i * n + j]! - q[i * n + j]!) ** 2
      }
    }
    q = next
    if (change < 1e-24 * n) return q
  }
  return q
}

const norm = (a: Float64Array) => Math.hypot(...blocks(a))
/** Norms of parts: `Math.hypot` takes no more arguments than a stack holds. */
function* blocks(a: Float64Array): Generator<number> {
  for (let at = 0; at < a.length; at += 1024) yield Math.hypot(...a.subarray(at, at + 1024))
}

/** values[to + j] -= factor * values[from + j] */
function subtract(values: Float64Array, to: number, from: number, count: number, factor: number): void {
  for (let j = 0; j < count; j++) values[to + j]! -= factor * values[from + j]!
}

function swapRows(values: Float64Array, width: number, a: number, b: number): void {
  if (a === b) return
  for (let j = 0; j < width; j++) {
    const kept = values[a * width + j]!
    values[a * width + j] = values[b * width + j]!
    values[b * width + j] = kept
  }
}
