/** Embeddings for an evaluation: the preprocessings of the paper, a detector with its fallback, averaging with the mirror image. */
import type { FaceFinder } from '../detection/index.js'
import { facesOf } from '../detection/own_pixels.js'
import type { DetectedFace } from '../detection/types.js'
import type { FaceNetError } from '../errors.js'
import { decode } from '../images/decode.js'
import { placeFace } from '../images/faces.js'
import { centred, type FivePoints } from '../images/geometry.js'
import {
  type DecodeLimits,
  defaultCenterFraction,
  type FaceTarget,
  type RawImage,
  templatePoints,
} from '../images/index.js'
import { marginOf } from '../images/templates.js'
import { type Model, runModel } from '../model/model.js'
import { faceTarget, type StreamProgress } from '../model/options.js'
import type { EmbeddedImage } from '../model/stream.js'
import { throwIfAborted, untilAborted } from '../native/check_arguments.js'
import { batches, type PlacedImage, type SourceImage } from '../sources/index.js'
import { type Degradation, degrade } from './degrade.js'

/** How an evaluation brings faces to the network. */
export type EvaluationAlign = 'none' | 'center' | 'points' | 'detect'
/** All ways in which an evaluation brings faces to the network. */
export const evaluationAligns: readonly EvaluationAlign[] = ['none', 'center', 'points', 'detect']

/** How an evaluation cuts out and embeds faces. */
export interface EmbedImagesOptions extends DecodeLimits {
  /** `detect`: by the points that `detector` finds; where it finds no face, by given points or else the centre crop. */
  align: EvaluationAlign
  /** Middle part of an image that `center` uses, each way. */
  centerFraction?: number
  /** What finds faces; needed by `detect`. */
  detector?: FaceFinder
  /** Average the embedding with that of the mirrored crop; embeddings of unit length are brought back to it. */
  flip: boolean
  /** Each input is embedded once more for each of them. */
  degradations?: readonly Degradation[]
  /** Images per native call; 32 where it is left out. */
  batchSize?: number
  /** Aborts with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
  /** Called after each batch. */
  onProgress?: (progress: StreamProgress) => void
  /** Called with an image that cannot be used. */
  onFailure: (failure: { path: string; error: FaceNetError }) => void
  /** Called with an image in which no face was found, and what it was aligned by instead. */
  onFallback: (path: string, by: 'points' | 'center') => void
  /** With `detect`: the points an image is aligned by. */
  onPoints?: (path: string, points: FivePoints) => void
}

/** The embedding of an image, and those of its degraded versions. */
export interface EvaluatedImage extends EmbeddedImage {
  /** One embedding per degradation. */
  degraded: Float32Array[]
}

/**
 * Embeds images for an evaluation, in their order and in bounded memory.
 *
 * @param model what embeds the faces.
 * @param images as `openSource` gives them.
 * @param options how faces are cut out, and who hears of what goes wrong.
 * @throws FaceNetError ERR_FACENET_ABORTED; whatever the source throws.
 *
 * @example
 * ```ts
 * const options = { align: 'center' as const, flip: true, onFailure: console.error, onFallback: console.error }
 * for await (const { path, embedding } of embedImages(model, openSource('lfw/'), options)) console.log(path, embedding)
 * ```
 */
export async function* embedImages(
  model: Model,
  images: AsyncIterable<SourceImage>,
  options: EmbedImagesOptions,
): AsyncGenerator<EvaluatedImage> {
  const { align, centerFraction, limitInputPixels, allowTruncated, detector, batchSize, signal } = options
  const limits = { limitInputPixels, allowTruncated }
  const target = { ...faceTarget(model, align === 'detect' ? 'points' : align), centerFraction, ...limits }
  const source = align === 'detect' ? detected(images, detector!, target, options) : images
  const progress = { done: 0, failed: 0, passedOver: 0 }
  for await (const batch of batches(source, target, { batchSize, signal })) {
    const embeddings = await embedBatch(model, batch.images, batch.count, options)
    const degraded: Float32Array[] = []
    for (const how of options.degradations ?? []) {
      const worse = await degrade(batch.images, batch.count, model.inputSize, how)
      degraded.push(worse ? await embedBatch(model, worse, batch.count, options) : embeddings)
    }
    for (const failure of batch.failures) options.onFailure(failure)
    for (const [i, path] of batch.paths.entries()) {
      const row = (rows: Float32Array) => rows.slice(i * model.dimensions, (i + 1) * model.dimensions)
      yield { path, image: path, embedding: row(embeddings), degraded: degraded.map(row) }
    }
    progress.done += batch.count
    progress.failed += batch.failures.length
    options.onProgress?.(progress)
  }
}

