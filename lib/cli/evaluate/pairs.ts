/** `facenet evaluate pairs`: VAL and FAR over all pairs of labelled images, and the threshold for a wanted FAR. */
import { concatenateRows } from '../../embeddings/concatenate_rows.js'
import { assertSameFingerprint } from '../../embeddings/distances.js'
import { describePreparation, type Preparation } from '../../embeddings/preparation.js'
import { readEmbeddings } from '../../evaluation/embedding_rows.js'
import { type AllPairsResult, evaluateAllPairs, type LabeledEmbeddings } from '../../evaluation/evaluate_all_pairs.js'
import { findImages } from '../../evaluation/listed_images.js'
import { sliceColumn } from '../../evaluation/slice_table.js'
import { writeThresholdFile } from '../../evaluation/threshold_file.js'
import { readText, readWhole } from '../../files/read.js'
import { PairWatch } from '../../report/pair_watch.js'
import { table } from '../common/table.js'
import { type Context, PartialFailure } from '../context.js'
import type { EvaluateOptions } from '../options/evaluate.js'
import { mostWorstPairs, type ShownAllPairs, writeAllPairsReport } from '../report/all_pairs.js'
import { faceLoader, reportTarget, setupFacts } from '../report/target.js'
import { UsageError } from '../usage_error.js'
import { percent, valLines } from './format.js'
import { describeSetup, embedAll, preparationOf, setupLine, withSetup } from './images.js'

interface Labeled {
  people: LabeledEmbeddings
  fingerprint: string
  /** Undefined where files of embeddings do not say it. */
  preparation?: Preparation
  /** For people, and for machines. */
  made: { line: string; facts: object }
  failed: number
  /** For a report. */
  shown: ShownAllPairs
}

export async function run(context: Context<EvaluateOptions>, sources: string[]): Promise<void> {
  const { table: tablePath, slice: column, far, splits, out } = context.options
  if ((tablePath === undefined) !== (column === undefined)) throw new UsageError('--table and --slice go together')
  const { device, signal } = context.opening()
  const options = { far, splits, device, signal }
  const target = await reportTarget(context)
  const input = await labeled(context, sources)
  const slices =
    tablePath === undefined ? undefined : sliceColumn(await readText(tablePath), tablePath, column!, input.people.paths)
  const watch = target && new PairWatch(input.people.people, mostWorstPairs)
  const result = await evaluateAllPairs(input.people, { ...options, slices, onTile: watch?.onTile })
  if (out !== undefined) await writeThresholdFile(out, thresholdOf(result, column, input))
  if (context.json)
    await context.print(
      JSON.stringify({
        ...input.made.facts,
        passedOver: context.passedOver,
        fingerprint: input.fingerprint,
        ...result,
      }),
    )
  else await print(context, result, input, column)
  if (out !== undefined) context.say(`threshold written to ${out}`)
  if (target) await writeAllPairsReport(context, target, input.people, result, input.shown, watch!)
  if (input.failed > 0) throw new PartialFailure()
}

/** Embeddings are read where `sources` are .jsonl files, and otherwise made. */
async function labeled(context: Context<EvaluateOptions>, sources: string[]): Promise<Labeled> {
  const stored = sources.filter((source) => /\.jsonl$/i.test(source))
  if (stored.length === sources.length) return fromFiles(context, sources)
  if (stored.length > 0) throw new UsageError('evaluate pairs takes images or .jsonl files of embeddings, not both')
  let made: Labeled | undefined
  await withSetup(context, async (setup) => {
    const found = await findImages(sources, (path) => path, context.reading())
    const embedded = await embedAll(context, setup, found)
    const { embeddings, failures, fallbacks, points } = embedded
    const people = labeledByFolder([...embeddings.keys()], [...embeddings.values()])
    const facts = { ...describeSetup(setup), failed: failures.length, fallbacks }
    made = {
      people,
      fingerprint: setup.model.fingerprint,
      preparation: preparationOf(setup),
      made: { line: setupLine(setup), facts },
      failed: failures.length,
      shown: {
        model: setup.name,
        facts: setupFacts(setup, embedded),
        loadFace: await faceLoader(setup, (path) => {
          const image = found.images.get(path)
          return image && { read: () => image.read(), points: points.get(path) ?? image.points }
        }),
      },
    }
  })
  return made!
}

