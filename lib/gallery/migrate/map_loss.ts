/** What a map between two models costs: how many pairs of one person are still recognised, on people that it was not fitted on. */
import { setImmediate } from 'node:timers/promises'
import { curveOf } from '../../evaluation/curve.js'
import { squaredDistance } from '../../evaluation/listed_images.js'
import { atFar, unsupported } from '../../evaluation/rates.js'
import { mean } from '../../evaluation/statistics.js'
import { throwIfAborted } from '../../native/check_arguments.js'
import { applyMap, type CommonRows, type LinearMap, MapFitter, parts } from './linear_map.js'

/** VAL is the share of pairs of one person that are accepted, at the threshold that accepts `far` of the pairs of two people. */
export interface MapLoss {
  /** The false accept rate: 1e-3, or 1e-2 where there are too few pairs to show it. */
  far: number
  /** VAL of the old model, 0..1. */
  old: number
  /** VAL of the new model. */
  new: number
  /** VAL of mapped embeddings, each compared with those of the new model. */
  mapped: number
  /** new - mapped. */
  loss: number
  /** Faces that both models have embedded. */
  faces: number
  /** How many people they are of. */
  people: number
  /** Who said whose faces they are: people, or clusters of the new model. */
  judgedBy: 'people' | 'clusters'
  /** What was fitted. */
  kind: 'ridge' | 'rotation'
}

const fars = [1e-3, 1e-2] as const
/** Pairs of one person in a part: of fewer, VAL says nothing. */
const leastSame = 10
/** Of a part, whose pairs are all measured. */
const mostRows = 1000

/** Parts of whole people, about equally large: those who have most faces first, each to the smallest part. */
export function partsOfPeople(labels: ArrayLike<number>): Uint8Array {
  const counts = new Map<number, number>()
  for (const label of Array.from(labels)) counts.set(label, (counts.get(label) ?? 0) + 1)
  const sizes = new Array<number>(parts).fill(0)
  const partOf = new Map<number, number>()
  for (const [label, count] of [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
    const smallest = sizes.indexOf(Math.min(...sizes))
    sizes[smallest]! += count
    partOf.set(label, smallest)
  }
  return Uint8Array.from(labels, (label) => partOf.get(label)!)
}

/** The map, and what it costs; the loss is undefined where the pairs are too few to say it. */
export async function fitAndMeasure(
  common: CommonRows,
  labels: Int32Array,
  judgedBy: MapLoss['judgedBy'],
  signal?: AbortSignal,
): Promise<{ map: LinearMap; loss: MapLoss | undefined }> {
  const partOf = partsOfPeople(labels)
  const fitter = await MapFitter.of(common, partOf, signal)
  const map = fitter.fit()
  const held = Array.from({ length: parts }, (_, part) =>
    everyNth(
      [...partOf.keys()].filter((row) => partOf[row] === part),
      mostRows,
    ),
  )
  const far = farOf(held, labels)
  if (far === undefined) return { map, loss: undefined }
  const vals: Vals[] = []
  for (const [part, rows] of held.entries()) {
    vals.push(await valsOf(common, labels, rows, fitter.fit(part), far, signal))
  }
  const [old, own, mapped] = (['old', 'own', 'mapped'] as const).map((side) => mean(vals.map((each) => each[side])))
  const of = { faces: common.rows, people: new Set(labels).size, judgedBy, kind: map.kind }
  return { map, loss: { far, old: old!, new: own!, mapped: mapped!, loss: own! - mapped!, ...of } }
}

/** The lowest that the pairs of every part can show; undefined where there is none, or too few pairs of one person. */
function farOf(held: readonly (readonly number[])[], labels: Int32Array): number | undefined {
  let fewest = Infinity
  for (const rows of held) {
    const counts = new Map<number, number>()
    for (const row of rows) counts.set(labels[row]!, (counts.get(labels[row]!) ?? 0) + 1)
    const pairsOf = (count: number) => (count * (count - 1)) / 2
    const same = [...counts.values()].reduce((sum, count) => sum + pairsOf(count), 0)
    if (same < leastSame) return undefined
    fewest = Math.min(fewest, pairsOf(rows.length) - same)
  }
  return fars.find((far) => !unsupported(far, fewest))
}

type Vals = Record<'old' | 'own' | 'mapped', number>

/** Of all pairs of these rows. */
async function valsOf(
  { from, to, dimensions }: CommonRows,
  labels: Int32Array,
  rows: readonly number[],
  map: LinearMap,
  far: number,
  signal: AbortSignal | undefined,
): Promise<Vals> {
  const cut = (data: Float32Array, width: number) => rows.map((i) => data.subarray(i * width, (i + 1) * width))
  const [old, own] = [cut(from, dimensions.from), cut(to, dimensions.to)]
  const mapped = old.map((row) => applyMap(map, row))
  const val = async (first: readonly Float32Array[], second: readonly Float32Array[]) => {
    const [same, different]: [number[], number[]] = [[], []]
    for (const [n, row] of first.entries()) {
      if (n % 32 === 0) {
        throwIfAborted(signal)
        await setImmediate()
      }
      for (let m = n + 1; m < rows.length; m++) {
        const kind = labels[rows[n]!] === labels[rows[m]!] ? same : different
        kind.push(squaredDistance(row, second[m]!))
      }
    }
    return atFar(curveOf(Float64Array.from(same), Float64Array.from(different)), far).val
  }
  return { old: await val(old, old), own: await val(own, own), mapped: await val(mapped, own) }
}

/** At most `most` of them, evenly. */
function everyNth<T>(list: readonly T[], most: number): T[] {
  const step = Math.max(1, list.length / most)
  return Array.from({ length: Math.min(most, list.length) }, (_, i) => list[Math.floor(i * step)]!)
}
