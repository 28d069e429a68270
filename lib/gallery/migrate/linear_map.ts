/**
 * A linear map from the embeddings of one model to those of another, fitted on faces that both have embedded: by least squares with a
 * ridge around the means, or a rotation (orthogonal Procrustes) where both have as many dimensions and it is better.
 */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../native/check_arguments.js'
import { nearestRotation, solve } from './solve.js'

/** The same faces twice: row i of one is row i of the other. */
export interface CommonRows {
  from: Float32Array
  to: Float32Array
  rows: number
  dimensions: { from: number; to: number }
}

/** y = offset + x weights, of unit length where those of the model are. */
export interface LinearMap {
  kind: 'ridge' | 'rotation'
  /** dimensions.from x dimensions.to. */
  weights: Float64Array
  offset: Float64Array
  unit: boolean
}

/** Shares of the mean variance that are tried as ridge. */
const ridges = [1e-4, 1e-3, 1e-2, 1e-1, 1] as const
/** Of the parts that are held out in turn. */
export const parts = 5

/** Sums over rows: all that a fit needs of them. */
interface Moments {
  count: number
  from: Float64Array
  to: Float64Array
  /** from x from, and from x to. */
  own: Float64Array
  cross: Float64Array
}

type Way = { kind: 'ridge'; ridge: number } | { kind: 'rotation' }

export class MapFitter {
  readonly #moments: Moments[] = []
  readonly #unit: boolean
  #way: Way = { kind: 'ridge', ridge: ridges[0] }

  /** `partOf`: which of the parts each row is in; a part is held out as a whole. */
  private constructor(
    private readonly common: CommonRows,
    private readonly partOf: Uint8Array,
  ) {
    this.#unit = areUnit(common.to, common.dimensions.to)
  }

  static async of(common: CommonRows, partOf: Uint8Array, signal?: AbortSignal): Promise<MapFitter> {
    const fitter = new MapFitter(common, partOf)
    await fitter.#sum(signal)
    await fitter.#choose(signal)
    return fitter
  }

  /** Fitted on all rows, or on all but those of a part. */
  fit(without?: number): LinearMap {
    return this.#fit(this.#way, without) ?? this.#fit({ kind: 'ridge', ridge: ridges[ridges.length - 1]! }, without)!
  }

  async #sum(signal: AbortSignal | undefined): Promise<void> {
    const { common, partOf } = this
    for (let part = 0; part < parts; part++) this.#moments.push(noMoments(common.dimensions))
    for (let row = 0; row < common.rows; row++) {
      addRow(this.#moments[partOf[row]!]!, common, row)
      if (row % 256 === 0) {
        throwIfAborted(signal)
        await setImmediate()
      }
    }
  }

  /** By the first part, which is held out: the way whose mapped rows are nearest to the real ones. */
  async #choose(signal: AbortSignal | undefined): Promise<void> {
    const { from, to } = this.common.dimensions
    const ways: Way[] = ridges.map((ridge) => ({ kind: 'ridge', ridge }))
    if (from === to) ways.push({ kind: 'rotation' })
    let best = Infinity
    for (const way of ways) {
      throwIfAborted(signal)
      await setImmediate()
      const map = this.#fit(way, 0)
      const error = map ? this.#errorOf(map, 0) : Infinity
      if (error < best) {
        best = error
        this.#way = way
      }
    }
  }

  #fit(way: Way, without: number | undefined): LinearMap | undefined {
    const { from, to } = this.common.dimensions
    const all = noMoments(this.common.dimensions)
    for (const [part, moments] of this.#moments.entries()) if (part !== without) addMoments(all, moments)
    if (way.kind === 'rotation') {
      const weights = nearestRotation(all.cross, from)
      return weights && { kind: 'rotation', weights, offset: new Float64Array(to), unit: this.#unit }
    }
    const { count } = all
    const own = all.own.slice()
    const cross = all.cross.slice()
    let variance = 0
    for (let i = 0; i < from; i++) {
      for (let j = 0; j < from; j++) own[i * from + j]! -= (all.from[i]! * all.from[j]!) / count
      for (let j = 0; j < to; j++) cross[i * to + j]! -= (all.from[i]! * all.to[j]!) / count
      variance += own[i * from + i]! / from
    }
    for (let i = 0; i < from; i++) own[i * from + i]! += way.ridge * variance
    const weights = solve(own, cross, from)
    if (!weights) return undefined
    const offset = all.to.map((value) => value / count)
    for (let i = 0; i < from; i++) {
      for (let j = 0; j < to; j++) offset[j]! -= (all.from[i]! / count) * weights[i * to + j]!
    }
    return { kind: 'ridge', weights, offset, unit: this.#unit }
  }

  #errorOf(map: LinearMap, part: number): number {
    const { common, partOf } = this
    const { from, to } = common.dimensions
    let error = 0
    for (let row = 0; row < common.rows; row++) {
      if (partOf[row] !== part) continue
      const mapped = applyMap(map, common.from.subarray(row * from, (row + 1) * from))
      for (let j = 0; j < to; j++) error += (mapped[j]! - common.to[row * to + j]!) ** 2
    }
    return error
  }
}

/** One row. */
export function applyMap({ weights, offset, unit }: LinearMap, row: Float32Array): Float32Array {
  const sum = offset.slice()
  const to = offset.length
  for (let i = 0; i < row.length; i++) {
    const value = row[i]!
    for (let j = 0; j < to; j++) sum[j]! += value * weights[i * to + j]!
  }
  const length = unit ? Math.hypot(...sum) : 1
  return Float32Array.from(sum, (value) => (length > 0 ? value / length : value))
}

function areUnit(rows: Float32Array, dimensions: number): boolean {
  for (let at = 0; at < rows.length; at += dimensions) {
    let length = 0
    for (let j = 0; j < dimensions; j++) length += rows[at + j]! ** 2
    if (Math.abs(length - 1) > 1e-3) return false
  }
  return true
}

const noMoments = ({ from, to }: CommonRows['dimensions']): Moments => ({
  count: 0,
  from: new Float64Array(from),
  to: new Float64Array(to),
  own: new Float64Array(from * from),
  cross: new Float64Array(from * to),
})

function addRow(moments: Moments, { from: all, to: others, dimensions: { from, to } }: CommonRows, row: number): void {
  moments.count++
  const [x, y] = [row * from, row * to]
  for (let i = 0; i < from; i++) {
    const value = all[x + i]!
    moments.from[i]! += value
    for (let j = 0; j < from; j++) moments.own[i * from + j]! += value * all[x + j]!
    for (let j = 0; j < to; j++) moments.cross[i * to + j]! += value * others[y + j]!
  }
  for (let j = 0; j < to; j++) moments.to[j]! += others[y + j]!
}

function addMoments(to: Moments, added: Moments): void {
  to.count += added.count
  for (const name of ['from', 'to', 'own', 'cross'] as const) {
    for (const [i, value] of added[name].entries()) to[name][i]! += value
  }
}
