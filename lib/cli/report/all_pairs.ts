/** The report of `evaluate pairs`. */
import type { AllPairsResult, LabeledEmbeddings } from '../../evaluation/evaluate_all_pairs.js'
import type { FaceLoader } from '../../report/faces.js'
import type { PairWatch } from '../../report/pair_watch.js'
import type { WorstPairs } from '../../report/sections/worst_pairs.js'
import type { Context } from '../context.js'
import type { EvaluateOptions } from '../options/evaluate.js'
import { type Facts, type ReportTarget, shortName, writeReport } from './target.js'

/** What a report says and shows beside the figures. */
export interface ShownAllPairs {
  model: string
  facts: Facts
  loadFace: FaceLoader
}

/** Of each kind of error so many pairs are shown. */
export { mostWorstPairs } from '../../report/sections/worst_pairs.js'

export async function writeAllPairsReport(
  context: Context<EvaluateOptions>,
  target: ReportTarget,
  people: LabeledEmbeddings,
  result: AllPairsResult,
  { model, facts, loadFace }: ShownAllPairs,
  watch: PairWatch,
): Promise<void> {
  const { allPairsReport } = await import('../../report/reports/all_pairs.js')
  const { paths, embeddings, dimensions } = people
  const thresholds = result.exact ? 'exact' : 'rounded to 1/2048 of a distance; rates at them are exact'
  await writeReport(context, target, async () =>
    allPairsReport({
      model,
      command: 'facenet evaluate pairs',
      facts: [...facts, ['Thresholds', thresholds], ['Splits', `${result.splits.length} disjoint sets of people`]],
      loadFace,
      map: {
        kind: 'person',
        paths,
        embeddings,
        dimensions,
        groups: people.people,
        labels: paths.map(shortName),
      },
      training: target.training,
      signal: context.signal,
      result,
      histogram: watch.histogram,
      worst: worstOf(paths, result, watch),
      column: context.options.slice,
    }),
  )
}

function worstOf(paths: readonly string[], result: AllPairsResult, { extremes }: PairWatch): WorstPairs {
  const { threshold, pairs, valAtThreshold, farAtThreshold } = result
  const shown = (row: number) => ({ path: paths[row]!, label: shortName(paths[row]!) })
  const judged = (list: ReturnType<typeof extremes.falseAccepts>) =>
    list.map(({ a, b, distance }) => ({ a: shown(a), b: shown(b), distance, threshold }))
  return {
    falseAccepts: {
      total: Math.round(farAtThreshold * pairs.different),
      pairs: judged(extremes.falseAccepts(threshold)),
    },
    falseRejects: {
      total: Math.round((1 - valAtThreshold) * pairs.same),
      pairs: judged(extremes.falseRejects(threshold)),
    },
  }
}
