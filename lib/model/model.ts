/** A model that is ready to embed faces. */
import type { GraphDescription } from '../../types/graph.js'
import type { DType, NativeModel, PlanReport, WeightSource } from '../../types/native.js'
import type { Detector } from '../detection/types.js'
import { describe, invalidArgument, invalidModel } from '../errors.js'
import { fingerprintOf } from '../files/model/fingerprint.js'
import { checkGraph } from '../files/model/graph_schema.js'
import { describeGraph, type ModelMetadata, type ModelNotes } from '../files/model/metadata.js'
import { readModel } from '../files/model/model_file.js'
import { bytesOf, givenTensor, type Tensors, weightSource } from '../files/model/tensor.js'
import { readWhole } from '../files/read.js'
import type { Align, Detection, FaceChoice, FaceTarget, FivePoints, ImageInput, TemplateName } from '../images/index.js'
import { native, nativeCall } from '../native/addon.js'
import {
  checkOneOf,
  checkOptions,
  checkSignal,
  checkThreads,
  type DevicePreference,
  devicePreferences,
  dtypes,
  throwIfAborted,
} from '../native/check_arguments.js'
import { checkDeviceIndex, type Device, resolveDevice } from '../native/devices.js'
import { enqueueCall, InFlight } from '../native/queue.js'
import { batches } from '../sources/index.js'
import { alignmentOf, type EmbeddedImage, embedStream, type StreamOptions, type StreamSource } from './stream.js'

export interface OpenModelOptions {
  /** `auto` where it is left out: CUDA where it can be used, else the CPU; `model.device.reason` says why. */
  device?: DevicePreference
  /** Of several CUDA devices, the one that CUDA gives this number (`facenet info`). The first usable where it is left out. */
  deviceIndex?: number
  /**
   * Precision of weights and activations; sums are fp32 either way. `f32` where it is left out. `f16` is not for the CPU.
   */
  dtype?: DType
  /** CPU threads, 1..1024; every core where it is left out. On CUDA they only bring images to the device. */
  threads?: number
  signal?: AbortSignal
}

/** A model in memory: a network's graph with its tensors, and what else is known of it. */
export interface ModelInMemory extends ModelNotes {
  graph: GraphDescription
  /** Float32Array: fp32 values. Uint16Array: the upper halves of fp32 values, bf16. */
  tensors: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array | Uint16Array }>
}

export interface EmbedOptions {
  /** Rejects with ERR_FACENET_ABORTED, within 100 ms: it is looked at between layers. */
  signal?: AbortSignal
  /** N x dimensions floats to write to, instead of a new array. Where the call fails, some of them may be written. */
  out?: Float32Array
  /** For image files: which part of each is used. `detect` where a detector is given; else `none`, the whole image. */
  align?: Align
  /** For `align: 'points'`: five points an image. */
  points?: readonly FivePoints[]
  /** For `align: 'detect'`: what finds the faces. It is not disposed. */
  detector?: Detector
  /** For `align: 'detect'`: the largest face of each image, or its only one. `largest` where it is left out. */
  faces?: Exclude<FaceChoice, 'all'>
  /** For `align: 'detect'`: shorter side of the smallest face that is looked for, in pixels. The detector's own if left out. */
  minSize?: number
  /** For `align: 'detect'`: faces with a lower score are left out, 0..1. The detector's own if left out. */
  scoreThreshold?: number
}

/**
 * Opens a model file, or a model in memory.
 *
 * @throws FaceNetError ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID for the file, ERR_FACENET_CUDA_UNAVAILABLE where
 *   `cuda` is asked for and cannot be used, ERR_FACENET_CUDA_OOM where the weights do not fit on the device,
 *   ERR_FACENET_INVALID_ARGUMENT for an option.
 */
