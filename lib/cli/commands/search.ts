/** `facenet search`: who of a gallery is in these images? */
import { concatenateRows } from '../../embeddings/concatenate_rows.js'
import { checkPreparedAlike } from '../../embeddings/preparation.js'
import { isStored, type StoredRows } from '../../files/outputs/stored.js'
import { isGallery, openGallery } from '../../gallery/index.js'
import {
  type EmbeddedImage,
  FaceNetError,
  type FailedImage,
  type Model,
  nearestNeighbors,
  openModel,
} from '../../index.js'
import { type Alignment, readAlignment, withDetector } from '../common/alignment.js'
import { isMistake, listFailures } from '../common/failures.js'
import { printableName } from '../common/printable.js'
import { imageProgress } from '../common/progress.js'
import { storedRows } from '../common/stored.js'
import { type Threshold, thresholdFacts, thresholdFor } from '../common/threshold.js'
import { type Context, PartialFailure } from '../context.js'
import type { SearchOptions } from '../options/images.js'

interface Rows {
  paths: string[]
  /** Where each was found, if faces were looked for. */
  faces: EmbeddedImage['face'][]
  /** paths.length x dimensions. */
  embeddings: Float32Array
  failures: FailedImage[]
}

export async function run(context: Context<SearchOptions>): Promise<void> {
  const [place, ...images] = context.operands as readonly [string, ...string[]]
  const { options } = context
  const alignment = readAlignment(context)
  await using model = await openModel(options.model, context.opening())
  if (await isGallery(place)) return await searchKept(context, place, images, model, alignment)
  const stored = isStored(place) ? galleryOf(await storedRows(place, model, options)) : undefined
  const { threshold, gallery, queries } = await withDetector(context, alignment, async (alignment) => {
    const rows = { fingerprint: model.fingerprint, preparation: model.preparationOf(alignment) }
    const queried = { name: 'the images', preparation: rows.preparation }
    // Before anything is embedded that could not be compared.
    if (stored) checkPreparedAlike({ name: place, preparation: stored.preparation }, queried, options.allowMixed)
    return {
      threshold: await thresholdFor(options.threshold, model, rows, options),
      gallery: stored ?? (await embedAll(context, model, alignment, [place])),
      queries: await embedAll(context, model, alignment, images),
    }
  })
  refuseNothing(context, gallery, `No faces are in ${place}, so there is nothing to search`)
  refuseNothing(context, queries, `No faces are in ${images.join(', ')}, so there is nobody to search for`)

  const { device, threads, signal } = context.opening()
  const k = Math.min(options.k, gallery.paths.length)
  const settings = { dimensions: model.dimensions, k, device, threads, signal }
  const { indices, distances } = await nearestNeighbors(queries.embeddings, gallery.embeddings, settings)
  for (const [i, path] of queries.paths.entries()) {
    const neighbors = Array.from(indices.subarray(i * k, (i + 1) * k), (row, rank) => ({
      path: gallery.paths[row]!,
      distance: distances[i * k + rank]!,
    }))
    await print(context, { path, face: queries.faces[i], neighbors }, threshold)
  }

  await context.printPassedOver()
  context.say(`${queries.paths.length} searched for among ${gallery.paths.length}`)
  const failures = [...gallery.failures, ...queries.failures]
  const used = imagesOf(queries) + (stored ? 0 : imagesOf(gallery))
  listFailures(context, failures, used + failures.length)
  if (failures.some((failure) => isMistake(failure, alignment.faces))) throw new PartialFailure()
}

