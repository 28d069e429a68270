/** How far apart pairs are: same pairs above the line, different pairs below it, so that no colour is needed to tell them. */
import { scaleLinear, scaleSqrt } from 'd3-scale'
import { count, distance, percent, percentTick } from '../format.js'
import type { HistogramBins } from '../histogram_counts.js'
import { type Html, html } from '../html.js'
import { table } from '../table.js'
import { chart, everyWidth, figure, type Plot, px } from './chart.js'

export interface HistogramInput {
  bins: HistogramBins
  /** Squared L2; pairs below it count as one person. */
  threshold: number
  pairs: { same: number; different: number }
}

export function histogram(id: string, input: HistogramInput): Html {
  const { bins, pairs } = input
  const edge = (i: number) => distance(i * bins.width)
  const rows = bins.same.flatMap((same, i) => {
    const different = bins.different[i]!
    if (same + different === 0) return []
    return [
      [
        `${edge(i)} to ${edge(i + 1)}`,
        count(same),
        percent(same / pairs.same),
        count(different),
        percent(different / pairs.different),
      ],
    ]
  })
  const columns = ['distance', 'same', 'of all same', 'different', 'of all different'].map((title) => ({ title }))
  return figure(
    'Distances of pairs',
    'Hatched bars are judged wrongly. Heights grow with the square root of the share, so that rare errors show.',
    everyWidth(id, (plot, name) => draw(name, input, plot), 0.52),
    table('Pairs by squared distance', columns, [{ rows }]),
  )
}

function draw(id: string, { bins, threshold, pairs }: HistogramInput, plot: Plot): Html {
  const shares = {
    same: bins.same.map((n) => n / pairs.same),
    different: bins.different.map((n) => n / pairs.different),
  }
  const most = Math.max(...shares.same, ...shares.different)
  const x = scaleLinear([0, bins.same.length * bins.width], [plot.left, plot.right])
  const middle = (plot.top + plot.bottom) / 2
  const height = scaleSqrt([0, most], [0, (plot.bottom - plot.top) / 2 - 20])
  const bars = (kind: 'same' | 'different') =>
    shares[kind].map((share, i) => {
      if (share === 0) return ''
      const [from, to] = [i * bins.width, (i + 1) * bins.width]
      const [left, right, tall] = [x(from) + 0.5, x(to) - 0.5, Math.max(1.5, height(share))]
      // A bin that the threshold parts is drawn in its two parts.
      const cut = Math.min(Math.max(x(threshold), left), right)
      const part = (a: number, b: number, below: boolean) => {
        const wrong = below === (kind === 'different')
        const top = kind === 'same' ? middle - tall : middle
        return b - a < 0.2
          ? ''
          : html`<rect class="${kind}${wrong ? ' wrong' : ''}" x="${px(a)}" y="${px(top)}" width="${px(b - a)}" height="${px(tall)}"/>`
      }
      return [part(left, cut, true), part(cut, right, false)]
    })
  const ticks = apart(shareTicks(most), height)
  const y = {
    label: 'share of its kind',
    ticks: ticks.flatMap((share) => {
      const text = percentTick(share)
      const above = { at: middle - height(share), text }
      return share === 0 ? [above] : [above, { at: middle + height(share), text }]
    }),
  }
  const end = x(threshold) > (plot.left + plot.right) / 2
  const mean = (list: number[]) => list.reduce((sum, share, i) => sum + share * (i + 0.5) * bins.width, 0)
  const wide = plot.width > 400
  return chart({
    id,
    title: 'Histogram of the distances of same and of different pairs',
    description: `Same pairs are ${distance(mean(shares.same), 2)} apart on average, different pairs ${distance(mean(shares.different), 2)}. The threshold is ${distance(threshold)}.`,
    plot,
    x: { label: 'squared distance', ticks: x.ticks(wide ? 8 : 5).map((at) => ({ at: x(at), text: String(at) })) },
    y,
    content: html`${bars('same')}${bars('different')}
<line class="axis" x1="${plot.left}" x2="${plot.right}" y1="${px(middle)}" y2="${px(middle)}"/>
<line class="threshold" x1="${px(x(threshold))}" x2="${px(x(threshold))}" y1="${plot.top}" y2="${plot.bottom}"/>
<text class="mark" x="${px(x(threshold) + (end ? -6 : 6))}" y="${plot.top + 10}" text-anchor="${end ? 'end' : 'start'}">threshold ${distance(threshold)}</text>
<text class="mark same" x="${plot.left + 8}" y="${px(plot.top + 10)}">same person</text>
<text class="mark different" x="${plot.left + 8}" y="${plot.bottom - 6}">different people</text>`,
  })
}

/** Those with room for their text, the largest first. */
function apart(shares: readonly number[], height: (share: number) => number): number[] {
  const kept: number[] = []
  for (const share of shares.toReversed()) {
    const above = kept.at(-1)
    if (share === 0 || (height(share) > 16 && (above === undefined || height(above) - height(share) > 14)))
      kept.push(share)
  }
  return kept
}

/** 0 and shares that a square root spreads evenly, about one to four to ten. */
function shareTicks(most: number): number[] {
  const all = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1]
  const below = all.filter((share) => share <= most * 1.02)
  return [0, ...below.slice(-3)]
}
