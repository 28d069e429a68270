/** What a report wants to know of all pairs of labelled images while they stream by. */
import type { Tile } from '../evaluation/all_pairs.js'
import { Extremes } from './extremes.js'
import { DistanceHistogram } from './histogram_counts.js'

/**
 * Counts distances and keeps the worst pairs while `evaluateAllPairs` measures all pairs.
 *
 * @example
 * ```ts
 * const watch = new PairWatch(labeled.people, 24)
 * const result = await evaluateAllPairs(labeled, { onTile: watch.onTile })
 * const worst = watch.extremes.falseAccepts(result.threshold)
 * ```
 */
export class PairWatch {
  /** All distances, counted. */
  readonly histogram = new DistanceHistogram()
  /** Rows of the pairs at the wrong end. */
  readonly extremes: Extremes<number>
  private readonly labels: Int32Array

  /**
   * Has seen nothing yet.
   *
   * @param people who is on each image.
   * @param most pairs that are kept of each kind.
   */
  constructor(people: readonly string[], most: number) {
    const numbers = new Map<string, number>()
    this.labels = Int32Array.from(people, (person) => {
      if (!numbers.has(person)) numbers.set(person, numbers.size)
      return numbers.get(person)!
    })
    this.extremes = new Extremes(most)
  }

  /** Give it to `evaluateAllPairs` as its option `onTile`. */
  readonly onTile = (distances: Float32Array, { top, bottom, left, right }: Tile): void => {
    for (let i = top; i < bottom; i++) {
      const row = (i - top) * (right - left) - left
      for (let j = Math.max(i + 1, left); j < right; j++) {
        const [distance, same] = [distances[row + j]!, this.labels[i] === this.labels[j]]
        this.histogram.add(distance, same)
        this.extremes.add(i, j, distance, same)
      }
    }
  }
}
