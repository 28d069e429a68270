/** Unit vectors of people around random directions, deterministic, and whose they are. */
import { mulberry32 } from '../lib/training/random.js'

export interface FaceSettings {
  rows: number
  /** As many as rows: everyone is a random direction of their own. */
  people: number
  dimensions: number
  /** Of the noise around a person's direction, each coordinate's deviation. */
  spread: number
}

/** Some people have many more images than others. */
export function makeFaces({ rows, people, dimensions, spread }: FaceSettings): {
  embeddings: Float32Array
  identities: Int32Array
} {
  const embeddings = new Float32Array(rows * dimensions)
  const identities = new Int32Array(rows)
  const next = mulberry32(1)
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const centres = new Float32Array(people * dimensions).map(normal)
  for (let i = 0; i < rows; i++) {
    identities[i] = people === rows ? i : Math.floor(next() ** 2 * people)
    const centre = centres.subarray(identities[i]! * dimensions, (identities[i]! + 1) * dimensions)
    const face = people === rows ? centre : centre.map((x) => x + normal() * spread)
    const length = Math.hypot(...face)
    embeddings.set(
      face.map((x) => x / length),
      i * dimensions,
    )
  }
  return { embeddings, identities }
}
