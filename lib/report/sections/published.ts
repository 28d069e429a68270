/** What others printed, beside what was measured here and never among it. */
import { scaleLinear } from 'd3-scale'
import { type PublishedFigure, publishedFigures } from '../../evaluation/published.js'
import { chart, everyWidth, figure, type Plot, px } from '../charts/chart.js'
import { percent, percentTick, plusMinus } from '../format.js'
import { type Html, html, named } from '../html.js'
import type { Section } from '../page.js'
import { table } from '../table.js'

export interface OwnFigure {
  name: string
  /** Shares, 0..1. */
  accuracy: number
  standardError: number | null
  protocol: string
}

export function publishedSection(set: 'lfw' | 'ytf', own: OwnFigure): Section {
  const others = publishedFigures.filter((each) => each.set === set)
  const columns = [
    { title: 'system' },
    { title: 'accuracy' },
    { title: 'standard error' },
    { title: 'protocol', kind: 'words' as const },
    { title: 'source', kind: 'words' as const },
  ]
  const compared = table('Accuracy: measured here, and published by others', columns, [
    {
      title: 'Measured here',
      className: 'ours',
      rows: [[named(own.name), percent(own.accuracy), plusMinus(own.standardError), own.protocol, 'this report']],
    },
    {
      title: 'Published by others, not measured here',
      rows: others.map(({ system, accuracy, standardError, protocol, source }) => [
        system,
        percent(accuracy / 100),
        plusMinus(standardError / 100),
        protocol,
        source,
      ]),
    },
  ])
  return {
    id: 'published',
    title: 'Beside published figures',
    body: html`<p class="text">Figures of others are as they printed them, by their protocol and on their choice of pairs, networks and training data.</p>
${figure(
  'Accuracy and its standard error',
  '● measured here, ○ published by others',
  everyWidth('published', (plot, id) => draw(id, own, others, plot), 0.38),
  compared,
  true,
)}`,
  }
}

function draw(id: string, own: OwnFigure, others: readonly PublishedFigure[], plot: Plot): Html {
  const rows = [
    { name: own.name, value: own.accuracy, error: own.standardError ?? 0, mine: true },
    ...others.map(({ system, accuracy, standardError }) => ({
      name: system,
      value: accuracy / 100,
      error: standardError / 100,
      mine: false,
    })),
  ]
  const left = plot.width > 400 ? 190 : 140
  const lowest = Math.min(...rows.map(({ value, error }) => value - error))
  const x = scaleLinear([Math.max(0, lowest - 0.004), 1], [left, plot.right]).nice(5)
  const step = (plot.bottom - plot.top) / rows.length
  const marks = rows.map(({ name, value, error, mine }, i) => {
    const y = px(plot.top + step * (i + 0.5))
    const kind = mine ? 'measured' : 'published'
    return html`<text class="row${mine ? ' mark' : ''}" x="${left - 12}" y="${y}" dy=".32em" text-anchor="end">${shortened(name)}</text>
<line class="${kind}" stroke-width="2" x1="${px(x(value - error))}" x2="${px(Math.min(x(value + error), plot.right))}" y1="${y}" y2="${y}"/>
<circle class="${kind}" stroke-width="2" cx="${px(x(value))}" cy="${y}" r="5"/>`
  })
  const ticks = x.ticks(plot.width > 400 ? 6 : 4).map((at) => ({ at: x(at), text: percentTick(at) }))
  return chart({
    id,
    title: 'Accuracy measured here beside published ones',
    description: rows
      .map(({ name, value, mine }) => `${name}: ${percent(value)}, ${mine ? 'measured here' : 'published'}`)
      .join('; '),
    plot: { ...plot, left },
    x: { label: 'accuracy', ticks },
    y: { label: '', ticks: [] },
    content: html`${ticks.map(({ at }) => html`<line class="grid" x1="${px(at)}" x2="${px(at)}" y1="${plot.top}" y2="${plot.bottom}"/>`)}${marks}`,
  })
}

const shortened = (name: string) => (name.length > 22 ? `${name.slice(0, 21)}…` : name)
