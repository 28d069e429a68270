/** What both reports on pairs show of distances: their histogram, ROC, DET, and the best VAL. */
import type { ValAtFar } from '../../evaluation/evaluate_pairs.js'
import { histogram } from '../charts/histogram.js'
import { detFigure, type RatesInput, rocFigure } from '../charts/rates.js'
import { percent, plusMinus, rate } from '../format.js'
import type { HistogramBins } from '../histogram_counts.js'
import { html } from '../html.js'
import type { Headline, Section } from '../page.js'

/** Bars of a histogram of distances. */
export const bars = 64

export function distancesSection(
  bins: HistogramBins,
  threshold: number,
  pairs: { same: number; different: number },
  rates: RatesInput,
): Section {
  return {
    id: 'distances',
    title: 'Distances and errors',
    body: html`<div class="plates">${histogram('histogram', { bins, threshold, pairs })}</div>
<div class="plates">${rocFigure('roc', rates)}${detFigure('det', rates)}</div>`,
  }
}

/** VAL at the lowest false accept rate that the pairs can show. */
export function bestVal(val: readonly ValAtFar[]): Headline[] {
  const shown = val.findLast((entry) => entry.val !== null)
  if (!shown) return []
  return [{ label: `VAL at FAR ${rate(shown.far)}`, value: percent(shown.val!), note: plusMinus(shown.standardError) }]
}
