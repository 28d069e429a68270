/**
 * A source's images as batches of network inputs: read and decoded ahead of the reader, in order, in bounded memory.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import type { DetectedFace } from '../detection/types.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { type EncodedImage, readImage } from '../images/decode.js'
import type { FivePoints } from '../images/geometry.js'
import { type FaceQuality, type FaceTarget, loadFaceBatch, loadFacesBatch, Meters } from '../images/index.js'
import { checkInteger, throwIfAborted, untilAborted } from '../native/check_arguments.js'
import { sharedBytes } from '../native/shared_memory.js'
import type { ImageMetadata } from './list_row.js'
import type { ImageSource, PlacedImage } from './source.js'
import { feedOf, Room, stage } from './stages.js'

export interface BatchOptions {
  /**
   * Images a batch; the last one may hold fewer.
   * @default 32
   */
  batchSize?: number
  /**
   * Images that are read, and groups of them that are decoded, at a time.
   * @default the cores there are, at most 4, libuv's own number of threads
   */
  concurrency?: number
  /** Who is told how long each stage is at work. */
  meters?: Meters
  /**
   * Batches' worth of images that may be decoded or waiting while one is used.
   * @default 2
   */
  maxInFlight?: number
  signal?: AbortSignal
}

/** An image that could not be used, and why. */
export interface FailedImage {
  /** The image. */
  path: string
  /** Why it could not be used. */
  error: FaceNetError
}

/** A detected face, in pixels of the image as displayed. */
export interface EmbeddedFace extends DetectedFace {
  /** Its place among the image's faces that are used, the largest being 0. */
  index: number
}

/** A face that was left out for its quality. */
export interface FaceLeftOut {
  /** Its image. */
  image: string
  /** Where it is. */
  face: DetectedFace
  /** What it was judged by. */
  quality: FaceQuality
  /** Why it was left out, in words. */
  reason: string
}

export interface Batch {
  /** count x height x width x 3 bytes of RGB. */
  images: Uint8Array
  count: number
  /** One an input: its image's path, with `#0`, `#1` ... where several faces of the image are used. */
  paths: string[]
  /** One an input: its image's path as it is. */
  imagePaths: string[]
  /** What was detected, one an input; undefined where nothing was looked for. */
  faces: (EmbeddedFace | undefined)[]
  /** Of each of these faces. */
  qualities: (FaceQuality | undefined)[]
  /** Of each of these faces, in pixels of the input. */
  pointsInInput: (FivePoints | undefined)[]
  /** Of images up to here. */
  refused: FaceLeftOut[]
  /** One an input: what the list that named its image says of it, if any. */
  metadata: (ImageMetadata | undefined)[]
  /** Images up to here that could not be used and were left out. A batch of failures alone has count 0. */
  failures: FailedImage[]
}

/** Of the images of one batch. */
const mostBatchBytes = 2 ** 31
/** The most images that are decoded by one call, or looked at for faces. */
const together = 8
/** Milliseconds in which what an abort finds at work may end: a decoder cannot be stopped, and an abort does not wait for it. */
const abortGrace = 50

/**
 * A bad image never ends the run: it is listed in its batch's `failures`. A source that fails (a missing folder, a
 * damaged archive) does end it.
 *
 * @throws FaceNetError ERR_FACENET_ABORTED once `signal` is aborted; whatever the source throws.
 */
export async function* batches(
  source: ImageSource,
  target: FaceTarget,
  options: BatchOptions = {},
): AsyncGenerator<Batch> {
  const batchSize = checkInteger(options.batchSize ?? 32, 'batchSize', 1)
  const concurrency = checkInteger(options.concurrency ?? Math.min(availableParallelism(), 4), 'concurrency', 1)
  const ahead = checkInteger(options.maxInFlight ?? 2, 'maxInFlight', 1) * batchSize
  const { signal, meters = new Meters() } = options
  const bytes = target.height * target.width * 3
  if (batchSize * bytes > mostBatchBytes) {
    const most = Math.floor(mostBatchBytes / bytes)
    throw invalidArgument('batchSize', `at most ${most} images of ${target.width}x${target.height}`, batchSize)
  }
  const empty = (): Batch => ({
    images: new Uint8Array(0),
    count: 0,
    paths: [],
    imagePaths: [],
    faces: [],
    qualities: [],
    pointsInInput: [],
    refused: [],
    metadata: [],
    failures: [],
  })
  const add = (batch: Batch, pixels: Uint8Array) => {
    // A batch of one image, as a server has them, is the image.
    if (batch.count === 0) {
      batch.images = pixels
    } else {
      if (batch.count === 1) {
        const first = batch.images
        batch.images = sharedBytes(batchSize * bytes)
        batch.images.set(first)
      }
      batch.images.set(pixels, batch.count * bytes)
    }
    batch.count++
  }
  const finish = (batch: Batch): Batch => ({ ...batch, images: batch.images.subarray(0, batch.count * bytes) })

  const room = new Room(ahead)
  const read = stage(feedOf(source, room, signal), ([image]) => readOne(image!, meters), { concurrency, batch: 1 })
  const prepare = (images: ReadImage[]) => prepareInputs(images, target, meters, signal)
  const prepared = stage(read, prepare, { concurrency, batch: together })
  let batch = empty()
  try {
    for (;;) {
      const [image] = await untilAborted(prepared.take(1), signal)
      if (!image) break
      throwIfAborted(signal)
      room.leave(1)
      if (image.failure) batch.failures.push(image.failure)
      batch.refused.push(...(image.refused ?? []))
      for (const { path, pixels, face, quality, pointsInInput } of image.inputs) {
        add(batch, pixels)
        batch.paths.push(path)
        batch.imagePaths.push(image.path)
        batch.faces.push(face)
        batch.qualities.push(quality)
        batch.pointsInInput.push(pointsInInput)
        batch.metadata.push(image.metadata)
        if (batch.count === batchSize) {
          yield finish(batch)
          batch = empty()
        }
      }
    }
  } finally {
    const closed = prepared.close()
    if (signal?.aborted) await Promise.race([closed, wait(abortGrace)])
    else await closed
  }
  if (batch.count + batch.failures.length + batch.refused.length > 0) yield finish(batch)
}

