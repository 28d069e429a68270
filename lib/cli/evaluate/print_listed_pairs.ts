/** Evaluations of listed pairs, those of LFW and YTF, as text. */
import type { PairsResult } from '../../evaluation/index.js'
import type { EmbeddedImages } from '../../evaluation/listed_images.js'
import { publishedFigures } from '../../evaluation/published.js'
import { table } from '../common/table.js'
import type { Context } from '../context.js'
import { fallbackLine, percent, valLines, whySkipped, withError } from './format.js'
import { describeSetup, type Setup, setupLine } from './images.js'

export interface ListedPairsResult {
  set: 'lfw' | 'ytf'
  protocol: string
  /** What was judged, and how. */
  heading: string
  result: PairsResult
  /** What the standard error is one of. */
  errorOf: string
  embedded: EmbeddedImages
  /** Pairs that were left out. */
  skipped: number
}

export async function printListedPairs(context: Context, setup: Setup, judged: ListedPairsResult): Promise<void> {
  const { protocol, heading, result, errorOf, embedded, skipped, set } = judged
  const failed = embedded.failures.length
  if (context.json) {
    const { roc, ...figures } = result
    const facts = { protocol, images: embedded.embeddings.size, skipped, failed, passedOver: context.passedOver }
    await context.print(
      JSON.stringify({ ...figures, ...facts, fallbacks: embedded.fallbacks, ...describeSetup(setup), roc }),
    )
    return
  }
  await context.print(`${setupLine(setup)}\n${protocol}: ${heading}`)
  if (skipped > 0) await context.print(`${skipped} pairs were skipped: their images ${whySkipped(failed)}`)
  if (setup.align === 'detect') await context.print(fallbackLine(embedded.fallbacks, embedded.embeddings.size))
  const { accuracy, standardError, threshold, val } = result
  await context.print(foldTable(result))
  await context.print(`accuracy ${withError(accuracy, standardError)} (${errorOf}), threshold ${threshold.toFixed(4)}`)
  await context.print(`${valLines(val)}\n\n${publishedTable(set)}`)
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
