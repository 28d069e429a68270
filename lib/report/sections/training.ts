/** How a training run went. */
import { lines, type Series } from '../charts/lines.js'
import { percentTick } from '../format.js'
import { html } from '../html.js'
import type { Section } from '../page.js'
import type { Progress } from '../training_progress.js'

/** A curve of more steps is drawn from their means. */
const mostPoints = 800

export function trainingSection(progress: readonly Progress[]): Section {
  const series = (name: string, of: (step: Progress) => number | null | undefined): Series => {
    const points = progress.flatMap((step) => {
      const y = of(step)
      return y === undefined || y === null ? [] : [{ x: step.step, y }]
    })
    return { name, points: thin(points) }
  }
  const plots = [
    { title: 'Loss', y: 'loss', from: 0, series: [series('loss', ({ loss }) => loss)] },
    {
      title: 'Distances in the triplets',
      note: 'Anchor to positive falls and anchor to negative stays when the network learns.',
      y: 'mean squared distance',
      from: 0,
      series: [
        series('to positives', ({ meanPositive }) => meanPositive),
        series('to negatives', ({ meanNegative }) => meanNegative),
      ],
    },
    {
      title: 'Active triplets',
      y: 'triplets with a loss',
      from: 0,
      series: [series('active', ({ active }) => active)],
    },
    {
      title: 'Validation',
      y: 'share',
      format: percentTick,
      series: [
        series('accuracy', ({ validation }) => validation?.accuracy),
        series('VAL', ({ validation }) => validation?.val),
      ].filter(({ points }) => points.length > 0),
    },
    {
      title: 'Speed',
      y: 'images a second',
      from: 0,
      series: [series('images a second', (step) => step.imagesPerSecond)],
    },
  ].filter(({ series }) => series.some(({ points }) => points.length > 0))
  return {
    id: 'training',
    title: 'Training',
    body: html`<div class="plates">${plots.map((plot, i) => lines(`training${i}`, { x: 'step', ...plot }))}</div>`,
  }
}

/** Means of as many neighbouring points as it takes. */
function thin(points: { x: number; y: number }[]): { x: number; y: number }[] {
  const each = Math.ceil(points.length / mostPoints)
  if (each <= 1) return points
  return Array.from({ length: Math.ceil(points.length / each) }, (_, i) => {
    const some = points.slice(i * each, (i + 1) * each)
    return { x: some.at(-1)!.x, y: some.reduce((sum, { y }) => sum + y, 0) / some.length }
  })
}
