/** Selection and loss as three nested loops, on distances that are rounded as native/ops/triplet_mining.h says. */
import type { Strategy, Triplets } from '../../lib/index.js'
import { normals, seeded } from '../support/random.js'

const double = new Float64Array(1)
const bits = new BigUint64Array(double.buffer)

/** fp32 of x * x + sum with one rounding, for fp32 x and sum >= 0. */
export function squarePlus(x: number, sum: number): number {
  const square = x * x // exact: 48 bits
  const total = sum + square
  const part = total - sum
  const lost = sum - (total - part) + (square - part)
  // Rounded to odd, so that rounding once more to fp32 never meets a tie that is none.
  double[0] = total
  if (lost !== 0 && (bits[0]! & 1n) === 0n) bits[0]! += lost > 0 ? 1n : -1n
  return Math.fround(double[0]!)
}

/** n x n squared distances. */
export function distances(embeddings: Float32Array, dimensions: number): number[][] {
  const n = embeddings.length / dimensions
  const row = (i: number) => embeddings.subarray(i * dimensions, (i + 1) * dimensions)
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => {
      const b = row(j)
      return row(i).reduce((sum, value, k) => squarePlus(Math.fround(value - b[k]!), sum), 0)
    }),
  )
}

export function hinge(d: number[][], a: number, p: number, n: number, margin: number): number {
  return Math.fround(Math.fround(d[a]![p]! + Math.fround(margin)) - d[a]![n]!)
}

export function mine(
  embeddings: Float32Array,
  labels: ArrayLike<number>,
  dimensions: number,
  strategy: Strategy,
  margin = 0.2,
): [number, number, number][] {
  const d = distances(embeddings, dimensions)
  const indices = d.map((_, i) => i)
  const found: [number, number, number][] = []
  for (const a of indices) {
    const positives = indices.filter((p) => p !== a && labels[p] === labels[a])
    const negatives = indices.filter((n) => labels[n] !== labels[a])
    // Sorting is stable, so the lowest index comes first among equals.
    const nearestFirst = negatives.toSorted((m, n) => d[a]![m]! - d[a]![n]!)
    const [farthest] = positives.toSorted((p, q) => d[a]![q]! - d[a]![p]!)
    if (strategy === 'hard' && farthest !== undefined && negatives.length > 0) {
      found.push([a, farthest, nearestFirst[0]!])
    }
    for (const p of positives) {
      const active = (n: number) => hinge(d, a, p, n, margin) > 0
      if (strategy === 'all') found.push(...negatives.filter(active).map((n): [number, number, number] => [a, p, n]))
      if (strategy === 'semi-hard') {
        const n = nearestFirst.find((n) => d[a]![n]! > d[a]![p]!)
        if (n !== undefined && active(n)) found.push([a, p, n])
      }
    }
  }
  return found
}

export function tuples({ anchors, positives, negatives }: Triplets): [number, number, number][] {
  return Array.from(anchors, (a, t) => [a, positives[t]!, negatives[t]!])
}

export function columns(triplets: readonly (readonly [number, number, number])[]): Triplets {
  const column = (i: 0 | 1 | 2) => Int32Array.from(triplets, (triplet) => triplet[i])
  return { anchors: column(0), positives: column(1), negatives: column(2) }
}

/** Rows of unit length, `identities` clouds that overlap. */
export function faces(n: number, dimensions: number, identities: number, seed: number) {
  const random = seeded(seed)
  const centres = normals(identities * dimensions, random)
  const labels = Int32Array.from({ length: n }, () => random.integer(0, identities - 1))
  const embeddings = normals(n * dimensions, random)
  for (let i = 0; i < n; i++) {
    const row = embeddings.subarray(i * dimensions, (i + 1) * dimensions)
    for (let k = 0; k < dimensions; k++) row[k]! += centres[labels[i]! * dimensions + k]!
    const norm = Math.hypot(...row)
    for (let k = 0; k < dimensions; k++) row[k]! /= norm
  }
  return { embeddings, labels }
}
