/** A network under training. */
import type { GraphDescription } from '../../types/graph.js'
import type {
  NativeTrainer,
  StepReport,
  TrainerCounters,
  TrainerTensor,
  TrainingPlanReport,
} from '../../types/native.js'
import { checkLabelledTriplets, type Strategy, type Triplets } from '../embeddings/triplets.js'
import { describe, invalidArgument, invalidModel } from '../errors.js'
import { describeGraph, type ModelMetadata, type ModelNotes } from '../files/model/metadata.js'
import { writeModel } from '../files/model/model_file.js'
import { elementCount, f32Tensor, type Tensors, toFloat32, weightSource } from '../files/model/tensor.js'
import type { ModelInMemory } from '../model/model.js'
import { native, nativeCall } from '../native/addon.js'
import {
  checkOptions,
  checkSignal,
  checkThreads,
  type DevicePreference,
  throwIfAborted,
} from '../native/check_arguments.js'
import { checkDeviceIndex, type Device, resolveDevice } from '../native/devices.js'
import { enqueueCall, InFlight } from '../native/queue.js'
import { optimizerPrefix, readCheckpoint, valuesOf, writeCheckpoint } from './checkpoint.js'
import {
  checkLearningRate,
  checkSettings,
  checkTrainerOptions,
  nativeOptions,
  type TrainerOptions,
  type TrainingDType,
  type TrainingSettings,
} from './options.js'
import { startOf } from './start.js'

/** What a step did. `skipped`: the batch had no triplet, and nothing has changed. */
export interface StepResult extends StepReport {
  /** Mean hinge of the triplets, which is what is minimised; 0 where there are none. */
  loss: number
}

export interface CallOptions {
  /** Rejects with ERR_FACENET_ABORTED; it is looked at between layers. A step leaves everything as it was. */
  signal?: AbortSignal
}

export interface StepCallOptions extends CallOptions {
  /**
   * Images of the batch to learn from, as `mineTriplets` gives them: anchor and positive are two images of one label, the
   * negative has another. None at all skips the step. Default: those that the strategy selects in the batch.
   */
  triplets?: Triplets
}

export interface ResumeOptions extends CallOptions {
  /** The network that the checkpoint has to be of. */
  network?: string
  /** From here on; what the checkpoint says where it is left out. */
  strategy?: Strategy
  /** The same. */
  dtype?: TrainingDType
  device?: DevicePreference
  deviceIndex?: number
  threads?: number
}

/**
 * Starts training a network by its name, with random weights, or goes on training a model: a model file or a model in
 * memory. With `dimensions`, a model gets an embedding of that size, whose last layer starts anew.
 *
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for an option, ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID for the
 *   file, ERR_FACENET_CUDA_UNAVAILABLE where `cuda` is asked for and cannot be used, ERR_FACENET_CUDA_OOM where the network
 *   and a chunk do not fit on the device.
 */
async function create(source: string | ModelInMemory, options: TrainerOptions = {}): Promise<Trainer> {
  const settings = checkTrainerOptions(options)
  const signal = checkSignal(options.signal)
  throwIfAborted(signal)
  const where = placeOf(options)
  const { graph, tensors, notes } = await startOf(source, options, settings.seed)
  return open({ graph, tensors, settings, notes, ...where, signal })
}

/**
 * Goes on from a checkpoint that `trainer.save` wrote: with the same batches, the curve of the CPU is bit for bit that of
 * training that never stopped.
 *
 * @throws FaceNetError ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID where the file cannot be read, is damaged, or is of another
 *   network than `options.network`; the message names the checkpoint before it where there is one.
 */