async function embedBatch(model: Model, pixels: Uint8Array, count: number, { flip, signal }: EmbedImagesOptions) {
  const out = new Float32Array(count * model.dimensions)
  if (count === 0) return out
  await runModel(model, pixels, count, out, signal)
  if (!flip) return out
  const mirrored = new Float32Array(out.length)
  await runModel(model, mirror(pixels, model.inputSize.width), count, mirrored, signal)
  for (const [i, value] of mirrored.entries()) out[i] = (out[i]! + value) / 2
  if (model.unitLength) normalizeRows(out, model.dimensions)
  return out
}

/** Rows of `width` RGB pixels, each reversed. */
function mirror(pixels: Uint8Array, width: number): Uint8Array {
  const out = new Uint8Array(pixels.length)
  for (let pixel = 0; pixel < pixels.length / 3; pixel++) {
    const to = (pixel - 2 * (pixel % width) + width - 1) * 3
    out.set(pixels.subarray(pixel * 3, pixel * 3 + 3), to)
  }
  return out
}

function normalizeRows(rows: Float32Array, dimensions: number): void {
  for (let start = 0; start < rows.length; start += dimensions) {
    const row = rows.subarray(start, start + dimensions)
    const length = Math.hypot(...row)
    if (length > 0) for (const [k, value] of row.entries()) row[k] = value / length
  }
}

/**
 * Each image with the points of the face nearest its middle, or for a template of a box and a margin with the part around that
 * face's box: evaluation sets centre images on the person they name.
 */
async function* detected(
  images: AsyncIterable<SourceImage>,
  detector: FaceFinder,
  target: FaceTarget,
  { signal, onFallback, onPoints }: EmbedImagesOptions,
): AsyncGenerator<PlacedImage> {
  const byBox = marginOf(target.template!) !== undefined
  for await (const image of images) {
    throwIfAborted(signal)
    const decoded = await decodeIfGood(image, target, signal)
    if (!decoded) {
      yield image // It fails again where images are loaded, and is listed there.
      continue
    }
    const faces = await facesOf(detector, decoded.pixels, { signal })
    const face = faces.toSorted((a, b) => offCentre(a.box, decoded.pixels) - offCentre(b.box, decoded.pixels))[0]
    // Given points have no box, so they do not say what a template with a margin needs.
    if (!face) onFallback(image.path, image.points && !byBox ? 'points' : 'center')
    const read = async () => decoded.bytes
    if (byBox) {
      if (face) onPoints?.(image.path, face.points)
      yield { path: image.path, read, placement: placeByBox(face, decoded.pixels, target) }
      continue
    }
    const points = face?.points ?? image.points ?? centrePoints(decoded.pixels, target)
    onPoints?.(image.path, points)
    yield { path: image.path, read, points }
  }
}

async function decodeIfGood(image: SourceImage, limits: DecodeLimits, signal?: AbortSignal) {
  try {
    const bytes = await untilAborted(image.read(), signal)
    return { bytes, pixels: await decode({ bytes, name: image.path }, limits, undefined, signal) }
  } catch {
    throwIfAborted(signal)
    return undefined
  }
}

const offCentre = (box: { x: number; y: number; width: number; height: number }, image: RawImage) =>
  Math.hypot(box.x + box.width / 2 - image.width / 2, box.y + box.height / 2 - image.height / 2)

/** The box with its margin, as `embed` cuts it out; without a face the centre crop. */
function placeByBox(face: DetectedFace | undefined, image: RawImage, target: FaceTarget) {
  if (!face) return centred(image, target, target.centerFraction ?? defaultCenterFraction)
  return placeFace(face, image, { x: 1, y: 1 }, target, target.template!)
}

/** Points for which aligning by points gives the centre crop: where that crop takes the template's points from. */
function centrePoints(image: RawImage, target: FaceTarget): FivePoints {
  const { xx, x0, yy, y0 } = centred(image, target, target.centerFraction ?? defaultCenterFraction)
  return templatePoints(target.template!, target).map((value, i) => (i % 2 === 0 ? xx * value + x0 : yy * value + y0))
}
