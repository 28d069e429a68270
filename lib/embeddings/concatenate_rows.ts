/** Rows of floats that lie one after the other in one array. */

/** The values of all parts, one after the other: rows, or several rows each. */
export function concatenateRows(parts: readonly ArrayLike<number>[]): Float32Array {
  const all = new Float32Array(parts.reduce((length, part) => length + part.length, 0))
  let end = 0
  for (const part of parts) {
    all.set(part, end)
    end += part.length
  }
  return all
}
