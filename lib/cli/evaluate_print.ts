/** Evaluations as text. */
import type { PairsResult, ValAtFar } from '../evaluation/index.js'
import { publishedFigures } from '../evaluation/published.js'
import { table } from './table.js'

export const percent = (share: number, digits = 2): string => `${(share * 100).toFixed(digits)} %`

/** `99.12 ± 0.16 %` */
export function withError(share: number, error: number | null): string {
  return error === null ? percent(share) : `${(share * 100).toFixed(2)} ± ${percent(error)}`
}

export function foldTable({ folds }: PairsResult): string {
  const rows = folds.map(({ pairs, threshold, accuracy }, i) => [
    String(i + 1),
    String(pairs),
    threshold.toFixed(4),
    percent(accuracy),
  ])
  return table([['fold', 'pairs', 'threshold', 'accuracy'], ...rows], 1)
}

export function valLines(val: readonly ValAtFar[]): string {
  const lines = val.map(({ far, val, standardError, threshold, reason }) => {
    if (val === null) return `not shown: ${reason}`
    const figure = `VAL ${withError(val, standardError)} at FAR ${far}, threshold ${threshold!.toFixed(4)}`
    return reason ? `${figure} (${reason})` : figure
  })
  return lines.join('\n')
}

/** Under a heading of its own, so that nobody takes it for a measurement. */
export function publishedTable(set: 'lfw' | 'ytf'): string {
  const rows = publishedFigures
    .filter((figure) => figure.set === set)
    .map(({ system, accuracy, standardError, protocol, source }) => [
      system,
      `${accuracy.toFixed(2)} ± ${standardError.toFixed(2)} %`,
      protocol,
      source,
    ])
  return `Published by others, not measured here:\n${table([['system', 'accuracy', 'protocol', 'source'], ...rows], 4)}`
}