async function resume(path: string, options: ResumeOptions = {}): Promise<Trainer> {
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', 'the path of a checkpoint', path)
  checkOptions(options, 'options', ['network', 'strategy', 'dtype', 'device', 'deviceIndex', 'threads', 'signal'])
  const signal = checkSignal(options.signal)
  throwIfAborted(signal)
  const where = placeOf(options)
  const { graph, tensors, settings: saved, counters, state, notes } = await readCheckpoint(path)
  const { strategy = saved.strategy, dtype = saved.dtype } = options
  const settings = checkSettings({ ...saved, strategy, dtype })
  if (options.network !== undefined && graph.name !== options.network.toLowerCase()) {
    throw invalidModel(`network of ${path}`, options.network, graph.name)
  }
  const trainer = await open({ graph, tensors, settings, notes, ...where, signal, state })
  await trainer[restore](tensors, counters)
  return trainer
}

export const createTrainer = Object.assign(create, { resume })

interface Opening {
  graph: GraphDescription
  tensors: Tensors
  settings: TrainingSettings
  notes: ModelNotes
  device: Device
  deviceIndex?: number
  threads: number
  signal?: AbortSignal
  state?: unknown
}

function placeOf(options: ResumeOptions) {
  const deviceIndex = checkDeviceIndex(options.deviceIndex, options.device)
  return {
    device: resolveDevice(options.device, deviceIndex),
    ...(deviceIndex !== undefined && { deviceIndex }),
    threads: checkThreads(options.threads),
  }
}

async function open(opening: Opening): Promise<Trainer> {
  const { graph, tensors, settings, device, deviceIndex, threads, signal } = opening
  const options = nativeOptions(settings, { device: device.kind, deviceIndex, threads })
  const opened = await nativeCall(() => native().openTrainer(graph, weightSource(tensors), options))
  if (signal?.aborted) opened.dispose()
  throwIfAborted(signal)
  return new Trainer(opened, opening)
}

const restore = Symbol('restore')

export class Trainer {
  /** The network's name. */
  readonly name: string
  readonly graph: GraphDescription
  /** Floats of one embedding. */
  readonly dimensions: number
  /** Of the images, in pixels. */
  readonly inputSize: { readonly height: number; readonly width: number }
  readonly device: Device
  /** What `resume` found beside the weights: the `state` that was given to `save`. */
  readonly state: unknown

  readonly #native: NativeTrainer
  readonly #settings: TrainingSettings
  readonly #notes: ModelNotes
  readonly #running = new InFlight()
  #learningRate: number
  #steps = 0
  #saving: Promise<unknown> = Promise.resolve()
  #disposed = false

  /** Trainers are made by `createTrainer`. */
  constructor(opened: NativeTrainer, { graph, settings, notes, device, state }: Opening) {
    const { network, dimensions, inputSize } = describeGraph(graph)
    this.name = network
    this.graph = graph
    this.dimensions = dimensions
    this.inputSize = { height: inputSize[0], width: inputSize[1] }
    this.device = device
    this.state = state ?? null
    this.#native = opened
    // The chunk that was chosen: another machine's default would give other statistics.
    this.#settings = { ...settings, chunk: opened.plan.chunk }
    this.#notes = notes
    this.#learningRate = settings.learningRate
  }

