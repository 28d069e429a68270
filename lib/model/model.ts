/** A model that is ready to embed faces. */
import type { DType, NativeModel, PlanReport } from '../../types/native.js'
import { type Embeddings, embeddingsOf } from '../embeddings/embeddings.js'
import type { Preparation } from '../embeddings/preparation.js'
import { disposed, invalidArgument } from '../errors.js'
import type { ModelMetadata } from '../files/model/metadata.js'
import { readImageFile } from '../files/read_bounded.js'
import { type ImageInput, Meters } from '../images/index.js'
import type { Batching } from '../native/batching.js'
import { checkOut, fillOut, throwIfAborted } from '../native/check_arguments.js'
import type { Device } from '../native/devices.js'
import { ownBytes } from '../native/own.js'
import { batches, pathIfAny } from '../sources/index.js'
import { Computing } from './computing.js'
import {
  checkEmbedOptions,
  type EmbedArrayOptions,
  embedTarget,
  type PreparationOptions,
  preparationOf,
  type StreamOptions,
} from './options.js'
import { checkImages, type Pixels } from './pixels.js'
import { type EmbeddedImage, embedStream, type StreamSource } from './stream.js'

interface Opened {
  native: NativeModel
  metadata: ModelMetadata
  device: Device
  dtype: DType
  batching?: Batching
}

/** What other files of this package may do with a model, and nobody else. */
let make: (opened: Opened) => Model
let run: (model: Model, images: Uint8Array, count: number, out: Float32Array, signal?: AbortSignal) => Promise<void>

/**
 * A model that is open, of `openModel`. It holds native memory until it is closed: by `close()`, `dispose()`, or at the end of a
 * block by `await using` or `using`.
 *
 * @example
 * ```ts
 * await using model = await openModel('./m.safetensors')
 * const embeddings = await model.embed(['anna.jpg', 'ben.jpg'], { detector })
 * ```
 */
export class Model {
  static {
    make = (opened) => new Model(opened)
    run = (model, images, count, out, signal) => {
      model.#checkOpen()
      return model.#computing.run(images, count, out, signal)
    }
  }

  /** The network's name. */
  readonly name: string
  /** In pixels. */
  readonly inputSize: { readonly height: number; readonly width: number }
  /** Floats of one embedding. */
  readonly dimensions: number
  /** Equal fingerprints mean comparable embeddings: a hash of graph, weights and preprocessing. */
  readonly fingerprint: string
  /** Whether embeddings have length 1. Where they do not, squared distances are not bound to [0, 4]. */
  readonly unitLength: boolean
  /** Squared L2 distance below which two faces count as one person; null where the model file does not say. */
  readonly threshold: number | null
  /** What it runs on, and why. */
  readonly device: Device
  /** Precision of weights and activations. */
  readonly dtype: DType
  /** What else the model file says: producer, licence, source, alignment. */
  readonly metadata: Readonly<ModelMetadata>

  readonly #native: NativeModel
  readonly #computing: Computing
  #closing: Promise<void> | undefined

  private constructor({ native, metadata, device, dtype, batching }: Opened) {
    this.#native = native
    this.#computing = new Computing(native, metadata.dimensions, batching)
    this.metadata = metadata
    this.device = device
    this.dtype = dtype
    this.name = metadata.network
    const [height, width] = metadata.inputSize
    this.inputSize = { height, width }
    this.dimensions = metadata.dimensions
    this.fingerprint = metadata.fingerprint
    this.unitLength = metadata.unitLength
    this.threshold = metadata.threshold?.value ?? null
  }