interface Input {
  path: string
  /** height x width x 3 bytes. */
  pixels: Uint8Array
  face?: EmbeddedFace
  quality?: FaceQuality
  pointsInInput?: FivePoints
}

/** An image with its bytes, or why there are none. */
interface ReadImage {
  image: PlacedImage
  encoded?: EncodedImage
  error?: unknown
}

async function readOne(image: PlacedImage, meters: Meters): Promise<ReadImage[]> {
  try {
    return [{ image, encoded: await meters.time('read', async () => readImage(await image.read(), image.path)) }]
  } catch (error) {
    return [{ image, error }]
  }
}

/** What the network is given of an image. */
interface Inputs {
  path: string
  metadata?: ImageMetadata
  inputs: Input[]
  failure?: FailedImage
  refused?: FaceLeftOut[]
}

type Prepared = ({ inputs: Input[] } | { error: unknown }) & { refused?: FaceLeftOut[] }

/** Rejects only where it was aborted. */
async function prepareInputs(
  images: readonly ReadImage[],
  target: FaceTarget,
  meters: Meters,
  signal: AbortSignal | undefined,
): Promise<Inputs[]> {
  throwIfAborted(signal)
  const good = images.filter(
    (each): each is Required<Pick<ReadImage, 'image' | 'encoded'>> => each.encoded !== undefined,
  )
  const prepare = target.align === 'detect' ? facesOf : wholeOf
  const prepared = new Map<PlacedImage, Prepared>()
  try {
    const inputs = await prepare(good, target, meters, signal)
    for (const [i, { image }] of good.entries()) prepared.set(image, inputs[i]!)
  } catch (error) {
    throwIfAborted(signal)
    for (const { image } of good) prepared.set(image, { error })
  }
  return images.map(({ image, error }) => {
    const { path, metadata } = image
    const result: Prepared = error === undefined ? prepared.get(image)! : { error }
    const { refused } = result
    if ('error' in result) return { path, inputs: [], failure: failureOf(path, result.error), refused }
    return { path, metadata, inputs: result.inputs, refused }
  })
}

function failureOf(path: string, cause: unknown): FailedImage {
  const error =
    cause instanceof FaceNetError
      ? cause
      : new FaceNetError('ERR_FACENET_INTERNAL', `${path}: ${(cause as Error).message}`, { cause })
  return { path, error }
}

type Readied = readonly { image: PlacedImage; encoded: EncodedImage }[]

async function facesOf(images: Readied, target: FaceTarget, meters: Meters, signal: AbortSignal | undefined) {
  const encoded = images.map((each) => each.encoded)
  const found = await loadFacesBatch(encoded, target, signal, meters)
  return found.map((result, n): Prepared => {
    const { path } = images[n]!.image
    const refused = result.refused?.map((each) => ({ image: path, ...each }))
    if ('error' in result) return { error: result.error, refused }
    const name = (i: number) => (result.faces.length > 1 ? `${path}#${i}` : path)
    const inputs = result.faces.map(
      ({ pixels, face, quality, pointsInCrop }, i): Input => ({
        path: name(i),
        pixels,
        face: { ...face, index: i },
        quality,
        pointsInInput: pointsInCrop,
      }),
    )
    return { inputs, refused }
  })
}

async function wholeOf(images: Readied, target: FaceTarget, meters: Meters, signal: AbortSignal | undefined) {
  const bytes = target.height * target.width * 3
  const pixels = sharedBytes(images.length * bytes)
  const inputs = images.map(({ image: { points, placement }, encoded }) => ({ image: encoded, points, placement }))
  const errors = await meters.time('decode', () => loadFaceBatch(inputs, target, pixels, signal))
  return errors.map((error, i): Prepared => {
    if (error !== undefined) return { error }
    return { inputs: [{ path: images[i]!.image.path, pixels: pixels.subarray(i * bytes, (i + 1) * bytes) }] }
  })
}
