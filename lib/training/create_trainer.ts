/** How a trainer is made: from a network's name, from a model, or from a checkpoint. */
import type { Strategy } from '../embeddings/triplets.js'
import { invalidArgument, invalidModel } from '../errors.js'
import { type FileSource, isUrl, pathOf } from '../files/file_source.js'
import { describeGraph } from '../files/model/metadata.js'
import { weightSource } from '../files/model/tensor.js'
import type { ModelInMemory } from '../model/in_memory.js'
import { native, nativeCall } from '../native/addon.js'
import {
  checkNamed,
  checkOptions,
  checkSignal,
  checkThreads,
  type DevicePreference,
  throwIfAborted,
} from '../native/check_arguments.js'
import { checkDeviceIndex, resolveDevice } from '../native/devices.js'
import { readCheckpoint } from './checkpoint.js'
import { checkClassMemory, initialLossTensors } from './loss_tensors.js'
import { checkTrainerOptions, nativeOptions, refuseTripletOptions, type TrainerOptions } from './options.js'
import { checkSettings, type TrainingDType } from './settings.js'
import { startOf } from './start.js'
import { makeTrainer, restoreTrainer, type Trainer } from './trainer.js'
import type { CallOptions, Opening } from './trainer_calls.js'

/** Options of `createTrainer.resume`. */
export interface ResumeOptions extends CallOptions {
  /** The network that the checkpoint has to be of; any where there is no such option. `undefined` is an error. */
  network?: string
  /** From here on; what the checkpoint says where it is left out. */
  strategy?: Strategy
  /** The same. */
  dtype?: TrainingDType
  /**
   * What it is trained on.
   * @default 'auto'
   */
  device?: DevicePreference
  /** Which of several CUDA devices, by its number. The first that can be used where it is left out. */
  deviceIndex?: number
  /** CPU threads, 1..1024; every core where it is left out. */
  threads?: number
}

/** Makes a trainer; see the call and `resume`. */
export interface CreateTrainer {
  /**
   * Starts training a network by its name, with random weights, or goes on training a model. With `dimensions`, a model gets an
   * embedding of that size, whose last layer starts anew.
   *
   * @param source a network's name (`networks` lists them), a model file by path, `file:` URL or bytes, or a model in memory.
   * @param options how it learns, and where.
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for an option, ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID for the file,
   *   ERR_FACENET_CUDA_UNAVAILABLE where `cuda` is asked for and cannot be used, ERR_FACENET_CUDA_OOM where the network and a
   *   chunk do not fit on the device.
   *
   * @example
   * ```ts
   * await using trainer = await createTrainer('nns2', { dimensions: 128, learningRate: 0.05 })
   * const { loss } = await trainer.step(images, labels)
   * ```
   */
  (source: FileSource | ModelInMemory, options?: TrainerOptions): Promise<Trainer>
  /**
   * Goes on from a checkpoint that `trainer.save` wrote: with the same batches, the curve of the CPU is bit for bit that of
   * training that never stopped.
   *
   * @param path of the checkpoint, or its `file:` URL.
   * @param options what differs from here on.
   * @throws FaceNetError ERR_FACENET_IO or ERR_FACENET_MODEL_INVALID where the file cannot be read, is damaged, or is of another
   *   network than `options.network`; the message names the checkpoint before it where there is one.
   *
   * @example
   * ```ts
   * const trainer = await createTrainer.resume('run/checkpoint.safetensors')
   * ```
   */
  resume(path: string | URL, options?: ResumeOptions): Promise<Trainer>
}

async function create(source: FileSource | ModelInMemory, options: TrainerOptions = {}): Promise<Trainer> {
  const settings = checkTrainerOptions(options)
  const signal = checkSignal(options.signal)
  throwIfAborted(signal)
  const where = placeOf(options)
  const { graph, tensors, notes } = await startOf(source, options, settings.seed)
  const { dimensions } = describeGraph(graph)
  checkClassMemory(settings, dimensions)
  const all = new Map([...tensors, ...initialLossTensors(settings, dimensions)])
  return open({ graph, tensors: all, settings, notes, ...where, signal })
}

async function resume(checkpoint: string | URL, options: ResumeOptions = {}): Promise<Trainer> {
  const path = isUrl(checkpoint) ? pathOf(checkpoint, 'path') : checkpoint
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', 'the path of a checkpoint', path)
  checkOptions(options, 'options', ['network', 'strategy', 'dtype', 'device', 'deviceIndex', 'threads', 'signal'])
  checkNamed(options, 'network', 'the name of a network')
  const signal = checkSignal(options.signal)
  throwIfAborted(signal)
  const where = placeOf(options)
  const { graph, tensors, settings: saved, counters, state, notes } = await readCheckpoint(path)
  const { strategy = saved.strategy, dtype = saved.dtype } = options
  const settings = checkSettings({ ...saved, strategy, dtype })
  refuseTripletOptions({ strategy: options.strategy }, settings)
  if (options.network !== undefined && graph.name !== options.network.toLowerCase()) {
    throw invalidModel(`network of ${path}`, options.network, graph.name)
  }
  const trainer = await open({ graph, tensors, settings, notes, ...where, signal, state })
  await restoreTrainer(trainer, tensors, counters)
  return trainer
}

/** Makes a trainer, or goes on from a checkpoint; see `CreateTrainer`. */
export const createTrainer: CreateTrainer = Object.assign(create, { resume })

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
  return makeTrainer(opened, opening)
}
