/**
 * People as the means of their faces. The mean squared distance of a face to those of a person is its squared distance to their mean,
 * and their scatter, the mean squared distance of theirs to it: so it is computed without them, in fp64.
 */
import type { HeldRows } from './rows.js'

interface Mean {
  mean: Float64Array
  scatter: number
}

/** Two people who may be one. */
export interface NearPeople {
  /** The names, or `person-12`. */
  people: readonly [string, string]
  /** Mean squared distance of a face of one to a face of the other. */
  distance: number
}

export interface PeopleMeans {
  people: ReadonlyMap<number, Mean>
  /** Mean squared distance to the faces of a person; infinite where there are none. */
  distance(embedding: Float32Array, person: number): number
  /** People at less than `threshold`, nearest first. */
  near(embedding: Float32Array, threshold: number): number[]
}

export function peopleMeans(
  { data }: Pick<HeldRows, 'data'>,
  dimensions: number,
  rows: readonly number[],
  personAt: (row: number) => number,
): PeopleMeans {
  const sums = new Map<number, { sum: Float64Array; squares: number; count: number }>()
  for (const row of rows) {
    const person = personAt(row)
    const known = sums.get(person) ?? { sum: new Float64Array(dimensions), squares: 0, count: 0 }
    sums.set(person, known)
    known.count++
    for (let j = 0; j < dimensions; j++) {
      const value = data[row * dimensions + j]!
      known.sum[j]! += value
      known.squares += value * value
    }
  }
  const people = new Map(
    [...sums].map(([person, { sum, squares, count }]) => {
      const mean = sum.map((value) => value / count)
      const length = mean.reduce((total, value) => total + value * value, 0)
      return [person, { mean, scatter: Math.max(0, squares / count - length) }] as const
    }),
  )
  const distance = (embedding: ArrayLike<number>, person: number) => {
    const known = people.get(person)
    return known ? squaredDistance(embedding, known.mean) + known.scatter : Infinity
  }
  return {
    people,
    distance,
    near: (embedding, threshold) =>
      [...people.keys()]
        .map((person) => ({ person, at: distance(embedding, person) }))
        .filter(({ at }) => at < threshold)
        .sort((a, b) => a.at - b.at || a.person - b.person)
        .map(({ person }) => person),
  }
}

/** Pairs of people whose faces are nearer than `threshold` on average, nearest first. */
export function nearPeople({ people }: PeopleMeans, threshold: number): { a: number; b: number; distance: number }[] {
  const all = [...people]
  const found: { a: number; b: number; distance: number }[] = []
  for (const [i, [a, one]] of all.entries()) {
    for (const [b, other] of all.slice(i + 1)) {
      const least = one.scatter + other.scatter
      if (least >= threshold) continue
      const distance = least + squaredDistance(one.mean, other.mean)
      if (distance < threshold) found.push({ a, b, distance })
    }
  }
  return found.sort((x, y) => x.distance - y.distance)
}

function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let j = 0; j < a.length; j++) sum += (a[j]! - b[j]!) ** 2
  return sum
}
