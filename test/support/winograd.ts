/**
 * A 3x3 convolution of stride 1 by Winograd's F(4x4, 3x3) (Lavin and Gray, 2016), as plain loops: the yardstick for
 * backends that compute it that way. Its transforms multiply by up to 8 and cancel, so in fp32 its error is a few times
 * that of the direct sum, and its sixths keep small integers from being exact.
 */
import type { Activations } from './activations.js'
import type { Precision } from './precision.js'

type Matrix = number[][]

const inputTransform: Matrix = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
]
const filterTransform: Matrix = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
]
const outputTransform: Matrix = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
]

/** Writes the convolution without its bias into `out`. `weight` is O x I x 3 x 3. */
export function winograd(
  x: Activations,
  weight: ArrayLike<number>,
  [padTop, padLeft]: readonly number[],
  out: Activations,
  { arithmetic: r }: Precision,
): void {
  const [height, width, inputs] = x.shape
  const [outHeight, outWidth, outputs] = out.shape
  const exact = (value: number) => value
  // Filters are transformed in fp64 and rounded once.
  const filters = Array.from({ length: outputs * inputs }, (_, k) => {
    const filter = grid(3, (row, column) => weight[(k * 3 + row) * 3 + column]!)
    return transform(filterTransform, filter, exact).map((row) => row.map(r))
  })
  const pixel = (n: number, row: number, column: number, i: number) =>
    row < 0 || row >= height || column < 0 || column >= width
      ? 0
      : x.data[((n * height + row) * width + column) * inputs + i]!
  for (let n = 0; n < x.count; n++) {
    for (let top = 0; top < outHeight; top += 4) {
      for (let left = 0; left < outWidth; left += 4) {
        const tiles = Array.from({ length: inputs }, (_, i) => {
          const tile = grid(6, (row, column) => pixel(n, top + row - padTop!, left + column - padLeft!, i))
          return transform(inputTransform, tile, r)
        })
        for (let o = 0; o < outputs; o++) {
          const sum = grid(6, () => 0)
          tiles.forEach((tile, i) => {
            const filter = filters[o * inputs + i]!
            for (let k = 0; k < 36; k++) {
              const [row, column] = [Math.floor(k / 6), k % 6]
              sum[row]![column] = r(sum[row]![column]! + r(tile[row]![column]! * filter[row]![column]!))
            }
          })
          transform(outputTransform, sum, r).forEach((values, row) => {
            values.forEach((value, column) => {
              if (top + row >= outHeight || left + column >= outWidth) return
              out.data[((n * outHeight + top + row) * outWidth + left + column) * outputs + o] = value
            })
          })
        }
      }
    }
  }
}

function grid(size: number, value: (row: number, column: number) => number): Matrix {
  return Array.from({ length: size }, (_, row) => Array.from({ length: size }, (_, column) => value(row, column)))
}

/** m * x * transpose(m) */
function transform(m: Matrix, x: Matrix, r: (value: number) => number): Matrix {
  const dot = (a: number[], b: number[]) =>
    a.reduce((sum, value, i) => (value === 0 ? sum : r(sum + r(value * b[i]!))), 0)
  const columns = x[0]!.map((_, column) => x.map((row) => row[column]!))
  const half = m.map((row) => columns.map((column) => dot(row, column)))
  return half.map((row) => m.map((coefficients) => dot(coefficients, row)))
}