  /** Of the next step. Above 0. */
  get learningRate(): number {
    return this.#learningRate
  }
  set learningRate(value: number) {
    this.#learningRate = checkLearningRate(value)
  }
  /** Steps so far, skipped ones included. */
  get steps(): number {
    return this.#steps
  }
  /** All that the curve depends on beside weights and batches. */
  get settings(): Readonly<TrainingSettings> {
    return { ...this.#settings, learningRate: this.#learningRate }
  }
  /** The forward and the backward, step by step; `text` is for people. */
  get plan(): TrainingPlanReport {
    this.#checkOpen()
    return this.#native.plan
  }
  /** Names and shapes of weights, statistics, the optimiser's state and gradients. */
  get tensors(): readonly TrainerTensor[] {
    this.#checkOpen()
    return this.#native.tensors
  }
  /** Native bytes held: weights, gradients, optimiser, and the activations of a chunk. */
  get memoryBytes(): number {
    return this.#native.memoryBytes
  }
  get disposed(): boolean {
    return this.#disposed
  }

  /**
   * One step on a batch of any size: N x height x width x 3 bytes of RGB, which must not change until the promise settles,
   * and N labels that say whose face each is. The batch is mined whole, however many chunks it is computed in, unless
   * `triplets` are given; the gradient is that of the mean hinge. Batch normalisation has its statistics from each chunk, so a batch should come
   * shuffled.
   *
   * @throws FaceNetError ERR_FACENET_NOT_FINITE where NaN or infinity turns up, with the step and the first layer in its
   *   message; ERR_FACENET_ABORTED, ERR_FACENET_INVALID_ARGUMENT. After any of them weights and optimiser are as before.
   */
  async step(
    images: Uint8Array,
    labels: Int32Array | readonly number[],
    options: StepCallOptions = {},
  ): Promise<StepResult> {
    const signal = this.#checkCall(options, ['triplets'])
    const labelOf = this.#checkBatch(images, labels)
    const triplets = options.triplets === undefined ? undefined : checkLabelledTriplets(options.triplets, labelOf)
    const { clipNorm } = this.#settings
    const report = await this.#run(signal, (cancel) =>
      this.#native.step(images, labelOf, { learningRate: this.#learningRate, clipNorm, triplets }, cancel),
    )
    this.#steps = report.step
    return withLoss(report)
  }

  /** What `step` would report; the gradient is left in the tensors `gradient/<weight>`, and nothing else changes. */
  async gradient(
    images: Uint8Array,
    labels: Int32Array | readonly number[],
    options: CallOptions = {},
  ): Promise<StepResult> {
    const signal = this.#checkCall(options)
    const labelOf = this.#checkBatch(images, labels)
    return withLoss(await this.#run(signal, (cancel) => this.#native.gradient(images, labelOf, cancel)))
  }

  /**
   * Embeddings of N images as the exported model gives them, batch normalisation by its running statistics: N x dimensions
   * floats.
   */
  async embed(images: Uint8Array, options: CallOptions & { out?: Float32Array } = {}): Promise<Float32Array> {
    this.#checkOpen()
    checkOptions(options, 'options', ['signal', 'out'])
    const signal = checkSignal(options.signal)
    const count = this.#countImages(images)
    const out = options.out ?? new Float32Array(count * this.dimensions)
    if (!(out instanceof Float32Array) || out.length !== count * this.dimensions) {
      throw invalidArgument('options.out', `a Float32Array of ${count * this.dimensions}`, out)
    }
    if (count > 0) await this.#run(signal, (cancel) => this.#native.embed(images, count, out, cancel))
    return out
  }

  /** Copies of tensors by name, all at one moment; all weights and statistics unless told. */
  async read(names?: readonly string[]): Promise<Map<string, { shape: number[]; data: Float32Array }>> {
    this.#checkOpen()
    const isOfModel = ({ kind }: TrainerTensor) => kind === 'weight' || kind === 'statistic'
    return (await this.#snapshot(names ? ({ name }) => names.includes(name) : isOfModel)).tensors
  }

  /**
   * Writes a checkpoint to go on from, which is a model file too. The file at `path` is replaced in one go and kept as
   * `<path>.previous`: whenever the process dies, a complete one is there. Steps may go on meanwhile and are not in it.
   * `state` is anything that JSON can hold, such as a sampler's position; `trainer.state` has it after `resume`.
   *
   * @throws FaceNetError ERR_FACENET_IO where the disk refuses; the file that was there is as it was.
   */
  async save(path: string, options: { state?: unknown } = {}): Promise<void> {
    this.#checkOpen()
    checkOptions(options, 'options', ['state'])
    checkPath(path)
    const { state } = options
    const settings = this.settings
    const { tensors, counters } = await this.#snapshot(({ kind }) => kind !== 'gradient')
    await this.#afterOthers(() =>
      writeCheckpoint(path, { graph: this.graph, tensors, settings, counters, state, notes: this.#notes }),
    )
  }

  /** Writes a model file for `openModel`. Resolves to what the file says about itself. */
  async export(path: string): Promise<ModelMetadata> {
    this.#checkOpen()
    checkPath(path)
    const { tensors } = await this.#snapshot(({ kind }) => kind === 'weight' || kind === 'statistic')
    return this.#afterOthers(() => writeModel(path, { graph: this.graph, tensors, ...this.#notes }))
  }

  /** Called by `resume`. */
  async [restore](tensors: Tensors, counters: TrainerCounters): Promise<void> {
    const wanted = this.#native.tensors.filter(({ name }) => name.startsWith(optimizerPrefix))
    const values = wanted.map(({ name, shape }) => toFloat32(valuesOf(tensors, name, shape)))
    const names = wanted.map(({ name }) => name)
    await this.#run(undefined, () => this.#native.write(names, values, counters))
    this.#steps = counters.steps
  }

  async #snapshot(selected: (tensor: TrainerTensor) => boolean) {
    const wanted = this.#native.tensors.filter(selected)
    const values = wanted.map(({ shape }) => new Float32Array(elementCount(shape)))
    const names = wanted.map(({ name }) => name)
    const counters = await this.#run(undefined, () => this.#native.read(names, values))
    const tensors = new Map(wanted.map(({ name, shape }, i) => [name, f32Tensor(shape, values[i]!)]))
    return { tensors, counters }
  }

  /** Native work of this trainer, in turn with all other; `dispose` waits for it. */
  #run<T>(signal: AbortSignal | undefined, call: (cancel: Int32Array) => Promise<T>): Promise<T> {
    return this.#running.track(enqueueCall(signal, call))
  }

  /** Files are written one after the other. */
  async #afterOthers<T>(write: () => Promise<T>): Promise<T> {
    const work = this.#saving.then(write)
    this.#saving = work.catch(() => {})
    return work
  }