export async function openModel(source: string | ModelInMemory, options: OpenModelOptions = {}): Promise<Model> {
  checkOptions(options, 'options', ['device', 'deviceIndex', 'dtype', 'threads', 'signal'])
  const preference = checkOneOf(options.device ?? 'auto', 'options.device', devicePreferences)
  const deviceIndex = checkDeviceIndex(options.deviceIndex, preference)
  const dtype = checkOneOf(options.dtype ?? 'f32', 'options.dtype', dtypes)
  const threads = checkThreads(options.threads)
  const signal = checkSignal(options.signal)
  throwIfAborted(signal)
  const device = resolveDevice(preference, deviceIndex)
  if (device.kind === 'cpu' && dtype === 'f16') throw invalidArgument('options.dtype', 'f32 or bf16 on the CPU', dtype)
  const { graph, weights, metadata } = await load(source)
  if (graph.input.dtype !== 'u8') throw invalidModel('graph.input.dtype', 'u8, images', graph.input.dtype)
  throwIfAborted(signal)
  const where = { device: device.kind, ...(deviceIndex !== undefined && { deviceIndex }), dtype, threads }
  const opened = await nativeCall(() => native().openModel(graph, weights, where))
  if (signal?.aborted) opened.dispose()
  throwIfAborted(signal)
  return new Model(opened, metadata, device, dtype)
}

interface LoadedModel {
  graph: GraphDescription
  weights: WeightSource
  metadata: ModelMetadata
}

async function load(source: string | ModelInMemory): Promise<LoadedModel> {
  if (typeof source === 'string') return readModel(source)
  if (typeof source !== 'object' || source === null || !source.graph || !(source.tensors instanceof Map)) {
    throw invalidArgument('source', 'a path, or an object with a graph and a Map of tensors', source)
  }
  const { alignment = 'none', threshold, producer, license, source: origin } = source
  const graph = checkGraph(source.graph)
  const tensors: Tensors = new Map([...source.tensors].map(([name, tensor]) => [name, givenTensor(name, tensor)]))
  const fingerprint = await fingerprintOf(graph, tensors, ({ data }) => [bytesOf(data)])
  const dtype = [...tensors.values()].every((tensor) => tensor.dtype === 'bf16') ? 'bf16' : 'f32'
  const notes = { alignment, threshold, producer, license, source: origin }
  return { graph, weights: weightSource(tensors), metadata: { ...describeGraph(graph), ...notes, dtype, fingerprint } }
}

export class Model {
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
  readonly device: Device
  readonly dtype: DType
  /** What else the model file says: producer, licence, source, alignment. */
  readonly metadata: Readonly<ModelMetadata>

  readonly #native: NativeModel
  readonly #running = new InFlight()
  #disposed = false

