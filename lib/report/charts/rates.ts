/** ROC and DET curves over a logarithmic axis of false accept rates, as the paper draws them. */
import { scaleLinear, scaleLog } from 'd3-scale'
import type { ValAtFar } from '../../evaluation/evaluate_pairs.js'
import type { DetPoint, RocPoint } from '../../evaluation/rates.js'
import { distance, percent, plusMinus, rate } from '../format.js'
import { type Html, html } from '../html.js'
import { table } from '../table.js'
import { chart, everyWidth, figure, type Plot, path, px } from './chart.js'

export interface RatesInput {
  roc: readonly RocPoint[]
  val: readonly ValAtFar[]
  pairs: { same: number; different: number }
  equalErrorRate: { rate: number; threshold: number }
  /** What the standard errors of VAL are taken over. */
  over: 'folds' | 'splits' | null
}

export function rocFigure(id: string, input: RatesInput): Html {
  return figure(
    'ROC',
    'VAL, the share of same pairs that are accepted, at each false accept rate.',
    everyWidth(id, (plot, name) => drawRoc(name, input, plot), 0.62),
    curveTable('VAL at false accept rates', input),
  )
}

export function detFigure(id: string, input: RatesInput): Html {
  return figure(
    'DET',
    'Errors of both kinds at each threshold; nearer to the lower left corner is better.',
    everyWidth(id, (plot, name) => drawDet(name, input, plot), 0.62),
    detTable(input),
  )
}

/** From the smallest rate above zero that this many pairs can show. */
const farScale = (different: number, plot: Plot) => scaleLog([1 / different, 1], [plot.left, plot.right]).clamp(true)

/** Powers of ten within the axis. */
function powers(least: number, most = 1): number[] {
  const ticks = []
  for (let e = Math.ceil(Math.log10(least) - 1e-9); e <= Math.round(Math.log10(most)); e++) ticks.push(10 ** e)
  return ticks
}

function drawRoc(id: string, { roc, pairs, val }: RatesInput, plot: Plot): Html {
  const x = farScale(pairs.different, plot)
  const lowest = roc.find(({ far }) => far > 0)?.val ?? 0
  const floor = Math.min(0.9, Math.floor(lowest * 10) / 10)
  const y = scaleLinear([floor, 1], [plot.bottom, plot.top])
  const shown = roc.filter((point, i) => point.far > 0 || (roc[i + 1]?.far ?? 0) > 0)
  const line = path(shown.map(({ far, val }) => [x(far), y(Math.max(val, floor))] as const))
  const dots = val.flatMap((entry) => {
    if (entry.val === null || entry.val < floor) return []
    const at = [x(entry.far), y(entry.val)] as const
    return [html`<circle class="dot" cx="${px(at[0])}" cy="${px(at[1])}" r="4"/>`]
  })
  const marks = val.filter((entry) => entry.val !== null)
  return chart({
    id,
    title: 'ROC: VAL over the false accept rate',
    description:
      marks.map((entry) => `VAL ${percent(entry.val!)} at FAR ${entry.far}`).join(', ') ||
      'Too few pairs for VAL at any of the listed rates.',
    plot,
    x: {
      label: 'false accept rate (FAR)',
      ticks: powers(1 / pairs.different).map((far) => ({ at: x(far), text: far === 1 ? '1' : rate(far) })),
    },
    y: { label: 'VAL', ticks: y.ticks(5).map((at) => ({ at: y(at), text: percent(at, 0) })) },
    content: html`<path class="curve" d="${line}"/>${dots}`,
  })
}

function drawDet(id: string, { roc, pairs, equalErrorRate }: RatesInput, plot: Plot): Html {
  const x = farScale(pairs.different, plot)
  const y = scaleLog([1 / pairs.same, 1], [plot.bottom, plot.top]).clamp(true)
  const least = Math.max(1 / pairs.different, 1 / pairs.same)
  const points = roc
    .map(({ far, val }) => [far, 1 - val] as const)
    .filter(([far, frr], i, all) => far > 0 || (all[i + 1]?.[0] ?? 0) > 0 || frr < 1)
  const { rate: equal } = equalErrorRate
  const [cx, cy] = [x(Math.max(equal, least)), y(Math.max(equal, least))]
  const right = cx > (plot.left + plot.right) / 2
  return chart({
    id,
    title: 'DET: false rejects over false accepts',
    description: `Both rates are equal at ${percent(equal)}, at threshold ${distance(equalErrorRate.threshold)}.`,
    plot,
    x: {
      label: 'false accept rate (FAR)',
      ticks: powers(1 / pairs.different).map((far) => ({ at: x(far), text: far === 1 ? '1' : rate(far) })),
    },
    y: {
      label: 'false reject rate (1 − VAL)',
      ticks: powers(1 / pairs.same).map((at) => ({ at: y(at), text: at === 1 ? '1' : rate(at) })),
    },
    content: html`<line class="diagonal" x1="${px(x(least))}" y1="${px(y(least))}" x2="${plot.right}" y2="${plot.top}"/>
<path class="curve" d="${path(points.map(([far, frr]) => [x(Math.max(far, 1e-12)), y(Math.max(frr, 1e-12))] as const))}"/>
<circle class="dot" cx="${px(cx)}" cy="${px(cy)}" r="4.5"/>
<text class="mark" x="${px(cx + (right ? -10 : 10))}" y="${px(cy - 8)}" text-anchor="${right ? 'end' : 'start'}">equal error rate ${percent(equal)}</text>`,
  })
}

export function curveTable(caption: string, { val, over }: RatesInput): Html {
  const columns = ['FAR', 'VAL', over ? `standard error over ${over}` : 'standard error', 'threshold'].map((title) => ({
    title,
  }))
  const shown = val.filter((entry) => entry.val !== null)
  const rows = shown.map(({ far, val, standardError, threshold }) => [
    rate(far),
    percent(val!),
    standardError === null ? '–' : plusMinus(standardError),
    distance(threshold!),
  ])
  return html`${rows.length > 0 ? table(caption, columns, [{ rows }]) : ''}${notes(val)}`
}

/** Why errors or figures are missing, each reason once. */
function notes(val: readonly ValAtFar[]): Html {
  const [first, ...others] = val.filter((entry) => entry.val === null)
  const nor = others.length > 0 ? `; nor is VAL at ${others.map(({ far }) => rate(far)).join(', ')}` : ''
  const errors = val.filter((entry) => entry.val !== null && entry.reason)
  const lines = [
    ...errors.map(({ far, reason }) => `At ${rate(far)}: ${reason}.`),
    ...(first ? [`Not shown: ${first.reason}${nor}.`] : []),
  ]
  return html`${lines.map((line) => html`<p class="aside">${line}</p>`)}`
}

function detTable({ roc }: RatesInput): Html {
  const wanted = [0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 1e-4, 1e-5]
  const points: DetPoint[] = wanted.flatMap((far) => {
    const found = roc.findLast((point) => point.far <= far)
    return found && found.far > 0 ? [{ threshold: found.threshold, far: found.far, frr: 1 - found.val }] : []
  })
  const seen = new Set<number>()
  const rows = points
    .filter(({ threshold }) => !seen.has(threshold) && seen.add(threshold))
    .map(({ threshold, far, frr }) => [distance(threshold), percent(far, 3), percent(frr, 3)])
  return table(
    'False accepts and false rejects by threshold',
    ['threshold', 'false accepts', 'false rejects'].map((title) => ({ title })),
    [{ rows }],
  )
}
