/** What many times of one thing come to. */

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** Between two ranks, what lies between their values. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  const rank = (percent / 100) * (sorted.length - 1)
  const below = sorted[Math.floor(rank)]!
  return below + (sorted[Math.ceil(rank)]! - below) * (rank - Math.floor(rank))
}

/** max |a - b| / max |b| */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, size] = [0, 0]
  for (let index = 0; index < b.length; index++) {
    difference = Math.max(difference, Math.abs(a[index]! - b[index]!))
    size = Math.max(size, Math.abs(b[index]!))
  }
  return difference / size
}
