/** `facenet cluster`: a heap of images to folders of people, or to a table that says who is where. */
import { basename, dirname } from 'node:path'
import { type ClusterScores, clusterEmbeddings, linkages, scoreClusters } from '../clustering/index.js'
import { readThresholdFile } from '../evaluation/threshold_file.js'
import { FaceNetError, type FailedImage, type Model, openModel } from '../index.js'
import { PendingFile } from '../outputs/pending_file.js'
import { type Context, PartialFailure, UsageError } from './context.js'
import { writePeople } from './people_folders.js'
import { imageProgress } from './progress.js'

export async function run(context: Context): Promise<void> {
  const linkage = context.oneOf('linkage', linkages) ?? 'average'
  const align = context.oneOf('align', ['none', 'center', 'points']) ?? 'none'
  const options = context.modelOptions()
  await using model = await openModel(context.modelPath(), options)
  const { dimensions, fingerprint } = model
  const threshold = await thresholdOf(context, model)
  const { paths, embeddings, failures } = await embedAll(context, model, align)

  const { device, threads, signal } = options
  const labels = await clusterEmbeddings(embeddings, { dimensions, threshold, linkage, device, threads, signal })
  const people = new Set(labels).size
  const scores = context.flag('score-folders') ? scoreClusters(labels, paths.map(personOf)) : undefined
  const images = paths.map((path, i) => ({ path, label: labels[i]! }))
  const result = { threshold, linkage, fingerprint, clusters: people, scores, images }

  const out = context.text('out')
  if (out?.endsWith('.json')) await writeJson(out, result)
  else if (out !== undefined) await writePeople(out, context.operands, images, context.signal)
  if (context.json) await context.print(JSON.stringify(result))
  else if (out === undefined) for (const { path, label } of images) await context.print(`${path}\t${label}`)
  context.say(`${paths.length} images, ${people} people (${linkage} linkage, squared distance below ${threshold})`)
  if (scores) context.say(describeScores(scores))
  report(context, failures, paths.length)
}

/** A number, a threshold file that `evaluate pairs` wrote, or the model's own. */
async function thresholdOf(context: Context, model: Model): Promise<number> {
  const given = context.text('threshold')
  if (given !== undefined) {
    const number = Number(given)
    if (Number.isNaN(number)) return (await readThresholdFile(given, model.fingerprint)).threshold
    if (number >= 0 && number < Infinity) return number
    throw new UsageError(`--threshold is a number of at least 0 or a threshold file, not ${given}`)
  }
  if (model.threshold === null) throw new UsageError('--threshold is missing, and the model names none')
  return model.threshold
}

async function embedAll(context: Context, model: Model, align: 'none' | 'center' | 'points') {
  const progress = imageProgress(context.quiet)
  const [paths, rows, failures]: [string[], Float32Array[], FailedImage[]] = [[], [], []]
  try {
    for await (const { path, embedding } of model.embedStream(context.operands, {
      align,
      batchSize: context.integer('batch-size', 1),
      signal: context.signal,
      onError: (failure) => failures.push(failure),
      onProgress: (now) => progress.update(now),
    })) {
      paths.push(path)
      rows.push(embedding)
    }
  } finally {
    progress.stop()
  }
  if (paths.length === 0) {
    report(context, failures, 0)
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No images were found, so there is nothing to cluster')
  }
  const embeddings = new Float32Array(rows.length * model.dimensions)
  for (const [i, row] of rows.entries()) embeddings.set(row, i * model.dimensions)
  return { paths, embeddings, failures }
}

/** The folder an image is in names its person. */
const personOf = (path: string) => basename(dirname(path))

async function writeJson(path: string, content: unknown): Promise<void> {
  const file = await PendingFile.open(path)
  try {
    await file.write(Buffer.from(`${JSON.stringify(content, null, 2)}\n`))
    await file.commit()
  } finally {
    await file.abort()
  }
}

function describeScores({ pairwise, bcubed, purity, identities }: ClusterScores): string {
  const f = `pairwise F ${pairwise.f.toFixed(4)}, BCubed F ${bcubed.f.toFixed(4)}, purity ${purity.toFixed(4)}`
  return `against the ${identities} people that the folders name: ${f}`
}

function report(context: Context, failures: FailedImage[], done: number): void {
  if (failures.length === 0) return
  context.complain(`${failures.length} of ${done + failures.length} images could not be used:`)
  for (const { path, error } of failures) {
    context.complain(`  ${error.message.includes(path) ? '' : `${path}: `}${error.message} (${error.code})`)
  }
  throw new PartialFailure()
}
