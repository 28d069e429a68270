/** Evaluations as text. */
import type { PairsResult, ValAtFar } from '../../evaluation/index.js'
import { publishedFigures } from '../../evaluation/published.js'
import { table } from '../common/table.js'
import type { Context } from '../context.js'
import { describeSetup, type Embedded, type Setup, setupLine } from './images.js'

export interface PairsReport {
  set: 'lfw' | 'ytf'
  protocol: string
  /** What was judged, and how. */
  heading: string
  result: PairsResult
  /** What the standard error is one of. */
  errorOf: string
  embedded: Embedded
  /** Pairs that were left out. */
  skipped: number
}

export async function reportPairs(context: Context, setup: Setup, report: PairsReport): Promise<void> {
  const { protocol, heading, result, errorOf, embedded, skipped, set } = report
  if (context.json) {
    const { roc, ...figures } = result
    const facts = { protocol, images: embedded.embeddings.size, skipped, fallbacks: embedded.fallbacks }
    await context.print(JSON.stringify({ ...figures, ...facts, ...describeSetup(setup), roc }))
    return
  }
  await context.print(`${setupLine(setup)}\n${protocol}: ${heading}`)
  if (skipped > 0) await context.print(`${skipped} pairs were skipped: their images are missing`)
  if (setup.align === 'detect') await context.print(fallbackLine(embedded.fallbacks, embedded.embeddings.size))
  const { accuracy, standardError, threshold, val } = result
  await context.print(foldTable(result))
  await context.print(`accuracy ${withError(accuracy, standardError)} (${errorOf}), threshold ${threshold.toFixed(4)}`)
  await context.print(`${valLines(val)}\n\n${publishedTable(set)}`)
}

export function fallbackLine(fallbacks: Embedded['fallbacks'], images: number): string {
  const given = fallbacks.filter(({ by }) => by === 'points').length
  const found = `no face was found in ${fallbacks.length} of ${images} images`
  return `${found}: ${given} aligned by given points, ${fallbacks.length - given} cropped at the centre`
}

export const percent = (share: number, digits = 2): string => `${(share * 100).toFixed(digits)} %`

/** `99.12 ± 0.16 %` */
export function withError(share: number, error: number | null): string {
  return error === null ? percent(share) : `${(share * 100).toFixed(2)} ± ${percent(error)}`
}

function foldTable({ folds }: PairsResult): string {
  const rows = folds.map(({ pairs, threshold, accuracy }, i) => [
    String(i + 1),
    String(pairs),
    threshold.toFixed(4),
    percent(accuracy),
  ])
  return table([['fold', 'pairs', 'threshold', 'accuracy'], ...rows], 1)
}

export function valLines(val: readonly ValAtFar[]): string {
  const lines = val.flatMap(({ far, val, standardError, threshold, reason }) => {
    if (val === null) return []
    const figure = `VAL ${withError(val, standardError)} at FAR ${far}, threshold ${threshold!.toFixed(4)}`
    return reason ? `${figure} (${reason})` : figure
  })
  const [first, ...others] = val.filter((entry) => entry.val === null)
  const nor = others.length > 0 ? `; nor is VAL at FAR ${others.map(({ far }) => far).join(', ')}` : ''
  if (first) lines.push(`not shown: ${first.reason}${nor}`)
  return lines.join('\n')
}

/** `3000 same and 3000 different pairs` */
export function kinds(pairs: readonly { same: boolean }[]): string {
  const same = pairs.filter((pair) => pair.same).length
  return `${same} same and ${pairs.length - same} different pairs`
}

/** Under a heading of its own, so that nobody takes it for a measurement. */
function publishedTable(set: 'lfw' | 'ytf'): string {
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
