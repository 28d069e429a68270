/**
 * A source's images as batches of network inputs: read and decoded ahead of the reader, in order, in bounded memory.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import type { DetectedFace } from '../detection/types.js'
import { FaceNetError } from '../errors.js'
import { type FaceTarget, loadFace, loadFaces } from '../images/index.js'
import { checkInteger, throwIfAborted, untilAborted } from '../native/check_arguments.js'
import type { ImageSource, PlacedImage } from './source.js'

export interface BatchOptions {
  /**
   * Images a batch; the last one may hold fewer.
   * @default 32
   */
  batchSize?: number
  /**
   * Images read and decoded at a time.
   * @default the cores there are, at most 4, libuv's own number of threads
   */
  concurrency?: number
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
  /** Images up to here that could not be used and were left out. A batch of failures alone has count 0. */
  failures: FailedImage[]
}

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
  const bytes = target.height * target.width * 3
  const empty = (): Batch => ({
    images: new Uint8Array(batchSize * bytes),
    count: 0,
    paths: [],
    imagePaths: [],
    faces: [],
    failures: [],
  })
  const finish = (batch: Batch): Batch => ({ ...batch, images: batch.images.subarray(0, batch.count * bytes) })

  let batch = empty()
  const load = (image: PlacedImage) => loadInputs(image, target, bytes, options.signal)
  for await (const { path: imagePath, inputs, failure } of inOrder(source, load, concurrency, ahead, options.signal)) {
    if (failure) batch.failures.push(failure)
    for (const { path, pixels, face } of inputs) {
      batch.images.set(pixels, batch.count++ * bytes)
      batch.paths.push(path)
      batch.imagePaths.push(imagePath)
      batch.faces.push(face)
      if (batch.count === batchSize) {
        yield finish(batch)
        batch = empty()
      }
    }
  }
  if (batch.count + batch.failures.length > 0) yield finish(batch)
}

interface Input {
  path: string
  /** height x width x 3 bytes. */
  pixels: Uint8Array
  face?: EmbeddedFace
}

/** What the network is given of an image. Does not reject. */
async function loadInputs(
  image: PlacedImage,
  target: FaceTarget,
  bytes: number,
  signal?: AbortSignal,
): Promise<{ path: string; inputs: Input[]; failure?: FailedImage }> {
  const { path } = image
  try {
    if (target.align === 'detect') {
      const faces = await loadFaces(await image.read(), target, path, signal)
      const name = (i: number) => (faces.length > 1 ? `${path}#${i}` : path)
      const inputs = faces.map(({ pixels, face }, i) => ({ path: name(i), pixels, face: { ...face, index: i } }))
      return { path, inputs }
    }
    const pixels = new Uint8Array(bytes)
    const file = await image.read()
    throwIfAborted(signal)
    await loadFace(file, target, pixels, image.points, path, image.placement)
    return { path, inputs: [{ path, pixels }] }
  } catch (cause) {
    const error =
      cause instanceof FaceNetError
        ? cause
        : new FaceNetError('ERR_FACENET_INTERNAL', `${path}: ${(cause as Error).message}`, { cause })
    return { path, inputs: [], failure: { path, error } }
  }
}

/** Milliseconds in which what an abort finds at work may end. */
const abortGrace = 50

/**
 * `load` of every item, `concurrency` of them running at a time and at most `ahead` started before the first of them is
 * taken, results in the order of the source. `load` must not reject. Nothing still runs once this has ended, but for what an
 * abort finds at work and what takes longer than `abortGrace`: a decoder cannot be stopped, and an abort does not wait for it.
 */
async function* inOrder<T, R>(
  source: AsyncIterable<T>,
  load: (item: T) => Promise<R>,
  concurrency: number,
  ahead: number,
  signal?: AbortSignal,
): AsyncGenerator<R> {
  const items = source[Symbol.asyncIterator]()
  let ended = false
  const limited = limit(concurrency, () => ended || signal?.aborted === true)
  const pending: Promise<R | undefined>[] = []
  try {
    for (let more = true; more || pending.length > 0; ) {
      while (more && pending.length < ahead) {
        throwIfAborted(signal)
        const next = await untilAborted(items.next(), signal)
        if (next.done) more = false
        else pending.push(limited(() => load(next.value)))
      }
      if (pending.length === 0) break
      const result = await untilAborted(pending[0]!, signal)
      pending.shift()
      throwIfAborted(signal)
      yield result!
    }
  } finally {
    ended = true
    const settled = Promise.all(pending).then(() => items.return?.())
    if (signal?.aborted) {
      settled.catch(() => {})
      await Promise.race([settled, wait(abortGrace)])
    } else await settled
  }
}

/** Runs at most `concurrency` tasks at a time. Tasks not begun once it is `stopped` resolve to undefined, unrun. */
function limit(concurrency: number, stopped: () => boolean) {
  let running = 0
  const waiting: (() => void)[] = []
  return async <R>(task: () => Promise<R>): Promise<R | undefined> => {
    if (running === concurrency) await new Promise<void>((resolve) => waiting.push(resolve))
    else ++running
    try {
      return stopped() ? undefined : await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else --running
    }
  }
}
