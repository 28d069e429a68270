/** The tables of robustness, the paper's figures beside what was measured. */
import { reducedSize } from '../../evaluation/degrade.js'
import { type PublishedTable, publishedRobustness } from '../../evaluation/published.js'
import type { Robustness } from '../../evaluation/robustness.js'
import { table } from '../common/table.js'
import type { Context } from '../context.js'
import { fallbackLine, percent, whySkipped, withError } from './format.js'
import type { DegradedRow, ModelRobustness } from './model_robustness.js'

const count = (value: number) => value.toLocaleString('en-US')

export async function printRobustness(context: Context, models: readonly ModelRobustness[]): Promise<void> {
  if (context.json) {
    const facts = models.map(({ setup, line, judged, ...rest }) => ({ ...setup, ...judged, ...rest }))
    const published = { far: 1e-3, ...publishedRobustness }
    await context.print(
      JSON.stringify({ protocol: 'robustness', passedOver: context.passedOver, models: facts, published }),
    )
    return
  }
  for (const model of models) await context.print(`${describeModel(model)}\n`)
  if (models.length > 1) await context.print(`${compareModels(models)}\n`)
  await context.print(
    `published: Schroff et al., CVPR 2015, VAL at FAR 0.001 on a hold-out set of their own, with ${publishedRobustness.pixels.system} where nothing else is said; not measured here`,
  )
}

function describeModel(model: ModelRobustness): string {
  const { line, judged, images, fallbacks, setup, original } = model
  const { width, height } = setup.inputSize
  const lines = [line, `${judged.pairs} of ${count(images)} images; VAL at FAR ${judged.far}`]
  if (judged.skipped > 0) lines.push(`${judged.skipped} pairs were skipped: their images ${whySkipped(model.failed)}`)
  if (setup.align === 'detect') lines.push(fallbackLine(fallbacks, images))
  const { jpegQuality, pixels } = publishedRobustness
  const jpegRows = model.jpegQuality.map((row) => [String(row.at), ...cells(row), published(jpegQuality, row)])
  lines.push('', 'JPEG quality of the aligned face')
  lines.push(table([header('quality', original), ['as it is', ...cells(original), '-'], ...jpegRows], 1))
  const sizeRows = model.pixels.map((row) => {
    const size = reducedSize(setup.inputSize, row.at)
    const shown = size ? `${size.width}x${size.height}` : 'as it is'
    return [`${count(row.at)} (${shown})`, ...cells(row), published(pixels, row)]
  })
  lines.push('', `Pixels of the aligned face (the network takes ${width}x${height} = ${count(width * height)})`)
  lines.push(table([header('pixels', original), ...sizeRows], 1))
  return lines.join('\n')
}

const header = (first: string, { accuracy }: Robustness) => [
  first,
  'VAL',
  ...(accuracy === undefined ? [] : ['accuracy']),
  'equal error',
  'threshold',
  'published VAL',
]

function cells({ val, valError, threshold, equalErrorRate, accuracy, accuracyError }: Robustness): string[] {
  const ten = accuracy === undefined ? [] : [withError(accuracy, accuracyError ?? null)]
  return [withError(val, valError), ...ten, percent(equalErrorRate), threshold.toFixed(4)]
}

function published({ rows }: PublishedTable, { at }: DegradedRow): string {
  const row = rows.find((each) => each.at === at)
  return row ? `${row.val.toFixed(1)} %` : '-'
}

/** By dimensions, and by training images where they are known. */
function compareModels(models: readonly ModelRobustness[]): string {
  const { dimensions, trainingImages } = publishedRobustness
  const tables = [modelTable('dimensions', models, ({ setup }) => setup.dimensions, dimensions)]
  if (models.some(({ setup }) => setup.trainingImages !== undefined)) {
    tables.push(modelTable('training images', models, ({ setup }) => setup.trainingImages, trainingImages))
  }
  return tables.join('\n\n')
}

function modelTable(
  what: string,
  models: readonly ModelRobustness[],
  of: (model: ModelRobustness) => number | undefined,
  { system, rows }: PublishedTable,
): string {
  const first = models[0]!.original
  const columns = header(what, first).slice(1, -1)
  const measured = models
    .toSorted((a, b) => (of(a) ?? 0) - (of(b) ?? 0))
    .map((model) => [
      model.setup.model,
      of(model) === undefined ? '-' : count(of(model)!),
      ...cells(model.original),
      `FAR ${model.judged.far}`,
    ])
  const theirs = rows.map(({ at, val }) => [
    `${system} (published)`,
    count(at),
    `${val.toFixed(1)} %`,
    ...columns.slice(1).map(() => '-'),
    'FAR 0.001',
  ])
  return `By ${what}\n${table([['model', what, ...columns, 'at'], ...measured, ...theirs], 1)}`
}
