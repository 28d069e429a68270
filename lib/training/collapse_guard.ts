/**
 * Notices a network that maps all faces to nearly one point, or to a line, and says by what. Untrained networks look alike, so
 * it takes several inspections in a row.
 */

/** What embeddings of different faces look like together. */
export interface EmbeddingShape {
  /** Mean squared L2 distance of all pairs. */
  meanDistance: number
  /** (trace C)² / trace C² of their covariance C, 1..dimensions: along how many directions they spread alike. */
  effectiveRank: number
}

/** n x dimensions. */
export function shapeOf(embeddings: Float32Array, dimensions: number): EmbeddingShape {
  const n = embeddings.length / dimensions
  const mean = new Float64Array(dimensions)
  for (let i = 0; i < embeddings.length; i++) mean[i % dimensions]! += embeddings[i]! / n
  const centred = Float64Array.from(embeddings, (value, i) => value - mean[i % dimensions]!)
  // The Gram matrix of the rows has the eigenvalues of n C.
  let [trace, squares] = [0, 0]
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      let dot = 0
      for (let k = 0; k < dimensions; k++) dot += centred[i * dimensions + k]! * centred[j * dimensions + k]!
      if (i === j) trace += dot
      squares += (i === j ? 1 : 2) * dot * dot
    }
  }
  return {
    meanDistance: n < 2 ? 0 : (2 * trace) / (n - 1),
    effectiveRank: squares === 0 ? 1 : (trace * trace) / squares,
  }
}

export interface Inspection extends EmbeddingShape {
  /** Means over the steps since the last inspection that had triplets. */
  loss: number
  activeShare: number
  margin: number
  dimensions: number
  strategy: string
}

/** Inspections in a row that have to look like a collapse. */
export const patience = 4

export class CollapseGuard {
  /** In a row, so far. Part of what has to be kept to go on. */
  suspicious: number

  constructor(suspicious = 0) {
    this.suspicious = suspicious
  }

  /** A diagnosis where it is time for one; then counting starts anew. */
  inspect(found: Inspection): string | undefined {
    const diagnosis = diagnose(found)
    this.suspicious = diagnosis ? this.suspicious + 1 : 0
    if (this.suspicious < patience) return undefined
    this.suspicious = 0
    return diagnosis
  }
}

/** What an inspection alone looks like; undefined: healthy. */
export function diagnose(found: Inspection): string | undefined {
  const { loss, activeShare, margin, dimensions, strategy, meanDistance, effectiveRank } = found
  const nearMargin = loss > 0.9 * margin && activeShare > 0.95
  const point = nearMargin && meanDistance < 0.25 * margin
  const line = loss > 0.5 * margin && effectiveRank < Math.max(1.5, dimensions / 64)
  if (!point && !line) return undefined
  const where = point ? 'all faces lie at nearly one point' : 'faces spread along one direction or two'
  const advice =
    strategy === 'hard'
      ? 'the hardest negatives alone do this early on: semi-hard ones, or a lower learning rate'
      : 'a lower learning rate, more identities in a batch, or another strategy'
  return (
    `the embedding has collapsed, ${where}: mean squared distance ${meanDistance.toPrecision(3)}, effective rank ` +
    `${effectiveRank.toFixed(1)} of ${dimensions}, loss ${loss.toPrecision(3)} at a margin of ${margin}, ` +
    `${(100 * activeShare).toFixed(0)} % of the triplets active. What helps: ${advice}`
  )
}
