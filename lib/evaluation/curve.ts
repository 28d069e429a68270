/**
 * How many pairs each threshold accepts. A pair is accepted, taken for one person, where its distance is below the
 * threshold, as `verify` does it. Everything that is said about distances and thresholds is read off this curve.
 */
export interface Curve {
  /** Ascending; the first accepts no pair, the last accepts all. */
  thresholds: Float64Array
  /** The largest distance that each threshold accepts, -Infinity for none; of a curve of bins, the largest there may be. */
  reach: Float64Array
  /** Same pairs below each threshold. */
  acceptedSame: Float64Array
  /** Different pairs below each threshold. */
  acceptedDifferent: Float64Array
  /** All same pairs. */
  same: number
  /** All different pairs. */
  different: number
}

export type Distances = Float32Array | Float64Array

/**
 * The exact curve: a threshold midway between any two neighbouring distances, one at the smallest and one just above the
 * largest, so every way of parting the pairs by a threshold is there once.
 */
export function curveOf(same: Distances, different: Distances): Curve {
  const [a, b] = [same.toSorted(), different.toSorted()]
  const steps = new Steps(a.length + b.length + 1)
  const nearest = (i: number, j: number) => Math.min(a[i] ?? Infinity, b[j] ?? Infinity)
  let [i, j] = [0, 0]
  if (a.length + b.length > 0) steps.push(nearest(0, 0), -Infinity, 0, 0)
  while (i < a.length || j < b.length) {
    const distance = nearest(i, j)
    while (a[i] === distance) i++
    while (b[j] === distance) j++
    steps.push(between(distance, nearest(i, j)), distance, i, j)
  }
  return steps.curve()
}

/** A number above `low` and at most `high`: the middle, unless rounding takes it down to `low`. */
function between(low: number, high: number): number {
  if (high === Infinity) return low + Math.max(Math.abs(low) * Number.EPSILON, Number.MIN_VALUE)
  const middle = low / 2 + high / 2
  return middle > low ? middle : high
}

/**
 * Bins of fp32 distances: the upper 20 of their 32 bits, which for numbers above zero grow with the number. A bin is
 * 1/2048 of its distance wide, whatever the scale.
 */
const binShift = 12
export const binCount = 1 << (31 - binShift)

/** The bin of a distance of at least 0, given as the bits of its fp32 form. */
export const binOfBits = (bits: number): number => bits >>> binShift

const distanceOfBits = (bits: number): number => new Float32Array(Uint32Array.of(bits).buffer)[0]!

/** The first distance above bin `bin`, and the last one in it. */
const upperEdge = (bin: number) => distanceOfBits((bin + 1) << binShift)
const lastOf = (bin: number) => distanceOfBits(((bin + 1) << binShift) - 1)

/** From pairs counted by bin. What is counted below a threshold is exact; thresholds are only there where bins meet. */
export function curveOfBins(same: Float64Array, different: Float64Array): Curve {
  const steps = new Steps(binCount + 1)
  let [accepted, falselyAccepted] = [0, 0]
  for (let bin = 0; bin < binCount; bin++) {
    if (same[bin] === 0 && different[bin] === 0) continue
    if (accepted + falselyAccepted === 0) steps.push(bin === 0 ? 0 : upperEdge(bin - 1), -Infinity, 0, 0)
    accepted += same[bin]!
    falselyAccepted += different[bin]!
    steps.push(upperEdge(bin), lastOf(bin), accepted, falselyAccepted)
  }
  return steps.curve()
}

class Steps {
  private readonly columns: [Float64Array, Float64Array, Float64Array, Float64Array]
  private length = 0

  constructor(most: number) {
    this.columns = [new Float64Array(most), new Float64Array(most), new Float64Array(most), new Float64Array(most)]
  }

  push(threshold: number, reach: number, same: number, different: number): void {
    const [thresholds, reaches, accepted, falselyAccepted] = this.columns
    thresholds[this.length] = threshold
    reaches[this.length] = reach
    accepted[this.length] = same
    falselyAccepted[this.length++] = different
  }

  curve(): Curve {
    const [thresholds, reach, acceptedSame, acceptedDifferent] = this.columns.map((column) =>
      column.slice(0, this.length),
    ) as [Float64Array, Float64Array, Float64Array, Float64Array]
    const [same, different] = [acceptedSame.at(-1) ?? 0, acceptedDifferent.at(-1) ?? 0]
    return { thresholds, reach, acceptedSame, acceptedDifferent, same, different }
  }
}
