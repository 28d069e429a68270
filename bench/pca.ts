/** Principal components of the pixels of faces: what there was before networks, to compare them with. */

export interface Components {
  /** `dimensions` values. */
  mean: Float64Array
  /** `count` x `dimensions`: orthonormal rows, the direction of the largest variance first. */
  directions: Float64Array
  /** Along each of them. */
  variances: Float64Array
}

/** Of `rows`, n x dimensions. By orthogonal iteration on the covariance: Golub and Van Loan, Matrix Computations, 8.2.4. */
export function principalComponents(
  rows: Float32Array,
  dimensions: number,
  count: number,
  iterations = 100,
): Components {
  const mean = new Float64Array(dimensions)
  const n = rows.length / dimensions
  for (let i = 0; i < rows.length; i++) mean[i % dimensions]! += rows[i]! / n
  const covariance = covarianceOf(rows, mean)
  let directions = Float64Array.from({ length: count * dimensions }, (_, i) => Math.sin(1 + i * i))
  orthonormalize(directions, dimensions)
  for (let i = 0; i < iterations; i++) {
    directions = times(directions, covariance, dimensions)
    orthonormalize(directions, dimensions)
  }
  const turned = times(directions, covariance, dimensions)
  const variances = Float64Array.from({ length: count }, (_, c) => {
    return dot(directions, c * dimensions, turned, c * dimensions, dimensions)
  })
  return { mean, directions, variances }
}

/** n x count coordinates along the directions; `whitened`: in units of their standard deviations. */
export function project(
  rows: Float32Array,
  { mean, directions, variances }: Components,
  whitened: boolean,
): Float32Array {
  const [dimensions, count] = [mean.length, variances.length]
  const n = rows.length / dimensions
  const out = new Float32Array(n * count)
  for (let i = 0; i < n; i++) {
    const centred = Float64Array.from(mean, (value, k) => rows[i * dimensions + k]! - value)
    for (let c = 0; c < count; c++) {
      const along = dot(directions, c * dimensions, centred, 0, dimensions)
      out[i * count + c] = whitened ? along / Math.sqrt(variances[c]!) : along
    }
  }
  return out
}

function covarianceOf(rows: Float32Array, mean: Float64Array): Float64Array {
  const d = mean.length
  const n = rows.length / d
  const covariance = new Float64Array(d * d)
  const centred = new Float64Array(d)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < d; k++) centred[k] = rows[i * d + k]! - mean[k]!
    for (let a = 0; a < d; a++) {
      const value = centred[a]! / (n - 1)
      for (let b = a; b < d; b++) covariance[a * d + b]! += value * centred[b]!
    }
  }
  for (let a = 0; a < d; a++) for (let b = 0; b < a; b++) covariance[a * d + b] = covariance[b * d + a]!
  return covariance
}

/** Rows times a symmetric matrix. */
function times(rows: Float64Array, matrix: Float64Array, d: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(rows, (_, i) => dot(rows, i - (i % d), matrix, (i % d) * d, d))
}

/** Gram and Schmidt on the rows, each against those before it as they are by then. */
function orthonormalize(rows: Float64Array, d: number): void {
  for (let row = 0; row < rows.length; row += d) {
    for (let before = 0; before < row; before += d) {
      const share = dot(rows, row, rows, before, d)
      for (let k = 0; k < d; k++) rows[row + k]! -= share * rows[before + k]!
    }
    const length = Math.sqrt(dot(rows, row, rows, row, d))
    for (let k = 0; k < d; k++) rows[row + k]! /= length
  }
}

function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, length: number): number {
  let sum = 0
  for (let k = 0; k < length; k++) sum += a[aStart + k]! * b[bStart + k]!
  return sum
}