async function fromFiles(context: Context<EvaluateOptions>, files: string[]): Promise<Labeled> {
  const { allowMixed } = context.options
  const { paths, rows, fingerprint, preparation } = await readEmbeddings(files, { allowMixed })
  if (context.given.has('model')) {
    await withSetup(context, async ({ model }) => assertSameFingerprint(model.fingerprint, fingerprint))
  }
  const line = `embeddings of ${files.join(', ')}`
  const shown: ShownAllPairs = {
    model: 'stored embeddings',
    facts: [
      ['Embeddings', files.join(', ')],
      ['Distance', 'squared L2; below the threshold counts as one person'],
      ['Fingerprint of the model', fingerprint],
      ['Images', preparation ? describePreparation(preparation) : 'prepared in a way that the files do not say'],
    ],
    loadFace: await faceLoader({ align: 'none' }, (path) => ({ read: () => readWhole(path) })),
  }
  const made = { line, facts: { files, ...(preparation && { preparation }) } }
  return { people: labeledByFolder(paths, rows), fingerprint, preparation, made, failed: 0, shown }
}

/** The person is the folder that an image lies in. */
export function labeledByFolder(paths: string[], rows: Float32Array[]): LabeledEmbeddings {
  const dimensions = rows[0]?.length ?? 1
  const embeddings = concatenateRows(rows)
  const people = paths.map((path) => {
    const person = path.split(/[/\\]/).at(-2)
    if (!person) throw new UsageError(`${path} lies in no folder that would name its person`)
    return person
  })
  return { embeddings, dimensions, paths, people }
}

function thresholdOf(
  result: AllPairsResult,
  column: string | undefined,
  { fingerprint, preparation }: Pick<Labeled, 'fingerprint' | 'preparation'>,
) {
  const { threshold, far, valAtThreshold, confidenceInterval, pairs, slices } = result
  return {
    threshold,
    far,
    val: valAtThreshold,
    confidenceInterval,
    pairs,
    fingerprint,
    ...(preparation && { preparation }),
    slices: slices.map((slice) => ({ column: column!, ...slice })),
  }
}

async function print(
  context: Context,
  result: AllPairsResult,
  { made }: Labeled,
  column: string | undefined,
): Promise<void> {
  const { pairs, images, people, exact, far, threshold, valAtThreshold, confidenceInterval, equalErrorRate } = result
  const count = (value: number) => value.toLocaleString('en-US')
  await context.print(made.line)
  await context.print(
    `${count(images)} images of ${count(people)} people: ${count(pairs.same)} same and ${count(pairs.different)} different pairs`,
  )
  await context.print(
    exact ? 'thresholds are exact' : 'thresholds are rounded to 1/2048 of a distance; rates at them are exact',
  )
  await context.print(valLines(result.val))
  await context.print(
    `equal error rate ${percent(equalErrorRate.rate)} at threshold ${equalErrorRate.threshold.toFixed(4)}`,
  )
  const { low, high } = confidenceInterval
  await context.print(
    `threshold ${threshold.toFixed(4)} for FAR ${far} (95 % interval ${low.toFixed(4)} to ${high.toFixed(4)}, pairs taken for independent), VAL ${percent(valAtThreshold)}`,
  )
  if (column !== undefined) await context.print(`\n${sliceTable(result, column)}`)
}

function sliceTable({ slices }: AllPairsResult, column: string): string {
  const share = (value: number | null) => (value === null ? '-' : value.toPrecision(3))
  const rows = slices.map(({ value, pairs, far, val, threshold, reason }) => [
    value,
    String(pairs.same),
    String(pairs.different),
    share(val),
    share(far),
    threshold?.toFixed(4) ?? '-',
    reason ?? '',
  ])
  return table([[column, 'same pairs', 'different pairs', 'VAL', 'FAR', 'own threshold', ''], ...rows], 1)
}
