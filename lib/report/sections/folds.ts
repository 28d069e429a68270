/** What each fold got, by the threshold of all others. */
import type { FoldResult } from '../../evaluation/evaluate_pairs.js'
import { count, distance, percent } from '../format.js'
import { type Html, html } from '../html.js'
import { table } from '../table.js'

export function foldTable(folds: readonly FoldResult[]): Html {
  const worst = Math.min(...folds.map((fold) => fold.accuracy))
  // Bars start where the worst fold would still show one.
  const from = Math.max(0, 1 - (1 - worst) * 1.6)
  const bar = (accuracy: number) =>
    html`<span class="bar" aria-hidden="true"><i style="width:${(((accuracy - from) / (1 - from || 1)) * 100).toFixed(0)}%"></i></span>`
  const rows = folds.map(({ accuracy, threshold, pairs }, i) => [
    `${i + 1}`,
    count(pairs),
    distance(threshold, 4),
    html`${percent(accuracy)}${bar(accuracy)}`,
  ])
  const columns = ['fold', 'pairs', 'threshold', 'accuracy'].map((title) => ({ title }))
  return table('Accuracy of each fold', columns, [{ rows }])
}
