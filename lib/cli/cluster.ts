/** `facenet cluster`: a heap of images to folders of people, or to a table that says who is where. */
import { basename, dirname } from 'node:path'
import { type ClusterScores, clusterEmbeddings, linkages, scoreClusters } from '../clustering/index.js'
import { FaceNetError, type FailedImage, type Model, openModel } from '../index.js'
import { PendingFile } from '../outputs/pending_file.js'
import { type Alignment, readAlignment, withDetector } from './alignment.js'
import { type Context, PartialFailure, UsageError } from './context.js'
import { isMistake, listFailures } from './failures.js'
import { writePeople } from './people_folders.js'
import { imageProgress } from './progress.js'
import { describeThreshold, givenThreshold, thresholdFacts, thresholdFor } from './threshold.js'

export async function run(context: Context): Promise<void> {
  const linkage = context.oneOf('linkage', linkages) ?? 'average'
  const given = givenThreshold(context)
  const alignment = readAlignment(context, 'all')
  const options = context.modelOptions()
  await using model = await openModel(context.modelPath(), options)
  const { dimensions, fingerprint } = model
  const threshold = await thresholdFor(given, model)
  if (!threshold) throw new UsageError('--threshold is missing, and the model names none')
  const { faces, embeddings, failures } = await withDetector(context, alignment, (alignment) =>
    embedAll(context, model, alignment),
  )

  const { device, threads, signal } = options
  const settings = { dimensions, threshold: threshold.value, linkage, device, threads, signal }
  const labels = await clusterEmbeddings(embeddings, settings)
  const people = new Set(labels).size
  const scores = context.flag('score-folders') ? scoreClusters(labels, faces.map(personOf)) : undefined
  const images = faces.map((face, i) => ({ ...face, label: labels[i]! }))
  const rows = images.map(({ path, label }) => ({ path, label }))
  const how = { threshold: threshold.value, ...thresholdFacts(threshold), linkage }
  const result = { ...how, fingerprint, clusters: people, scores, images: rows }

  const out = context.text('out')
  if (out?.endsWith('.json')) await writeJson(out, result)
  else if (out !== undefined) await writePeople(out, context.operands, images, context.signal)
  if (context.json) await context.print(JSON.stringify(result))
  else if (out === undefined) for (const { path, label } of images) await context.print(`${path}\t${label}`)
  const what = alignment.align === 'detect' ? 'faces' : 'images'
  const below = `${linkage} linkage, squared distance below ${describeThreshold(threshold)}`
  context.say(`${faces.length} ${what}, ${people} people (${below})`)
  if (scores) context.say(describeScores(scores))
  listFailures(context, failures, imagesOf(faces) + failures.length)
  if (failures.some((failure) => isMistake(failure, alignment.faces))) throw new PartialFailure()
}

/** A face by the path it is called by, and the image it is in. */
interface Face {
  path: string
  image: string
}

async function embedAll(context: Context, model: Model, alignment: Alignment) {
  const progress = imageProgress(context.quiet)
  const [faces, rows, failures]: [Face[], Float32Array[], FailedImage[]] = [[], [], []]
  try {
    for await (const { path, embedding, face } of model.embedStream(context.operands, {
      ...alignment,
      batchSize: context.integer('batch-size', 1),
      signal: context.signal,
      onError: (failure) => failures.push(failure),
      onProgress: (now) => progress.update(now),
    })) {
      // Where an image has several faces, `#0`, `#1` ... follow its path.
      faces.push({ path, image: face ? path.replace(new RegExp(`#${face.index}$`), '') : path })
      rows.push(embedding)
    }
  } finally {
    progress.stop()
  }
  if (faces.length === 0) {
    listFailures(context, failures, failures.length)
    const what = failures.length > 0 ? 'No image could be used' : 'No images were found'
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `${what}, so there is nothing to cluster`)
  }
  const embeddings = new Float32Array(rows.length * model.dimensions)
  for (const [i, row] of rows.entries()) embeddings.set(row, i * model.dimensions)
  return { faces, embeddings, failures }
}

const imagesOf = (faces: readonly Face[]) => new Set(faces.map(({ image }) => image)).size

/** The folder an image is in names its person. */
const personOf = ({ image }: Face) => basename(dirname(image))

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
