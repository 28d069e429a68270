/** Embedding of any number of images: decoding ahead, computing, handing out, all three at once and in order. */
import type { Detector } from '../detection/types.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import {
  type Align,
  checkDetection,
  type Detection,
  type FaceChoice,
  type FaceTarget,
  type TemplateName,
} from '../images/index.js'
import { checkFunction, checkInteger, checkOptions, checkSignal } from '../native/check_arguments.js'
import {
  type Batch,
  batches,
  type EmbeddedFace,
  type FailedImage,
  openSource,
  type SourceImage,
} from '../sources/index.js'

/** Paths of files, folders and tar archives, or images from anywhere. */
export type StreamSource = string | readonly string[] | AsyncIterable<SourceImage> | Iterable<SourceImage>

export interface StreamOptions {
  /** Images a batch. Default 32. */
  batchSize?: number
  /** Batches that may be decoded or waiting while one is computed. Default 2. */
  maxInFlight?: number
  signal?: AbortSignal
  /** Which part of an image is used. `detect` where a detector is given; else `none`, the whole image. */
  align?: Align
  /** For `align: 'points'` and `'detect'`: where the face belongs. The model's own where it is left out. */
  template?: TemplateName
  /** For `align: 'detect'`: what finds the faces. It is not disposed. */
  detector?: Detector
  /** For `align: 'detect'`: which faces of each image. `all` where it is left out. */
  faces?: FaceChoice
  /** For `align: 'detect'`: shorter side of the smallest face that is looked for, in pixels. The detector's own if left out. */
  minSize?: number
  /** For `align: 'detect'`: faces with a lower score are left out, 0..1. The detector's own if left out. */
  scoreThreshold?: number
  /** Called after every batch. */
  onProgress?: (progress: StreamProgress) => void
  /** Called for each image that cannot be used. */
  onError?: (failure: FailedImage) => void
}

export interface StreamProgress {
  /** Faces embedded so far. */
  done: number
  /** Images that could not be used so far. */
  failed: number
}

export interface EmbeddedImage {
  /** The image's path; where several of its faces are embedded, `path#0`, `path#1`, the largest face first. */
  path: string
  embedding: Float32Array
  /** With `align: 'detect'`: the face, in pixels of the image as displayed. */
  face?: EmbeddedFace
}

/** What a stream needs of a model. */
interface Embedder {
  dimensions: number
  faceTarget(align?: Align, template?: TemplateName, detection?: Detection): FaceTarget
  run(images: Uint8Array, count: number, out: Float32Array, signal?: AbortSignal): Promise<void>
}

/** Thrown after the last embedding where images could not be used and nobody listened to `onError`. */
function failedImages(failures: FailedImage[], done: number): FaceNetError {
  const lines = failures.slice(0, 10).map(({ error }) => `  ${error.message}`)
  if (failures.length > lines.length) lines.push(`  and ${failures.length - lines.length} more`)
  const message = `${failures.length} of ${failures.length + done} images could not be used:\n${lines.join('\n')}`
  return new FaceNetError('ERR_FACENET_IMAGE_INVALID', message, { cause: failures.map(({ error }) => error) })
}

export function embedStream(
  model: Embedder,
  source: StreamSource,
  options: StreamOptions,
): AsyncGenerator<EmbeddedImage, void, undefined> {
  const detecting = ['detector', 'faces', 'minSize', 'scoreThreshold']
  const known = ['batchSize', 'maxInFlight', 'signal', 'align', 'template', 'onProgress', 'onError', ...detecting]
  checkOptions(options, 'options', known)
  checkSignal(options.signal)
  checkFunction(options.onProgress, 'options.onProgress')
  checkFunction(options.onError, 'options.onError')
  if (options.batchSize !== undefined) checkInteger(options.batchSize, 'options.batchSize', 1)
  if (options.maxInFlight !== undefined) checkInteger(options.maxInFlight, 'options.maxInFlight', 1)
  const { align, detection } = alignmentOf(options, 'all')
  return generate(model, imagesOf(source), model.faceTarget(align, options.template, detection), options)
}

/** How images are brought to the network, of the options of a call; `faces` is the choice where none is made. */
export function alignmentOf(
  options: { align?: Align } & Partial<Detection>,
  faces: FaceChoice,
): { align: Align; detection?: Detection } {
  const align = options.align ?? (options.detector ? 'detect' : 'none')
  return align === 'detect' ? { align, detection: checkDetection(options, faces) } : { align }
}

async function* generate(
  model: Embedder,
  images: AsyncIterable<SourceImage>,
  target: FaceTarget,
  options: StreamOptions,
): AsyncGenerator<EmbeddedImage, void, undefined> {
  const { batchSize, maxInFlight, onProgress, onError } = options
  const leaving = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, leaving.signal]) : leaving.signal
  const failures: FailedImage[] = []
  let failed = 0
  let done = 0
  let computing: Promise<Computed> | undefined

  function* handOut({ batch, out }: Computed) {
    failed += batch.failures.length
    for (const failure of batch.failures) onError ? onError(failure) : failures.push(failure)
    for (let i = 0; i < batch.count; i++) {
      const embedding = out.slice(i * model.dimensions, (i + 1) * model.dimensions)
      const face = batch.faces[i]
      yield { path: batch.paths[i]!, embedding, ...(face && { face }) }
    }
    done += batch.count
    onProgress?.({ done, failed })
  }

  try {
    for await (const batch of batches(images, target, { batchSize, maxInFlight, signal })) {
      const next = compute(model, batch, signal)
      next.catch(() => {}) // Seen when it is awaited, one batch later.
      if (computing) yield* handOut(await computing)
      computing = next
    }
    if (computing) yield* handOut(await computing)
    computing = undefined
  } finally {
    leaving.abort()
    await computing?.catch(() => {})
  }
  if (failures.length > 0) throw failedImages(failures, done)
}

interface Computed {
  batch: Batch
  /** batch.count x dimensions. */
  out: Float32Array
}

async function compute(model: Embedder, batch: Batch, signal: AbortSignal): Promise<Computed> {
  const out = new Float32Array(batch.count * model.dimensions)
  if (batch.count > 0) await model.run(batch.images, batch.count, out, signal)
  return { batch, out }
}

function imagesOf(source: StreamSource): AsyncIterable<SourceImage> {
  if (typeof source === 'string') return openSource(source)
  if (Array.isArray(source) && source.every((path) => typeof path === 'string')) return openSource(source)
  if (typeof source !== 'object' || source === null || !(Symbol.asyncIterator in source || Symbol.iterator in source)) {
    throw invalidArgument('source', 'a path, an array of paths, or an iterable of images', source)
  }
  return (async function* () {
    yield* source as AsyncIterable<SourceImage>
  })()
}
