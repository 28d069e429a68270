/** A logistic curve of a distance, as Platt fits it ("Probabilistic outputs for support vector machines", 1999), and how well it holds. */

/** P(same | distance) = 1 / (1 + exp(slope x (distance - middle))). */
export interface Logistic {
  middle: number
  slope: number
}

export const probabilityOf = ({ middle, slope }: Logistic, distance: number): number =>
  1 / (1 + Math.exp(slope * (distance - middle)))

/**
 * The curve of largest likelihood by Newton's method, which has one optimum. As Platt has it, the two kinds are not 1 and 0 but
 * (n + 1) / (n + 2) and 1 / (n + 2), so that kinds which a distance parts have a finite slope. Kinds count for one half each.
 */
export function fitLogistic(distances: ArrayLike<number>, same: ArrayLike<boolean>): Logistic {
  const count = distances.length
  const positives = Array.from(same).filter(Boolean).length
  const sizes = { true: positives, false: count - positives }
  const target = (is: boolean) => (is ? (sizes.true + 1) / (sizes.true + 2) : 1 / (sizes.false + 2))
  const weight = (is: boolean) => 0.5 / (is ? sizes.true : sizes.false)
  let [a, b] = [0, 0] // Of the logit a x distance + b.
  let damping = 1e-3
  const loss = (a: number, b: number) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      const z = a * distances[i]! + b
      const t = target(same[i]!)
      sum += weight(same[i]!) * (Math.max(z, 0) - t * z + Math.log1p(Math.exp(-Math.abs(z))))
    }
    return sum
  }
  let best = loss(a, b)
  for (let round = 0; round < 200; round++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, 0, 0, 0]
    for (let i = 0; i < count; i++) {
      const [d, w] = [distances[i]!, weight(same[i]!)]
      const p = 1 / (1 + Math.exp(-(a * d + b)))
      const [g, h] = [w * (p - target(same[i]!)), w * p * (1 - p)]
      ga += g * d
      gb += g
      haa += h * d * d
      hab += h * d
      hbb += h
    }
    if (Math.hypot(ga, gb) < 1e-12) break
    const [daa, dbb] = [haa * (1 + damping), hbb * (1 + damping)]
    const determinant = daa * dbb - hab * hab
    const [na, nb] = [a - (dbb * ga - hab * gb) / determinant, b - (daa * gb - hab * ga) / determinant]
    const next = loss(na, nb)
    if (next <= best) {
      ;[a, b, best] = [na, nb, next]
      damping /= 10
    } else damping *= 10
  }
  return { middle: -b / a, slope: -a }
}

/** How a curve does on pairs that it was not fitted to. */
export interface Calibrated {
  /** Mean of -log2 of the probability that was given to what is so: 0 is perfect, 1 knows nothing. */
  bits: number
  /** Mean difference of what was said and what is so, over tenths of the probability. */
  error: number
}

/** Five parts of the pairs, each judged by the curve of the others. */
export function crossValidated(distances: readonly number[], same: readonly boolean[]): Calibrated {
  const parts = 5
  const bins = Array.from({ length: 10 }, () => ({ said: 0, is: 0 }))
  let bits = 0
  for (let part = 0; part < parts; part++) {
    const others = <T>(values: readonly T[]) => values.filter((_, i) => i % parts !== part)
    const curve = fitLogistic(others(distances), others(same))
    for (let i = part; i < same.length; i += parts) {
      const p = probabilityOf(curve, distances[i]!)
      const bin = bins[Math.min(9, Math.floor(p * 10))]!
      bin.said += p
      bin.is += Number(same[i])
      bits -= Math.log2(Math.max(1e-300, same[i] ? p : 1 - p))
    }
  }
  const error = bins.reduce((sum, { said, is }) => sum + Math.abs(said - is), 0)
  return { bits: bits / same.length, error: error / same.length }
}
