/** A network under training. */
import type { GraphDescription } from '../../types/graph.js'
import type { NativeTrainer, TrainerCounters, TrainerTensor, TrainingPlanReport } from '../../types/native.js'
import { checkLabelledTriplets } from '../embeddings/triplets.js'
import { describeGraph, type ModelMetadata, type ModelNotes } from '../files/model/metadata.js'
import { writeModel } from '../files/model/model_file.js'
import type { Tensors } from '../files/model/tensor.js'
import { checkPixels, type Pixels } from '../model/pixels.js'
import { checkOneOf, checkOptions, checkOut, fillOut } from '../native/check_arguments.js'
import type { Device } from '../native/devices.js'
import { writeCheckpoint } from './checkpoint.js'
import type { Group } from './group/group.js'
import { Member } from './group/step.js'
import { OpenTrainer } from './open_trainer.js'
import { refuseTripletOptions } from './options.js'
import { checkLearningRate, type TrainingSettings } from './settings.js'
import {
  type Batches,
  type CallOptions,
  checkBatch,
  checkPath,
  checkTeaching,
  type Opening,
  pixelsOf,
  type StepCallOptions,
  type StepResult,
  type TrainerEmbedOptions,
  type TrainerTensors,
  withLoss,
} from './trainer_calls.js'
import { writeState } from './trainer_tensors.js'

const isOfModel = ({ kind }: TrainerTensor) => kind === 'weight' || kind === 'statistic'

/** What `createTrainer` may do with a trainer, and nobody else. */
export let makeTrainer: (opened: NativeTrainer, opening: Opening) => Trainer
export let restoreTrainer: (trainer: Trainer, tensors: Tensors, counters: TrainerCounters) => Promise<void>

/**
 * A network under training, of `createTrainer`. It holds native memory until it is closed: by `close()`, `dispose()`, or at the
 * end of a block by `await using` or `using`.
 *
 * @example
 * ```ts
 * await using trainer = await createTrainer('nns2', { learningRate: 0.05, seed: 1 })
 * const { loss } = await trainer.step(images, labels)
 * await trainer.export('model.safetensors')
 * ```
 */
export class Trainer {
  static {
    makeTrainer = (opened, opening) => new Trainer(opened, opening)
    restoreTrainer = (trainer, tensors, counters) => trainer.#restore(tensors, counters)
  }
  /** The network's name. */
  readonly name: string
  /** The network as data. */
  readonly graph: GraphDescription
  /** Floats of one embedding. */
  readonly dimensions: number
  /** Of the images, in pixels. */
  readonly inputSize: { readonly height: number; readonly width: number }
  /** Where it is trained, and why there. */
  readonly device: Device
  /** What `resume` found beside the weights: the `state` that was given to `save`. */
  readonly state: unknown
  readonly #open: OpenTrainer
  readonly #settings: TrainingSettings
  readonly #notes: ModelNotes
  #learningRate: number
  #steps = 0
  #member: Member | undefined

  private constructor(opened: NativeTrainer, { graph, settings, notes, device, state }: Opening) {
    const { network, dimensions, inputSize } = describeGraph(graph)
    this.name = network
    this.graph = graph
    this.dimensions = dimensions
    this.inputSize = { height: inputSize[0], width: inputSize[1] }
    this.device = device
    this.state = state ?? null
    this.#open = new OpenTrainer(opened)
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
    this.#open.check()
    return this.#open.native.plan
  }
  /** Names and shapes of weights, statistics, the optimiser's state and gradients. */
  get tensors(): readonly TrainerTensor[] {
    this.#open.check()
    return this.#open.native.tensors
  }
  /** Native bytes held: weights, gradients, optimiser, and the activations of a chunk. */
  get memoryBytes(): number {
    return this.#open.native.memoryBytes
  }
  /** Whether the trainer was closed. */
  get disposed(): boolean {
    return this.#open.disposed
  }

