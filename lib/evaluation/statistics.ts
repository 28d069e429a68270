export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Standard error of the mean: the sample's standard deviation (n - 1) over the root of n. Null for fewer than two values. */
export function standardError(values: readonly number[]): number | null {
  const [n, average] = [values.length, mean(values)]
  if (n < 2) return null
  return Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (n - 1) / n)
}