/** In a gallery of `openGallery`, whose faces are called by their ids. */
async function searchKept(
  context: Context<SearchOptions>,
  place: string,
  images: string[],
  model: Model,
  alignment: Alignment,
): Promise<void> {
  const { k, allowMixed, threshold: given } = context.options
  await using gallery = await openGallery(place, { readOnly: true })
  const { faces } = await gallery.counts()
  if (faces === 0) {
    const message = `No faces are in ${place}, so there is nothing to search`
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message)
  }
  const { threshold, queries, preparation } = await withDetector(context, alignment, async (alignment) => {
    const preparation = model.preparationOf(alignment)
    const rows = { fingerprint: model.fingerprint, preparation }
    const asked = { ...rows, dimensions: model.dimensions }
    // Before anything is embedded that could not be compared.
    await gallery.searchMany({ ...asked, data: new Float32Array(0), rows: 0 }, { allowMixed })
    return {
      preparation,
      threshold: await thresholdFor(given, model, rows, context.options),
      queries: await embedAll(context, model, alignment, images),
    }
  })
  refuseNothing(context, queries, `No faces are in ${images.join(', ')}, so there is nobody to search for`)
  const { device, threads, signal } = context.opening()
  const rows = model.embeddings(queries.embeddings, preparation)
  const found = await gallery.searchMany(rows, { k, allowMixed, device, threads, signal })
  for (const [i, path] of queries.paths.entries()) {
    const neighbors = found[i]!.map(({ id, person, distance }) => ({ path: id, person, distance }))
    await print(context, { path, face: queries.faces[i], neighbors }, threshold)
  }
  await context.printPassedOver()
  context.say(`${queries.paths.length} searched for among ${faces}`)
  listFailures(context, queries.failures, imagesOf(queries) + queries.failures.length)
  if (queries.failures.some((failure) => isMistake(failure, alignment.faces))) throw new PartialFailure()
}

function galleryOf({ paths, data, preparation }: StoredRows) {
  return { paths, embeddings: data, faces: [], failures: [], preparation }
}

/** That nobody was found is said of faces that were looked for, and of a gallery in which somebody is. */
function refuseNothing(context: Context, { paths, failures }: Rows, message: string): void {
  if (paths.length > 0) return
  listFailures(context, failures, failures.length)
  throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message)
}

async function embedAll(
  context: Context<SearchOptions>,
  model: Model,
  alignment: Alignment,
  sources: string[],
): Promise<Rows> {
  const progress = imageProgress(context.quiet)
  const found: Rows = { paths: [], faces: [], embeddings: new Float32Array(0), failures: [] }
  const rows: Float32Array[] = []
  try {
    for await (const { path, embedding, face } of model.embedStream(context.images(sources), {
      ...alignment,
      ...context.limits(),
      signal: context.signal,
      batchSize: context.options.batchSize,
      onError: (failure) => found.failures.push(failure),
      onProgress: (now) => progress.update(now),
    })) {
      found.paths.push(path)
      found.faces.push(face)
      rows.push(embedding)
    }
  } finally {
    progress.stop()
  }
  found.embeddings = concatenateRows(rows)
  return found
}

/** An image with several faces has one whose index is 0. */
const imagesOf = ({ faces }: Rows) => faces.filter((face) => !face?.index).length

interface Answer {
  path: string
  face?: EmbeddedImage['face']
  /** Nearest first. In a gallery that knows people: whose face each is. */
  neighbors: { path: string; person?: string | null; distance: number }[]
}

/** Where a threshold is known, the nearest row below it says who it is. */
async function print(context: Context, { path, face, neighbors }: Answer, threshold: Threshold | undefined) {
  const [nearest] = neighbors
  const match = threshold && nearest && nearest.distance < threshold.value ? (nearest.person ?? nearest.path) : null
  if (context.json) {
    const judged = threshold ? { threshold: threshold.value, ...thresholdFacts(threshold) } : { threshold: null }
    return context.print(JSON.stringify({ path, face, neighbors, ...judged, match }))
  }
  const verdict = threshold ? `: ${match ?? 'nobody'}` : ''
  await context.print(`${path}${verdict}`)
  for (const { path, person, distance } of neighbors) {
    await context.print(`\t${distance.toFixed(4)}\t${printableName(path)}${person ? `\t${printableName(person)}` : ''}`)
  }
}
