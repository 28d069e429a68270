/** What is left of VAL under JPEG compression, with fewer pixels, and by model; the paper's own figures apart. */
import { type PublishedTable, publishedRobustness } from '../../evaluation/published.js'
import type { Robustness } from '../../evaluation/robustness.js'
import { lines, type Series } from '../charts/lines.js'
import { count, distance, percent, percentTick, plusMinus, rate } from '../format.js'
import { type Content, type Html, html, named } from '../html.js'
import type { Section } from '../page.js'
import { table } from '../table.js'

/** What is left under one condition. */
export interface DegradedVal extends Robustness {
  /** JPEG quality, or pixels. */
  at: number
}

/** What was measured of one model. */
export interface RobustModel {
  /** What the model is called. */
  name: string
  /** The FAR at which VAL is given. */
  far: number
  /** Floats per embedding. */
  dimensions: number
  /** Images that the model was trained on, where that is known. */
  trainingImages?: number
  /** With the images as they are. */
  original: Robustness
  /** With the inputs compressed by JPEG, per quality. */
  jpegQuality: readonly DegradedVal[]
  /** With the inputs reduced to fewer pixels, per number of pixels. */
  pixels: readonly DegradedVal[]
}

export function robustnessSections(models: readonly RobustModel[]): Section[] {
  const { jpegQuality, pixels, dimensions, trainingImages } = publishedRobustness
  const known = models.some((model) => model.trainingImages !== undefined)
  return [
    {
      id: 'degraded',
      title: 'Worse images',
      body: html`${apart}<div class="plates">${degraded('jpeg', 'JPEG quality', models, (model) => model.jpegQuality, jpegQuality)}${degraded('pixels', 'Pixels of the face', models, (model) => model.pixels, pixels)}</div>
${models.map((model) => html`<div class="plates"><div class="plate">${details(model, 'JPEG quality', model.jpegQuality)}</div><div class="plate">${details(model, 'Pixels', model.pixels)}</div></div>`)}`,
    },
    {
      id: 'models',
      title: known ? 'Dimensions and training images' : 'Dimensions',
      body: html`<div class="plates"><div class="plate">${compared('Dimensions', models, (model) => model.dimensions, dimensions)}</div>${
        known
          ? html`<div class="plate">${compared('Training images', models, (model) => model.trainingImages, trainingImages)}</div>`
          : ''
      }</div>`,
    },
  ]
}

const apart = html`<p class="text">The grey, dotted line is not measured here: it is what the paper prints for its own network, at FAR ${rate(1e-3)} on images of its own. Its height says nothing about the models here; its shape may.</p>`

function degraded(
  id: string,
  title: string,
  models: readonly RobustModel[],
  of: (model: RobustModel) => readonly DegradedVal[],
  { system, rows }: PublishedTable,
): Html {
  const measured: Series[] = models.map((model) => ({
    name: model.name,
    points: of(model).map(({ at, val }) => ({ x: at, y: val })),
  }))
  const theirs = {
    name: `${system}, published`,
    points: rows.map(({ at, val }) => ({ x: at, y: val / 100 })),
    published: true,
  }
  return lines(id, {
    title,
    x: title,
    y: 'VAL',
    format: percentTick,
    logarithmic: id === 'pixels',
    series: [...measured, theirs],
  })
}

function details({ name, far, original }: RobustModel, what: string, rows: readonly DegradedVal[]): Html {
  const tenfold = original.accuracy !== undefined
  const columns = [
    what,
    `VAL at FAR ${rate(far)}`,
    'error',
    ...(tenfold ? ['accuracy'] : []),
    'equal error',
    'threshold',
  ]
  const cells = (first: string, row: Robustness): Content[] => [
    first,
    percent(row.val),
    plusMinus(row.valError) || '–',
    ...(tenfold ? [percent(row.accuracy!)] : []),
    percent(row.equalErrorRate),
    distance(row.threshold),
  ]
  const lines = [...rows.map((row) => cells(count(row.at), row)), cells('as it is', original)]
  return table(
    `${name}: ${what}, measured here`,
    columns.map((title) => ({ title })),
    [{ rows: lines }],
    true,
  )
}

function compared(
  what: string,
  models: readonly RobustModel[],
  of: (model: RobustModel) => number | undefined,
  { system, source, rows }: PublishedTable,
): Html {
  const columns = [{ title: 'model' }, ...[what.toLowerCase(), 'VAL', 'error', 'at FAR'].map((title) => ({ title }))]
  const ours = models
    .toSorted((a, b) => (of(a) ?? 0) - (of(b) ?? 0))
    .map((model) => {
      const { val, valError } = model.original
      const number = of(model)
      return [
        named(model.name),
        number === undefined ? '–' : count(number),
        percent(val),
        plusMinus(valError) || '–',
        rate(model.far),
      ]
    })
  const theirs = rows.map(({ at, val }) => [system, count(at), percent(val / 100, 1), '–', rate(1e-3)])
  return table(what, columns, [
    { title: 'Measured here', className: 'ours', rows: ours },
    { title: `Published (${source}), not measured here`, rows: theirs },
  ])
}