  /**
   * What is executed, step by step: shapes, offsets, what was fused.
   * @throws FaceNetError ERR_FACENET_DISPOSED
   */
  get plan(): PlanReport {
    this.#checkOpen()
    return this.#native.plan
  }
  /** Bytes held, on the device for CUDA: prepared weights, arenas, scratch, staging. They may grow with the batches. */
  get memoryBytes(): number {
    return this.#native.memoryBytes
  }
  /** Whether the model was closed. */
  get disposed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * Embeds faces. The embedding of an image does not depend on the others. Image files are decoded a batch at a time, in bounded
   * memory.
   *
   * @param images N images: pixels, as N x height x width x 3 bytes of RGB or `{ data, width, height, count }`, copied before
   *   the call returns; or an array or other iterable of image files (paths, `file:` URLs, or their bytes).
   * @param options which part of each image is used, and how.
   * @returns N x dimensions floats, in the order of the images. `embedRows` and `embeddings` make `Embeddings` of them.
   * @throws FaceNetError ERR_FACENET_IMAGE_INVALID or ERR_FACENET_IO for the first image that cannot be used,
   *   ERR_FACENET_FACE_COUNT for the first in which no face is found, ERR_FACENET_ABORTED, ERR_FACENET_DISPOSED,
   *   ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_OVERLOADED with `batching`.
   *
   * @example
   * ```ts
   * import { readFile } from 'node:fs/promises'
   *
   * const images = ['anna.jpg', await readFile('ben.jpg')]
   * const two = await model.embed(images, { detector, signal: AbortSignal.timeout(5000) })
   * const anna = two.subarray(0, model.dimensions)
   * ```
   */
  async embed(
    images: Uint8Array | Pixels | (object & Iterable<ImageInput>),
    options: EmbedArrayOptions = {},
  ): Promise<Float32Array> {
    this.#checkOpen()
    checkEmbedOptions(options, ['out', 'points'], ['largest', 'one'])
    const given = checkImages(images, this.inputSize)
    const { count } = given
    if (options.points !== undefined && !(Array.isArray(options.points) && options.points.length === count)) {
      throw invalidArgument('options.points', `five points for each of the ${count} images`, options.points)
    }
    const out = checkOut(options.out, count * this.dimensions, `(${count} images x ${this.dimensions})`)
    throwIfAborted(options.signal)
    if (count === 0) return out
    const result = options.out === undefined ? out : new Float32Array(out.length)
    await this.#computing.admit(() => {
      if (given.kind === 'files') return this.#embedFiles(given.files, options, result)
      const data = this.#computing.keepsImages ? ownBytes(given.data) : given.data
      return this.#computing.run(data, count, result, options.signal)
    })
    return fillOut(out, result)
  }

  /**
   * `embed`, whose rows know their dimensions, this model's fingerprint and how the images were prepared: functions on rows take
   * them as they are, and refuse to compare them with those of another model or another preparation. Of pixels nothing is known
   * of it: `embeddings` takes it beside their rows.
   *
   * @param images as for `embed`.
   * @param options as for `embed`.
   * @throws FaceNetError as `embed` does.
   *
   * @example
   * ```ts
   * const [who, album] = [await model.embedRows(['who.jpg']), await model.embedRows(photographs)]
   * const { indices } = await nearestNeighbors(who, album, { k: 3 })
   * ```
   */
  async embedRows(
    images: Uint8Array | Pixels | (object & Iterable<ImageInput>),
    options: EmbedArrayOptions = {},
  ): Promise<Embeddings> {
    const rows = await this.embed(images, options)
    const { kind } = checkImages(images, this.inputSize)
    return this.embeddings(rows, kind === 'pixels' ? undefined : preparationOf(this, options))
  }

  /**
   * `Embeddings` of rows that this model made.
   *
   * @param rows N x dimensions floats, or N arrays of `dimensions` floats, as `embedStream` gives them.
   * @param preparation how their images were prepared, of `preparationOf`. Where it is left out, it cannot be checked, and
   *   meeting rows that know theirs gives a warning.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where they are not whole rows.
   *
   * @example
   * ```ts
   * const how = { detector, faces: 'all' } as const
   * const rows: Float32Array[] = []
   * for await (const { embedding } of model.embedStream('photos/', how)) rows.push(embedding)
   * const photographs = model.embeddings(rows, model.preparationOf(how))
   * const labels = await clusterEmbeddings(photographs, { threshold: model.threshold! })
   * ```
   */
  embeddings(rows: Float32Array | readonly Float32Array[], preparation?: Preparation): Embeddings {
    return embeddingsOf(rows, this, preparation)
  }

  /**
   * What decides an embedding besides the model, where images are embedded with these options: alignment, template, detector.
   * It goes with rows of `embedStream` into `embeddings` and `openOutput`.
   *
   * @param options of the call that embeds; `flip` where embeddings are averaged with those of mirrored images.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT
   *
   * @example
   * ```ts
   * const output = await openOutput('faces.npy', { ...model, preparation: model.preparationOf({ detector }) })
   * ```
   */
  preparationOf(options: PreparationOptions = {}): Preparation {
    return preparationOf(this, options)
  }

  /**
   * Embeds images of any number in bounded memory. Reading and decoding go on while a batch is computed. Images that cannot be
   * used are handed to `onError`; without it, the iteration ends with an error that lists them in `errors`, after every good one
   * was yielded.
   *
   * @param source files, folders and archives by their paths, or any iterable of paths or images.
   * @param options as for `embed`, and `onError`; `faces: 'all'` gives every face of each image.
   * @returns embeddings in the order of the source.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT and ERR_FACENET_DISPOSED at once; while iterating ERR_FACENET_IO where the
   *   source cannot be read, ERR_FACENET_IMAGE_INVALID at the end, ERR_FACENET_ABORTED.
   *
   * @example
   * ```ts
   * for await (const { path, embedding } of model.embedStream(['photos/', 'more.tar'], { detector, faces: 'all' })) {
   *   console.log(path, embedding)
   * }
   * ```
   */
  embedStream(source: StreamSource, options: StreamOptions = {}): AsyncGenerator<EmbeddedImage, void, undefined> {
    this.#checkOpen()
    return embedStream({ model: this, run: (...job) => run(this, ...job) }, source, options)
  }

  async #embedFiles(files: readonly ImageInput[], options: EmbedArrayOptions, out: Float32Array): Promise<void> {
    const { signal, points, batchSize, maxInFlight, maxImageBytes, onProgress } = options
    async function* source() {
      for (const [i, file] of files.entries()) yield { ...fileImage(file, i, maxImageBytes), points: points?.[i] }
    }
    let done = 0
    const meters = new Meters()
    const how = { signal, batchSize, maxInFlight, meters }
    for await (const batch of batches(source(), embedTarget(this, options), how)) {
      if (batch.failures.length > 0) throw batch.failures[0]!.error
      const end = done + batch.count
      const rows = out.subarray(done * this.dimensions, end * this.dimensions)
      await meters.time('embed', () => this.#computing.run(batch.images, batch.count, rows, signal))
      done = end
      onProgress?.({ done, failed: 0, passedOver: 0 }, meters.shares)
    }
  }

  #checkOpen(): void {
    if (this.disposed) throw disposed('model')
  }

  /** Frees what the model holds, once calls that are under way have ended. May be called more than once. */
  dispose(): void {
    void this.close()
  }

  /**
   * The same, to be waited for.
   * @returns when everything is freed.
   */
  close(): Promise<void> {
    this.#closing ??= this.#computing.close()
    return this.#closing
  }

  /** `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Called by `openModel`. */
export const makeModel = (opened: Opened): Model => make(opened)

/** `count` images of the network's size to `count` embeddings, unchecked. */
export const runModel: typeof run = (...job) => run(...job)

function fileImage(file: ImageInput, i: number, maxImageBytes?: number) {
  const path = pathIfAny(file, `images[${i}]`)
  if (path === undefined) return { path: `images[${i}]`, read: async () => file as Uint8Array }
  return { path, read: () => readImageFile(path, maxImageBytes) }
}
