/** The report of `evaluate lfw` and `evaluate ytf`. */
import type { PairsResult } from '../../evaluation/index.js'
import type { ImagePair } from '../../evaluation/lfw_pairs.js'
import type { FacePicture } from '../../report/faces.js'
import type { MapInput } from '../../report/sections/map.js'
import type { ShownFace } from '../../report/sections/worst_pairs.js'
import type { Context } from '../context.js'
import type { Setup } from '../evaluate/images.js'
import type { ListedPairsResult } from '../evaluate/print_listed_pairs.js'
import { faceLoader, type ReportTarget, setupFacts, writeReport } from './target.js'

export interface ShownListedPairs {
  /** Those that accuracy was taken of. */
  pairs: readonly ImagePair[]
  distances: ArrayLike<number>
  /** The picture that stands for one side of a pair. */
  faceOf: (name: string) => ShownFace
  /** By the path that `faceOf` gives. */
  find: (path: string) => FacePicture | undefined
  map: MapInput
}

export async function writeListedPairsReport(
  context: Context,
  setup: Setup,
  target: ReportTarget,
  printed: ListedPairsResult,
  { pairs, distances, faceOf, find, map }: ShownListedPairs,
): Promise<void> {
  const { listedPairsReport } = await import('../../report/reports/listed_pairs.js')
  const { set, protocol, heading, result, errorOf, embedded, skipped } = printed
  const facts = setupFacts(setup, embedded)
  if (skipped > 0) facts.push(['Pairs left out, their images missing or not usable', `${skipped}`])
  const thresholdOf = thresholds(pairs, result)
  await writeReport(context, target, async () =>
    listedPairsReport({
      set,
      protocol,
      heading,
      result,
      errorOf,
      facts,
      model: setup.name,
      command: `facenet evaluate ${set}`,
      pairs: pairs.map(({ a, b, same, fold }, i) => ({
        a: faceOf(a),
        b: faceOf(b),
        distance: distances[i]!,
        same,
        threshold: thresholdOf(fold),
      })),
      loadFace: await faceLoader(setup, find),
      map,
      training: target.training,
      signal: context.signal,
    }),
  )
}

/** Results stand in the order of the folds' numbers, which need not be without gaps. View 1 has one threshold. */
function thresholds(pairs: readonly ImagePair[], { folds }: PairsResult): (fold: number) => number {
  if (folds.length === 1) return () => folds[0]!.threshold
  const numbers = [...new Set(pairs.map((pair) => pair.fold))].sort((a, b) => a - b)
  const byFold = new Map(numbers.map((fold, i) => [fold, folds[i]!.threshold]))
  return (fold) => byFold.get(fold)!
}
