/** The report on all pairs of labelled images, as the text of an HTML file. */
import type { AllPairsResult } from '../../evaluation/evaluate_all_pairs.js'
import { curveTable, type RatesInput } from '../charts/rates.js'
import { Faces } from '../faces.js'
import { count, counted, distance, percent, rate } from '../format.js'
import type { DistanceHistogram } from '../histogram_counts.js'
import { html, named } from '../html.js'
import type { Section } from '../page.js'
import { type WorstPairs, worstPairsSection } from '../sections/worst_pairs.js'
import { table } from '../table.js'
import { assemble, type ReportBasis } from './basis.js'
import { bars, distancesSection } from './distances.js'

/** A report on all pairs of labelled images, of `evaluateAllPairs`. */
export interface AllPairsReport extends ReportBasis {
  /** Thresholds, VAL, FAR and slices. */
  result: AllPairsResult
  /** All distances, counted; `PairWatch` does that. */
  histogram: DistanceHistogram
  /** The pairs that are judged wrongly, the worst first. */
  worst: WorstPairs
  /** The column of the user's table whose values the slices are. */
  column?: string
}

/**
 * The text of an HTML report on all pairs of labelled images.
 *
 * @param report what was measured, and what to show of it.
 *
 * @example
 * ```ts
 * const watch = new PairWatch(labeled.people, 24)
 * const result = await evaluateAllPairs(labeled, { onTile: watch.onTile })
 * const shown = (row: number) => ({ path: labeled.paths[row]!, label: labeled.people[row]! })
 * const kind = (pairs: FacePair<number>[]) => ({
 *   total: pairs.length,
 *   pairs: pairs.map(({ a, b, distance }) => ({ a: shown(a), b: shown(b), distance, threshold: result.threshold })),
 * })
 * const page = await allPairsReport({
 *   model: model.name,
 *   command: 'facenet evaluate pairs',
 *   facts: [],
 *   loadFace,
 *   result,
 *   histogram: watch.histogram,
 *   worst: {
 *     falseAccepts: kind(watch.extremes.falseAccepts(result.threshold)),
 *     falseRejects: kind(watch.extremes.falseRejects(result.threshold)),
 *   },
 * })
 * ```
 */
export async function allPairsReport(report: AllPairsReport): Promise<string> {
  const { result, worst, model, column } = report
  const { pairs, images, people, far, threshold, valAtThreshold, confidenceInterval: interval } = result
  const faces = new Faces(report.loadFace, report.signal)
  const rates: RatesInput = { ...result, over: 'splits' }
  return assemble(report, faces, {
    kicker: 'all pairs of labelled images',
    title: `VAL ${percent(valAtThreshold)} at FAR ${rate(far)} with ${model}`,
    lead: `${counted(images, 'image')} of ${counted(people, 'person', 'people')}, every pair of them measured: ${count(pairs.same)} same and ${count(pairs.different)} different pairs.`,
    headlines: [
      { label: `VAL at FAR ${rate(far)}`, value: percent(valAtThreshold), note: 'same pairs accepted' },
      {
        label: 'Threshold',
        value: distance(threshold),
        note: `95 % interval ${distance(interval.low)} to ${distance(interval.high)}, pairs taken for independent`,
      },
      {
        label: 'Equal error rate',
        value: percent(result.equalErrorRate.rate),
        note: `at ${distance(result.equalErrorRate.threshold)}`,
      },
      { label: 'Pairs', value: count(pairs.same + pairs.different), note: `${count(pairs.same)} same` },
    ],
    sections: [
      distancesSection(report.histogram.merged(bars), threshold, pairs, rates),
      {
        id: 'val',
        title: 'VAL by false accept rate',
        body: html`<div class="plate">${curveTable('VAL by false accept rate', rates)}</div>`,
      },
      ...slicesSection(result, column),
      await worstPairsSection(worst, faces),
    ],
  })
}

function slicesSection({ slices, far }: AllPairsResult, column: string | undefined): Section[] {
  if (slices.length === 0 || column === undefined) return []
  const share = (value: number | null) => (value === null ? '–' : percent(value))
  const columns = [
    { title: named(column) },
    ...['same pairs', 'different pairs', 'VAL', 'FAR', 'own threshold'].map((title) => ({ title })),
    { title: '', kind: 'words' as const },
  ]
  const rows = slices.map(({ value, pairs, val, far, threshold, reason }) => [
    named(value),
    count(pairs.same),
    count(pairs.different),
    share(val),
    far === null ? '–' : percent(far, 3),
    threshold === null ? '–' : distance(threshold),
    reason ?? '',
  ])
  const text = html`<p class="text">VAL and FAR at the threshold of all pairs, over the pairs whose images both have the value; the own threshold is what the slice would choose for FAR ${rate(far)}.</p>`
  const body = html`${text}<div class="plate">${table(`By ${column}`, columns, [{ rows }])}</div>`
  return [{ id: 'slices', title: `By ${column}`, body }]
}
