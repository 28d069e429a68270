/** The pairs a model is most wrong about, kept while all pairs stream by: few of them, whatever their number. */

/** Two faces and how far they are apart. */
export interface FacePair<Face> {
  /** One of the two. */
  a: Face
  /** The other one. */
  b: Face
  /** Squared L2. */
  distance: number
}

/** The `most` pairs with the least key, ties to the first that came. */
class Least<Face> {
  readonly pairs: FacePair<Face>[] = []

  constructor(
    private readonly most: number,
    private readonly sign: 1 | -1,
  ) {}

  /** Whether a pair at this distance would be kept: cheap, so that most pairs cost one comparison. */
  wants(distance: number): boolean {
    const last = this.pairs.at(-1)
    return this.pairs.length < this.most || distance * this.sign < last!.distance * this.sign
  }

  add(pair: FacePair<Face>): void {
    const at = this.pairs.findIndex((other) => pair.distance * this.sign < other.distance * this.sign)
    this.pairs.splice(at < 0 ? this.pairs.length : at, 0, pair)
    if (this.pairs.length > this.most) this.pairs.pop()
  }
}

/**
 * Keeps the pairs that a model is most wrong about while all pairs go by.
 *
 * @example
 * ```ts
 * const extremes = new Extremes<string>(24)
 * extremes.add('anna.jpg', 'ben.jpg', 0.8, false)
 * const [worst] = extremes.falseAccepts(1.1)
 * ```
 */
export class Extremes<Face> {
  private readonly nearest: Least<Face>
  private readonly farthest: Least<Face>

  /**
   * Keeps nothing yet.
   *
   * @param most pairs that are kept of each kind.
   */
  constructor(most: number) {
    this.nearest = new Least(most, 1)
    this.farthest = new Least(most, -1)
  }

  /**
   * Takes notice of one pair.
   *
   * @param a one face.
   * @param b the other one.
   * @param distance of the two, squared L2.
   * @param same whether they show one person.
   */
  add(a: Face, b: Face, distance: number, same: boolean): void {
    const list = same ? this.farthest : this.nearest
    if (list.wants(distance)) list.add({ a, b, distance })
  }

  /**
   * Different pairs below the threshold, the nearest first.
   *
   * @param threshold below which a pair counts as one person.
   */
  falseAccepts(threshold: number): FacePair<Face>[] {
    return this.nearest.pairs.filter((pair) => pair.distance < threshold)
  }

  /**
   * Same pairs at or above the threshold, the farthest first.
   *
   * @param threshold below which a pair counts as one person.
   */
  falseRejects(threshold: number): FacePair<Face>[] {
    return this.farthest.pairs.filter((pair) => pair.distance >= threshold)
  }
}