  #checkCall(options: CallOptions, others: readonly string[] = []): AbortSignal | undefined {
    this.#checkOpen()
    checkOptions(options, 'options', ['signal', ...others])
    return checkSignal(options.signal)
  }

  #countImages(images: unknown): number {
    if (!(images instanceof Uint8Array)) throw invalidArgument('images', 'a Uint8Array of pixels', images)
    const { height, width } = this.inputSize
    const bytes = height * width * this.graph.input.channels
    if (images.length % bytes !== 0) {
      throw invalidArgument('images', `N x ${height} x ${width} x 3 = N x ${bytes} bytes of RGB`, describe(images))
    }
    return images.length / bytes
  }

  #checkBatch(images: unknown, labels: unknown): Int32Array {
    const count = this.#countImages(images)
    if (count === 0) throw invalidArgument('images', 'at least one image', images)
    if (!(labels instanceof Int32Array) && !Array.isArray(labels)) {
      throw invalidArgument('labels', 'an Int32Array or an array of integers', labels)
    }
    if (labels.length !== count) throw invalidArgument('labels', `${count}, one an image`, describe(labels))
    const copy = Int32Array.from(labels)
    const wrong = copy.findIndex((label, i) => label !== labels[i])
    if (wrong >= 0) throw invalidArgument(`labels[${wrong}]`, 'a 32-bit integer', labels[wrong])
    return copy
  }

  #checkOpen(): void {
    if (this.#disposed) throw invalidArgument('trainer', 'an open trainer', 'a disposed one')
  }

  /** Frees what the trainer holds, once calls that are under way have ended. May be called more than once. */
  dispose(): void {
    void this[Symbol.asyncDispose]()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Resolves when everything is freed and every file is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await this.#running.settled()
    await this.#saving
    this.#native.dispose()
  }
}

function withLoss(report: StepReport): StepResult {
  return { ...report, loss: report.triplets === 0 ? 0 : report.lossSum / report.triplets }
}

function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', 'the path of a file', path)
}
