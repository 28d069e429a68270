/** `facenet cluster`: a heap of images to folders of people, or to a table that says who is where. */
import { basename, dirname } from 'node:path'
import { type ClusterScores, clusterEmbeddings, type Linkage, scoreClusters } from '../../clustering/index.js'
import { concatenateRows } from '../../embeddings/concatenate_rows.js'
import { PendingFile } from '../../files/pending_file.js'
import type { FivePoints } from '../../images/index.js'
import { FaceNetError, type FailedImage, type Model, openModel } from '../../index.js'
import { checkDestination } from '../../report/destination.js'
import { type Alignment, readAlignment, withDetector } from '../common/alignment.js'
import { isMistake, listFailures, sayRefused } from '../common/failures.js'
import { printableName } from '../common/printable.js'
import { imageProgress } from '../common/progress.js'
import { describeThreshold, thresholdFacts, thresholdFor } from '../common/threshold.js'
import { Context, PartialFailure } from '../context.js'
import type { ClusterOptions } from '../options/images.js'
import { flagOf } from '../options/option.js'
import { writeClusterReport } from '../report/clusters.js'
import { reportTarget } from '../report/target.js'
import { UsageError } from '../usage_error.js'
import { checkPeopleFolder, writePeople } from './people_folders.js'

export async function run(context: Context<ClusterOptions>): Promise<void> {
  if (context.options.gallery !== undefined) return intoGallery(context, context.options.gallery)
  const how = readMethod(context)
  const alignment = readAlignment(context)
  const { options } = context
  if (
    context.operands.includes('-') &&
    (options.report !== undefined || (options.out && !options.out.endsWith('.json')))
  )
    throw new UsageError('- is read once, and folders and reports need the images again: name a list file instead')
  const target = await reportTarget(context)
  await checkOut(options.out)
  await using model = await openModel(options.model, context.opening())
  const { dimensions, fingerprint } = model
  const { threshold, preparation, faces, embeddings, failures } = await withDetector(
    context,
    alignment,
    async (alignment) => {
      const preparation = model.preparationOf(alignment)
      const threshold = await thresholdFor(options.threshold, model, { fingerprint, preparation }, options)
      if (!threshold) throw new UsageError('--threshold is missing, and the model names none')
      return { threshold, preparation, ...(await embedAll(context, model, alignment)) }
    },
  )

  const { device, threads, signal } = context.opening()
  const settings = { dimensions, threshold: threshold.value, device, threads, signal }
  const labels = await clusterEmbeddings(embeddings, { ...settings, ...how })
  const noise = labels.filter((label) => label < 0).length
  const people = new Set(labels).size - Math.min(noise, 1)
  const scores = options.scoreFolders ? scoreClusters(labels, faces.map(personOf)) : undefined
  const images = faces.map((face, i) => ({ ...face, label: labels[i]! }))
  const rows = images.map(({ path, label }) => ({ path, label }))
  const facts = { threshold: threshold.value, ...thresholdFacts(threshold), ...how, fingerprint, preparation }
  const result = { ...facts, clusters: people, noise, scores, passedOver: context.passedOver, images: rows }

  const { out } = options
  if (out?.endsWith('.json')) await writeJson(out, result)
  else if (out !== undefined) await writePeople(out, context.operands, images, context.readingAgain(), options.files)
  if (context.json) await context.print(JSON.stringify(result))
  else if (out === undefined)
    for (const { path, label } of images) await context.print(`${printableName(path)}\t${label}`)
  const what = alignment.align === 'detect' ? 'faces' : 'images'
  const below = `${describeMethod(how)}, squared distance below ${describeThreshold(threshold)}`
  const found = noise > 0 ? `${people} people and ${noise} in no cluster` : `${people} people`
  context.say(`${faces.length} ${what}, ${found} (${below})`)
  if (scores) context.say(describeScores(scores))
  if (target) {
    const scored = scores && { scores, people: faces.map(personOf) }
    const made = { faces, embeddings, labels, threshold: threshold.value, method: describeMethod(how), scored }
    await writeClusterReport(context, target, model, {
      ...made,
      align: alignment.align,
      below,
      failed: failures.length,
    })
  }
  listFailures(context, failures, imagesOf(faces) + failures.length)
  if (failures.some((failure) => isMistake(failure, alignment.faces))) throw new PartialFailure()
}

/** As `gallery cluster` does it. */
async function intoGallery({ operands, options, given, signal }: Context<ClusterOptions>, gallery: string) {
  const needless = ['method', 'scoreFolders', 'out', 'files', 'report', 'run'].find((name) => given.has(name))
  if (needless) throw new UsageError(`${flagOf(needless)} is not for --gallery`)
  const { run } = await import('./gallery.js')
  const rest = {
    person: undefined,
    folders: false,
    people: false,
    hidden: false,
    image: undefined,
    storage: undefined,
    again: false,
    k: 5,
  }
  const noMigration = { root: undefined, map: false, common: [], maxLoss: 0, keep: undefined }
  await run(
    new Context(
      ['cluster', gallery, ...operands],
      { ...options, ...rest, ...noMigration, out: undefined },
      given,
      signal,
    ),
  )
}

type Method = { method: 'agglomerative'; linkage: Linkage } | { method: 'dbscan'; minFaces: number }

function readMethod({ options, given }: Context<ClusterOptions>): Method {
  const { method, linkage, minFaces } = options
  if (method === 'dbscan') {
    if (given.has('linkage')) throw new UsageError('--linkage is for --method agglomerative')
    return { method, minFaces }
  }
  if (given.has('minFaces')) throw new UsageError('--min-faces is for --method dbscan')
  return { method, linkage }
}

const describeMethod = (how: Method) =>
  how.method === 'dbscan' ? `DBSCAN, ${how.minFaces} faces and more` : `${how.linkage} linkage`

/** A face by the path it is called by, and the image it is in. */
interface Face {
  path: string
  image: string
  points?: FivePoints
}

async function embedAll(context: Context<ClusterOptions>, model: Model, alignment: Alignment) {
  const progress = imageProgress(context.quiet)
  const [faces, rows, failures]: [Face[], Float32Array[], FailedImage[]] = [[], [], []]
  let refused = 0
  try {
    for await (const { path, image, embedding, face } of model.embedStream(context.images(), {
      ...alignment,
      ...context.limits(),
      signal: context.signal,
      batchSize: context.options.batchSize,
      onError: (failure) => failures.push(failure),
      onRefused: () => refused++,
      onProgress: (now) => progress.update(now),
    })) {
      faces.push({ path, image, points: face?.points })
      rows.push(embedding)
    }
  } finally {
    progress.stop()
  }
  sayRefused(context, refused)
  if (faces.length === 0) {
    listFailures(context, failures, failures.length)
    const what = failures.length > 0 ? 'No image could be used' : 'No images were found'
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `${what}, so there is nothing to cluster`)
  }
  return { faces, embeddings: concatenateRows(rows), failures }
}

const imagesOf = (faces: readonly Face[]) => new Set(faces.map(({ image }) => image)).size

/** The folder an image is in names its person. */
const personOf = ({ image }: Face) => basename(dirname(image))

/** Before any work is done. */
async function checkOut(out: string | undefined): Promise<void> {
  if (out?.endsWith('.json')) await checkDestination(out)
  else if (out !== undefined) await checkPeopleFolder(out)
}

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
