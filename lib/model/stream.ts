/** Embedding of any number of images: decoding ahead, computing, handing out, all three at once and in order. */
import { FaceNetError, invalidArgument } from '../errors.js'
import { type FaceQuality, type FaceTarget, faceChoices, Meters } from '../images/index.js'
import { checkFunction, linkedAbort } from '../native/check_arguments.js'
import { makeFilter } from '../sources/filter.js'
import {
  type Batch,
  batches,
  type EmbeddedFace,
  type FailedImage,
  type ImageMetadata,
  openSource,
  pathIfAny,
  type SourceImage,
  type SourceOptions,
  type SourcePaths,
  sourceOptionsOf,
} from '../sources/index.js'
import { checkEmbedOptions, embedTarget, type ModelInput, type StreamOptions, streamOptionNames } from './options.js'

/** Paths (or `file:` URLs) of files, folders, archives, lists and globs, images from anywhere, or both, from any iterable. */
export type StreamSource =
  | SourcePaths
  | Iterable<string | URL | SourceImage>
  | AsyncIterable<string | URL | SourceImage>

/** An embedding of a stream, and what it is of. */
export interface EmbeddedImage {
  /** The image's path; where several of its faces are embedded, `path#0`, `path#1`, the largest face first. */
  path: string
  /** The image's path as it is. */
  image: string
  /** `dimensions` floats of its own. */
  embedding: Float32Array
  /** With `align: 'detect'`: the face, in pixels of the image as displayed. */
  face?: EmbeddedFace
  /** How good the picture of the face is, where it was detected. */
  quality?: FaceQuality
  /** What the list that named the image says of it. */
  metadata?: ImageMetadata
}

/** What a stream needs of a model. */
interface Embedder {
  model: ModelInput & { readonly dimensions: number }
  run(images: Uint8Array, count: number, out: Float32Array, signal?: AbortSignal): Promise<void>
}

/** Thrown after the last embedding where images could not be used and nobody listened to `onError`. */
function failedImages(failures: FailedImage[], done: number): FaceNetError {
  const lines = failures.slice(0, 10).map(({ error }) => `  ${error.message}`)
  if (failures.length > lines.length) lines.push(`  and ${failures.length - lines.length} more`)
  const message = `${failures.length} of ${failures.length + done} images could not be used:\n${lines.join('\n')}`
  return new FaceNetError('ERR_FACENET_IMAGE_INVALID', message, { errors: failures.map(({ error }) => error) })
}

export function embedStream(
  embedder: Embedder,
  source: StreamSource,
  options: StreamOptions,
): AsyncGenerator<EmbeddedImage, void, undefined> {
  checkEmbedOptions(options, streamOptionNames, faceChoices)
  checkFunction(options.onError, 'options.onError')
  checkFunction(options.onRefused, 'options.onRefused')
  checkFunction(options.onPassedOver, 'options.onPassedOver')
  makeFilter(options.exclude)
  checkPathColumn(options.pathColumn)
  checkSource(source)
  return generate(embedder, source, embedTarget(embedder.model, options), options)
}

async function* generate(
  embedder: Embedder,
  source: StreamSource,
  target: FaceTarget,
  options: StreamOptions,
): AsyncGenerator<EmbeddedImage, void, undefined> {
  const { batchSize, maxInFlight, onProgress, onError, onPassedOver } = options
  const { dimensions } = embedder.model
  const { signal, leave } = linkedAbort(options.signal)
  const meters = new Meters()
  const failures: FailedImage[] = []
  let [done, failed, passedOver] = [0, 0, 0]
  const reading: SourceOptions = {
    ...sourceOptionsOf(options),
    signal,
    onPassedOver(entry) {
      passedOver++
      onPassedOver?.(entry)
    },
  }
  let computing: Promise<Computed> | undefined

  function* handOut({ batch, out }: Computed) {
    failed += batch.failures.length
    for (const failure of batch.failures) onError ? onError(failure) : failures.push(failure)
    for (const face of batch.refused) options.onRefused?.(face)
    for (let i = 0; i < batch.count; i++) {
      const embedding = out.slice(i * dimensions, (i + 1) * dimensions)
      const face = batch.faces[i]
      const quality = batch.qualities[i] && { ...batch.qualities[i]!, norm: Math.hypot(...embedding) }
      const metadata = batch.metadata[i]
      const [path, image] = [batch.paths[i]!, batch.imagePaths[i]!]
      yield {
        path,
        image,
        embedding,
        ...(face && { face }),
        ...(quality && { quality }),
        ...(metadata && { metadata }),
      }
    }
    done += batch.count
    onProgress?.({ done, failed, passedOver }, meters.shares)
  }

  try {
    for await (const batch of batches(imagesOf(source, reading), target, { batchSize, maxInFlight, signal, meters })) {
      const next = meters.time('embed', () => compute(embedder, batch, signal))
      next.catch(() => {}) // Seen when it is awaited, one batch later.
      if (computing) yield* handOut(await computing)
      computing = next
    }
    if (computing) yield* handOut(await computing)
    computing = undefined
  } finally {
    leave()
    await computing?.catch(() => {})
  }
  if (failures.length > 0) throw failedImages(failures, done)
}

interface Computed {
  batch: Batch
  /** batch.count x dimensions. */
  out: Float32Array
}

async function compute({ model, run }: Embedder, batch: Batch, signal: AbortSignal): Promise<Computed> {
  const out = new Float32Array(batch.count * model.dimensions)
  if (batch.count > 0) await run(batch.images, batch.count, out, signal)
  return { batch, out }
}

function checkPathColumn(name: unknown): void {
  if (name === undefined || (typeof name === 'string' && name !== '')) return
  throw invalidArgument('options.pathColumn', 'the name of a column', name)
}

function checkSource(source: unknown): void {
  if (pathIfAny(source, 'source') !== undefined) return
  if (typeof source !== 'object' || source === null || !(Symbol.asyncIterator in source || Symbol.iterator in source)) {
    throw invalidArgument('source', 'a path, an array of paths, or an iterable of paths or images', source)
  }
}

function checkImage(item: unknown): SourceImage {
  const { path, read } = (item ?? {}) as Partial<SourceImage>
  if (typeof path === 'string' && typeof read === 'function') return item as SourceImage
  throw invalidArgument('an item of source', 'a path, or an image { path, read() }', item)
}

async function* imagesOf(source: StreamSource, options: SourceOptions): AsyncGenerator<SourceImage> {
  const isPath = (item: unknown) => pathIfAny(item, 'source') !== undefined
  // Of several paths that are known, one that is missing is said before any is read.
  if (isPath(source) || (Array.isArray(source) && source.every(isPath))) {
    return yield* openSource(source as SourcePaths, options)
  }
  for await (const item of source as AsyncIterable<string | URL | SourceImage>) {
    if (isPath(item)) yield* openSource(item as string | URL, options)
    else yield checkImage(item)
  }
}
