/** The report on pairs that a protocol lists, as the text of an HTML file. */
import { curveOf } from '../../evaluation/curve.js'
import type { PairsResult } from '../../evaluation/evaluate_pairs.js'
import { equalErrorRate } from '../../evaluation/rates.js'
import { curveTable, type RatesInput } from '../charts/rates.js'
import { Faces } from '../faces.js'
import { count, counted, distance, percent, plusMinus } from '../format.js'
import { DistanceHistogram } from '../histogram_counts.js'
import { html } from '../html.js'
import { foldTable } from '../sections/folds.js'
import { publishedSection } from '../sections/published.js'
import { type JudgedPair, mostWorstPairs, type WorstPairs, worstPairsSection } from '../sections/worst_pairs.js'
import { assemble, type ReportBasis } from './basis.js'
import { bars, bestVal, distancesSection } from './distances.js'

/** A report on a list of pairs, of `evaluateLfw` or `evaluateYtf`. */
export interface ListedPairsReport extends ReportBasis {
  /** Which published figures are shown beside. */
  set: 'lfw' | 'ytf'
  /** Short name of what was measured, as in `LFW View 2`. */
  protocol: string
  /** What was judged, and how. */
  heading: string
  /** Accuracy, folds, VAL and ROC. */
  result: PairsResult
  /** What the standard error is taken over, as in `standard error of the mean over folds`. */
  errorOf: string
  /** Every pair that was judged, with the threshold that judged it. */
  pairs: readonly (JudgedPair & { same: boolean })[]
}

/**
 * The text of an HTML report on a list of pairs.
 *
 * @param report what was measured, and what to show of it.
 *
 * @example
 * ```ts
 * const { result, distances, pairs, embedded } = await evaluateLfw(model, ['lfw/'])
 * const judged = pairs.at(-1)!.map(({ a, b, same }, i) => ({
 *   a: { path: a, label: a },
 *   b: { path: b, label: b },
 *   distance: distances[i]!,
 *   threshold: result.threshold,
 *   same,
 * }))
 * const page = await listedPairsReport({
 *   model: model.name,
 *   command: 'facenet evaluate lfw',
 *   facts: [['images', String(embedded.embeddings.size)]],
 *   loadFace,
 *   set: 'lfw',
 *   protocol: 'LFW View 2',
 *   heading: 'Ten folds of 600 pairs',
 *   result,
 *   errorOf: 'standard error of the mean over folds',
 *   pairs: judged,
 * })
 * ```
 */
export async function listedPairsReport(report: ListedPairsReport): Promise<string> {
  const { result, pairs, model, protocol, heading, set, errorOf } = report
  const faces = new Faces(report.loadFace, report.signal)
  const of = (same: boolean) => pairs.filter((pair) => pair.same === same)
  const counts = { same: of(true).length, different: of(false).length }
  const bins = new DistanceHistogram()
  for (const pair of pairs) bins.add(pair.distance, pair.same)
  const distances = (same: boolean) => Float64Array.from(of(same), (pair) => pair.distance)
  const worst = worstOf(pairs)
  const rates: RatesInput = {
    roc: result.roc,
    val: result.val,
    pairs: counts,
    equalErrorRate: equalErrorRate(curveOf(distances(true), distances(false))),
    over: result.folds.length > 1 ? 'folds' : null,
  }
  const { accuracy, standardError, threshold, folds } = result
  const wrong = worst.falseAccepts.total + worst.falseRejects.total
  const own = { name: model, accuracy, standardError, protocol }
  return assemble(report, faces, {
    kicker: protocol,
    title: `${percent(accuracy)} of pairs judged rightly by ${model}`,
    lead: `${heading.replace(/\d{4,}/g, (number) => count(Number(number)))}.`,
    headlines: [
      { label: 'Accuracy', value: percent(accuracy), note: `${plusMinus(standardError)}, ${errorOf}` },
      {
        label: 'Threshold',
        value: distance(threshold),
        note: folds.length > 1 ? 'squared distance, mean over folds' : 'squared distance',
      },
      ...bestVal(result.val),
      { label: 'Equal error rate', value: percent(rates.equalErrorRate.rate), note: 'over all pairs together' },
      { label: 'Judged wrongly', value: count(wrong), note: `of ${counted(pairs.length, 'pair')}` },
    ],
    sections: [
      distancesSection(bins.merged(bars), threshold, counts, rates),
      {
        id: 'folds',
        title: folds.length > 1 ? 'Fold by fold' : 'Accuracy and VAL',
        body: html`<div class="plates"><div class="plate">${foldTable(folds)}</div><div class="plate">${curveTable('VAL by false accept rate', rates)}</div></div>`,
      },
      await worstPairsSection(worst, faces),
      publishedSection(set, own),
    ],
  })
}

function worstOf(pairs: ListedPairsReport['pairs']): WorstPairs {
  const wrong = (same: boolean) => pairs.filter((pair) => pair.same === same && pair.distance < pair.threshold !== same)
  const [accepts, rejects] = [wrong(false), wrong(true)]
  const kept = (list: typeof accepts, sign: number) =>
    list.toSorted((a, b) => (a.distance - b.distance) * sign).slice(0, mostWorstPairs)
  return {
    falseAccepts: { total: accepts.length, pairs: kept(accepts, 1) },
    falseRejects: { total: rejects.length, pairs: kept(rejects, -1) },
  }
}
