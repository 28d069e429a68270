/** The pairs a model is most wrong about, kept while all pairs stream by: few of them, whatever their number. */

export interface FacePair<Face> {
  a: Face
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

export class Extremes<Face> {
  private readonly nearest: Least<Face>
  private readonly farthest: Least<Face>

  constructor(most: number) {
    this.nearest = new Least(most, 1)
    this.farthest = new Least(most, -1)
  }

  add(a: Face, b: Face, distance: number, same: boolean): void {
    const list = same ? this.farthest : this.nearest
    if (list.wants(distance)) list.add({ a, b, distance })
  }

  /** Different pairs below the threshold, the nearest first. */
  falseAccepts(threshold: number): FacePair<Face>[] {
    return this.nearest.pairs.filter((pair) => pair.distance < threshold)
  }

  /** Same pairs at or above the threshold, the farthest first. */
  falseRejects(threshold: number): FacePair<Face>[] {
    return this.farthest.pairs.filter((pair) => pair.distance >= threshold)
  }
}
