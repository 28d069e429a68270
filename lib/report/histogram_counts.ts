/** Distances counted in bins of equal width while they stream by; how large they get need not be known. */

const bins = 1024

/**
 * Counts distances of same and of different pairs in bins while they go by.
 *
 * @example
 * ```ts
 * const histogram = new DistanceHistogram()
 * histogram.add(0.4, true)
 * histogram.add(1.7, false)
 * const { width, same, different } = histogram.merged(64)
 * ```
 */
export class DistanceHistogram {
  /** Counts of pairs of one person, per bin. */
  same: Float64Array = new Float64Array(bins)
  /** Counts of pairs of two people, per bin. */
  different: Float64Array = new Float64Array(bins)
  /** Of a bin; doubled, two bins becoming one, whenever a distance lies beyond the last. */
  width = 1 / 1024

  /**
   * Counts one pair.
   *
   * @param distance squared L2, 0 or greater.
   * @param same whether the two faces show one person.
   */
  add(distance: number, same: boolean): void {
    while (distance >= this.width * bins) this.widen()
    const counts = same ? this.same : this.different
    counts[Math.floor(distance / this.width)]!++
  }

  private widen(): void {
    this.same = halved(this.same)
    this.different = halved(this.different)
    this.width *= 2
  }

  /**
   * At most `most` bins from 0 to the last that holds a distance.
   *
   * @param most how many bins there may be.
   */
  merged(most: number): HistogramBins {
    const last = Math.max(lastFilled(this.same), lastFilled(this.different))
    const each = Math.max(1, Math.ceil((last + 1) / most))
    const fewer = (counts: Float64Array) =>
      Array.from({ length: Math.ceil((last + 1) / each) }, (_, i) =>
        counts.subarray(i * each, (i + 1) * each).reduce((sum, value) => sum + value, 0),
      )
    return { width: this.width * each, same: fewer(this.same), different: fewer(this.different) }
  }
}

/** Counts of distances in bins of equal width. */
export interface HistogramBins {
  /** Bin i holds distances from i * width to (i + 1) * width. */
  width: number
  /** Counts of pairs of one person, per bin. */
  same: number[]
  /** Counts of pairs of two people, per bin. */
  different: number[]
}

function halved(counts: Float64Array): Float64Array {
  return counts.map((_, i) => (i < bins / 2 ? counts[2 * i]! + counts[2 * i + 1]! : 0))
}

const lastFilled = (counts: Float64Array) => counts.findLastIndex((value) => value > 0)