  /** Models are made by `openModel`. */
  constructor(opened: NativeModel, metadata: ModelMetadata, device: Device, dtype: DType) {
    this.#native = opened
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

  /** What is executed, step by step: shapes, offsets, what was fused. */
  get plan(): PlanReport {
    this.#checkOpen()
    return this.#native.plan
  }
  /** Bytes held, on the device for CUDA: prepared weights, arenas, scratch, staging. They may grow with the batches. */
  get memoryBytes(): number {
    return this.#native.memoryBytes
  }
  get disposed(): boolean {
    return this.#disposed
  }

  /**
   * Embeds faces. `images` is N x height x width x 3 bytes of RGB, which must not change until the promise settles, or an
   * array of image files (paths, or their bytes). Resolves to N x dimensions floats, in the order of the images; the
   * embedding of an image does not depend on the others. Image files are decoded a batch at a time, in bounded memory.
   *
   * @throws FaceNetError ERR_FACENET_IMAGE_INVALID or ERR_FACENET_IO for the first image that cannot be used,
   *   ERR_FACENET_FACE_COUNT for the first in which no face is found, ERR_FACENET_ABORTED, ERR_FACENET_INVALID_ARGUMENT.
   */
  async embed(images: Uint8Array | readonly ImageInput[], options: EmbedOptions = {}): Promise<Float32Array> {
    this.#checkOpen()
    const detecting = ['detector', 'faces', 'minSize', 'scoreThreshold']
    checkOptions(options, 'options', ['signal', 'out', 'align', 'points', ...detecting])
    if (options.faces !== undefined) checkOneOf(options.faces, 'options.faces', ['largest', 'one'])
    const signal = checkSignal(options.signal)
    const count = this.#countImages(images)
    if (options.points !== undefined && options.points.length !== count) {
      throw invalidArgument('options.points', `five points for each of the ${count} images`, options.points)
    }
    const out = options.out ?? new Float32Array(count * this.dimensions)
    if (!(out instanceof Float32Array) || out.length !== count * this.dimensions) {
      const expected = `a Float32Array of ${count * this.dimensions} (${count} images x ${this.dimensions})`
      throw invalidArgument('options.out', expected, out)
    }
    throwIfAborted(signal)
    if (count === 0) return out
    const pixels = images instanceof Uint8Array
    await this.#running.track(pixels ? this.#run(images, count, out, signal) : this.#embedFiles(images, options, out))
    return out
  }

  /**
   * Embeds images of any number in bounded memory: files, folders and tar archives by their paths, or any iterable of
   * images. Yields in the order of the source; reading and decoding go on while a batch is computed.
   * Images that cannot be used are handed to `onError`; without it, the iteration ends with an error that lists them, after
   * every good one was yielded.
   */
  embedStream(source: StreamSource, options: StreamOptions = {}): AsyncGenerator<EmbeddedImage, void, undefined> {
    this.#checkOpen()
    return embedStream(this, source, options)
  }

  /** How image files are brought to the network's input. Where the file names no template, the usual one of its size. */
  faceTarget(align: Align = 'none', template?: TemplateName, detection?: Detection): FaceTarget {
    const { height, width } = this.inputSize
    const known = this.metadata.alignment === 'none' ? undefined : (this.metadata.alignment as TemplateName)
    const usual = height === 112 && width === 112 ? 'arcface112' : 'dlib'
    return { height, width, align, template: template ?? known ?? usual, detection }
  }

  /** `count` images of the network's size to `count` embeddings, unchecked: what `embedStream` is made of. */
  async run(images: Uint8Array, count: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    this.#checkOpen()
    await this.#running.track(this.#run(images, count, out, signal))
  }

  #run(images: Uint8Array, count: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    return enqueueCall(signal, (cancel) => this.#native.run(images, count, [out], cancel))
  }

  async #embedFiles(images: readonly ImageInput[], options: EmbedOptions, out: Float32Array): Promise<void> {
    const { signal, points } = options
    const { align, detection } = alignmentOf(options, 'largest')
    // The caller may go on using the array.
    const files = [...images]
    async function* source() {
      for (const [i, image] of files.entries()) {
        const bytes = typeof image === 'string' ? undefined : image
        const path = typeof image === 'string' ? image : `images[${i}]`
        yield { path, read: async () => bytes ?? readWhole(image as string), points: points?.[i] }
      }
    }
    let done = 0
    for await (const batch of batches(source(), this.faceTarget(align, undefined, detection), { signal })) {
      if (batch.failures.length > 0) throw batch.failures[0]!.error
      await this.#run(batch.images, batch.count, out.subarray(done, done + batch.count * this.dimensions), signal)
      done += batch.count * this.dimensions
    }
  }

  #countImages(images: unknown): number {
    if (Array.isArray(images)) {
      for (const [i, image] of images.entries()) {
        if (typeof image !== 'string' && !(image instanceof Uint8Array)) {
          throw invalidArgument(`images[${i}]`, 'a path or the bytes of an image file', image)
        }
      }
      return images.length
    }
    if (!(images instanceof Uint8Array)) {
      throw invalidArgument('images', 'a Uint8Array of pixels or an array of image files', images)
    }
    const { height, width } = this.inputSize
    const bytes = height * width * 3
    if (images.length % bytes !== 0) {
      const expected = `N x ${height} x ${width} x 3 = N x ${bytes} bytes of RGB (image files go into an array)`
      throw invalidArgument('images', expected, describe(images))
    }
    return images.length / bytes
  }

  #checkOpen(): void {
    if (this.#disposed) throw invalidArgument('model', 'an open model', 'a disposed one')
  }

  /** Frees what the model holds, once calls that are under way have ended. May be called more than once. */
  dispose(): void {
    void this[Symbol.asyncDispose]()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Resolves when everything is freed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await this.#running.settled()
    this.#native.dispose()
  }
}