  /**
   * One step on a batch of any size. The batch is mined whole, however many chunks it is computed in, unless `triplets` are given; the
   * gradient is that of the mean hinge, or of another `loss`. Batch normalisation has its statistics from each chunk: shuffle.
   *
   * @param images N images: N x height x width x 3 bytes of RGB or `{ data, width, height, count }`, copied
   *   before the call returns.
   * @param labels N integers that say whose face each is; of a loss with classes, 0..numClasses-1.
   * @param options triplets of one's own, a teacher's embeddings, and a signal.
   * @throws FaceNetError ERR_FACENET_NOT_FINITE where NaN or infinity turns up, with the step and the first layer in its
   *   message; ERR_FACENET_ABORTED, ERR_FACENET_INVALID_ARGUMENT. After any of them weights and optimiser are as before.
   *
   * @example
   * ```ts
   * const { loss, active, triplets } = await trainer.step(images, labels)
   * ```
   */
  async step(
    images: Uint8Array | Pixels,
    labels: Int32Array | readonly number[],
    options: StepCallOptions = {},
  ): Promise<StepResult> {
    const signal = this.#open.checkCall(options, ['triplets', 'teacher'])
    refuseTripletOptions(options, this.#settings)
    const { data, labelOf } = checkBatch(images, labels, this.inputSize)
    const triplets = options.triplets === undefined ? undefined : checkLabelledTriplets(options.triplets, labelOf)
    const teacher = checkTeaching(options, this.#settings, labelOf.length, this.dimensions)
    const how = { learningRate: this.#learningRate, clipNorm: this.#settings.clipNorm, triplets, teacher }
    const report = this.#member
      ? await this.#member.step({ images: data, labels: labelOf }, how, signal)
      : await this.#open.run(signal, (native, cancel) => native.step(data, labelOf, how, cancel))
    this.#steps = report.step
    return withLoss(report, teacher?.weight)
  }

  /**
   * From now on trains with the other processes of a group: all take over what rank 0 has, and `step` takes a part of a batch from each
   * and leaves the same weights everywhere. Both throw ERR_FACENET_PEER_LOST where a process is lost.
   *
   * @param group of `joinGroup`, whose processes all call this.
   */
  async join(group: Group): Promise<void> {
    const member = new Member(this.#open, group)
    this.#steps = await member.takeOver()
    this.#member = member
  }

  /**
   * What `step` would report; the gradient is left in the tensors `gradient/<weight>`, and nothing else changes.
   *
   * @param images as for `step`.
   * @param labels as for `step`.
   * @param options a signal.
   * @throws FaceNetError as `step` does.
   */
  async gradient(
    images: Uint8Array | Pixels,
    labels: Int32Array | readonly number[],
    options: CallOptions = {},
  ): Promise<StepResult> {
    const signal = this.#open.checkCall(options)
    const { data, labelOf } = checkBatch(images, labels, this.inputSize)
    return withLoss(await this.#open.run(signal, (native, cancel) => native.gradient(data, labelOf, cancel)))
  }

  /**
   * Embeddings as the exported model gives them: by the moving average of the weights where there is one (`ema`), batch normalisation
   * by its running statistics, or by those of `recalibrate`.
   *
   * @param images N images, as for `step`.
   * @param options where to write to, which weights, and a signal.
   * @returns N x dimensions floats.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_ABORTED, ERR_FACENET_DISPOSED
   */
  async embed(images: Uint8Array | Pixels, options: TrainerEmbedOptions = {}): Promise<Float32Array> {
    const signal = this.#open.checkCall(options, ['out', 'trained'])
    const trained = checkOneOf(options.trained ?? false, 'options.trained', [true, false])
    const { data, count } = checkPixels(images, this.inputSize)
    const out = checkOut(options.out, count * this.dimensions, `(${count} images x ${this.dimensions})`)
    const result = options.out === undefined ? out : new Float32Array(out.length)
    if (count > 0) await this.#open.run(signal, (native, cancel) => native.embed(data, count, result, cancel, trained))
    return fillOut(out, result)
  }

  /**
   * Measures the statistics of batch normalisation anew, on images such as the network will see, for `embed` and `export`, until the
   * next step: running statistics lag behind the weights, and are not those of an average of weights. They are the mean over chunks.
   * Training goes on as if this had not been called.
   *
   * @param images N images, as for `step`, or several such batches; some hundred images are enough.
   * @param options a signal.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where there is no image, or the network has no batch normalisation that is
   *   trained; ERR_FACENET_ABORTED.
   *
   * @example
   * ```ts
   * await trainer.recalibrate(images)
   * await trainer.export('model.safetensors')
   * ```
   */
  async recalibrate(
    images: Uint8Array | Pixels | Batches<Uint8Array | Pixels>,
    options: CallOptions = {},
  ): Promise<void> {
    const signal = this.#open.checkCall(options)
    await this.#open.measureStatistics(pixelsOf(images, this.inputSize), signal)
  }

  /**
   * Copies of tensors as they are trained, all at one moment. With `ema`, `average/<tensor>` is the average of one.
   *
   * @param names of tensors; all weights and statistics where it is left out.
   */
  async read(names?: readonly string[]): Promise<TrainerTensors> {
    this.#open.check()
    return (await this.#open.snapshot(names ? ({ name }) => names.includes(name) : isOfModel)).tensors
  }

  /**
   * Writes a checkpoint to go on from, which is a model file too. The file at `path` is replaced in one go and kept as
   * `<path>.previous`: whenever the process dies, a complete one is there. Steps may go on meanwhile and are not in it.
   * `state` is anything that JSON can hold, such as a sampler's position; `trainer.state` has it after `resume`.
   *
   * @param path of the checkpoint.
   * @param options the state to keep beside it.
   * @throws FaceNetError ERR_FACENET_IO where the disk refuses; the file that was there is as it was.
   */
  async save(path: string, options: { state?: unknown } = {}): Promise<void> {
    this.#open.check()
    checkOptions(options, 'options', ['state'])
    checkPath(path)
    const { state } = options
    const settings = this.settings
    const { tensors, counters } = await this.#open.snapshot(({ kind }) => kind !== 'gradient')
    await this.#open.write(() =>
      writeCheckpoint(path, { graph: this.graph, tensors, settings, counters, state, notes: this.#notes }),
    )
  }

  /**
   * Writes a model file for `openModel`, of the weights and statistics that `embed` uses.
   *
   * @param path of the file.
   * @returns what the file says about itself.
   * @throws FaceNetError ERR_FACENET_IO where the disk refuses.
   */
  async export(path: string): Promise<ModelMetadata> {
    this.#open.check()
    checkPath(path)
    const { tensors } = await this.#open.snapshot(isOfModel, 'readModel')
    return this.#open.write(() => writeModel(path, { graph: this.graph, tensors, ...this.#notes }))
  }

  async #restore(tensors: Tensors, counters: TrainerCounters): Promise<void> {
    await this.#open.run(undefined, (native) => writeState(native, tensors, counters))
    this.#steps = counters.steps
  }

  /** Frees what the trainer holds, once calls that are under way have ended. May be called more than once. */
  dispose(): void {
    void this.close()
  }

  /** The same, to be waited for: resolves when everything is freed and every file is written. */
  close(): Promise<void> {
    return this.#open.close()
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
