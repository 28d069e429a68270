/** What a trainer can be told, checked and filled in. */
import type { LossSettings, TrainerOptions as NativeOptions, OptimizerOptions } from '../../types/native.js'
import type { NetworkOptions } from '../convert/networks/index.js'
import type { LossName, LossOptions } from '../embeddings/losses.js'
import type { Strategy } from '../embeddings/triplets.js'
import { invalidArgument } from '../errors.js'
import { checkInteger, checkOneOf, checkOptions, type DevicePreference } from '../native/check_arguments.js'
import {
  checkSettings,
  type OptimizerName,
  optimizerNames,
  type TrainingDType,
  type TrainingSettings,
} from './settings.js'

/** An optimiser with its constants; formulas in `native/ops/optimizer.h`. */
export interface OptimizerSettings {
  /** Which optimiser. */
  kind: OptimizerName
  /**
   * `momentum`: the share of the last step that goes on, 0..1.
   * @default 0.9
   */
  momentum?: number
  /**
   * `momentum`: Nesterov's form.
   * @default false
   */
  nesterov?: boolean
  /**
   * `adagrad`: what the sum of squared gradients starts with, at least 0. The first step of a weight is the
   * learning rate times g / sqrt(this + g²): from 0 every weight would at first move by the whole learning rate.
   * @default 0.1
   */
  initialAccumulator?: number
  /**
   * `adagrad`, `adam`: above 0, keeps the root from zero.
   * @default 1e-10 and 1e-8
   */
  epsilon?: number
  /**
   * `adam`: decay of the mean of gradients, 0..1.
   * @default 0.9
   */
  beta1?: number
  /**
   * `adam`: the same for the squares.
   * @default 0.999
   */
  beta2?: number
}

/** Options of `createTrainer`. */
export interface TrainerOptions extends NetworkOptions {
  /**
   * The optimiser, by name or with its constants.
   * @default `adagrad`, as in the paper
   */
  optimizer?: OptimizerName | OptimizerSettings
  /**
   * Of the first step, above 0; `trainer.learningRate` can be changed between steps.
   * @default 0.05, as in the paper
   */
  learningRate?: number
  /**
   * L2: this times a weight is added to its gradient. At least 0.
   * @default 0
   */
  weightDecay?: number
  /**
   * Whether biases, slopes, and scales and shifts of norms decay too.
   * @default false
   */
  decayAll?: boolean
  /**
   * A gradient whose L2 norm over all trained weights is larger is scaled down to it. Above 0.
   * @default never
   */
  clipNorm?: number
  /**
   * What is minimised, by name or with its constants. Losses with classes (`arcface`, `cosface`, `sphereface`, `adaface`,
   * `proxy-anchor`) need `numClasses`, and labels of 0..numClasses-1; the weights of their classes are trained with the network,
   * kept in checkpoints, and not part of the model. Losses other than `triplet` are computed on the CPU only.
   * @default `triplet`, as in the paper
   */
  loss?: LossName | LossOptions
  /**
   * Of `triplet`: the paper's alpha, above 0 and at most 4.
   * @default 0.2
   */
  margin?: number
  /**
   * Of `triplet`: which triplets of a batch are learned from; see `mineTriplets`.
   * @default `semi-hard`
   */
  strategy?: Strategy
  /** Layers or tensors that stay as they are, by name; `*` at the end stands for any ending. A frozen batch normalisation uses its running statistics. */
  frozen?: readonly string[]
  /**
   * How far a chunk moves the running statistics of batch normalisation: running += rate * (batch - running). 0..1.
   * @default 0.1
   */
  statisticsRate?: number
  /**
   * The most images that go forward and backward together, 1..65536.
   * @default as many as `memoryBytes` holds, at most 64, on CUDA 256
   */
  chunk?: number
  /**
   * What the activations and gradients of a chunk may take.
   * @default 1 GiB; on CUDA half of what is free, at most 16 GiB
   */
  memoryBytes?: number
  /** `auto` where it is left out: CUDA where it can be used, else the CPU. */
  device?: DevicePreference
  /**
   * Which of several CUDA devices, by its number.
   * @default the first that can be used
   */
  deviceIndex?: number
  /**
   * `bf16`: activations and their gradients on CUDA; on the CPU what convolutions multiply, where the processor has instructions
   * for it (AVX-512 bf16, AMX) and the addon has oneDNN, else nothing. Sums, weights, their gradients, the optimiser's state
   * and embeddings are `f32` in either.
   * @default `f32`
   */
  dtype?: TrainingDType
  /**
   * Decay of a moving average of the weights, such as 0.999; below 1. The average, and not the weights of the last step, is then
   * what `embed` and `export` give. It starts as min(ema, (1 + updates) / (10 + updates)), costs one pass over the weights per step,
   * and is kept in checkpoints.
   * @default no average
   */
  ema?: number
  /** CPU threads, 1..1024; every core where it is left out. The result does not depend on them. */
  threads?: number
  /**
   * Of random weights, 0..2^32-1.
   * @default 0
   */
  seed?: number
  /**
   * The template that the images were aligned to, for the model file.
   * @default that of the model trained from, else `none`
   */
  alignment?: string
  /** Aborts opening with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

const networkOptions = ['dimensions', 'batchNorm', 'norm', 'l2Pool'] as const
const trainerOptions = [
  ...networkOptions,
  'optimizer',
  'learningRate',
  'weightDecay',
  'decayAll',
  'clipNorm',
  'loss',
  'margin',
  'strategy',
  'frozen',
  'statisticsRate',
  'chunk',
  'memoryBytes',
  'device',
  'deviceIndex',
  'dtype',
  'ema',
  'threads',
  'seed',
  'alignment',
  'signal',
]

export function checkTrainerOptions(options: TrainerOptions): TrainingSettings {
  checkOptions(options, 'options', trainerOptions)
  if (options.memoryBytes !== undefined) checkInteger(options.memoryBytes, 'options.memoryBytes', 1)
  const settings = checkSettings({
    optimizer: checkOptimizer(options),
    learningRate: options.learningRate ?? 0.05,
    clipNorm: options.clipNorm ?? 0,
    loss: options.loss === undefined ? { kind: 'triplet' } : (options.loss as LossSettings),
    margin: options.margin ?? 0.2,
    strategy: options.strategy ?? 'semi-hard',
    frozen: options.frozen ?? [],
    statisticsRate: options.statisticsRate ?? 0.1,
    chunk: options.chunk === undefined ? 0 : checkInteger(options.chunk, 'options.chunk', 1, 65536),
    memoryBytes: options.memoryBytes ?? 0,
    dtype: options.dtype ?? 'f32',
    ema: options.ema ?? 0,
    seed: options.seed ?? 0,
  })
  refuseTripletOptions(options, settings)
  return settings
}

/** Throws where an option that only triplets have is given for another loss, which would ignore it. */
export function refuseTripletOptions(options: object, { loss: { kind } }: TrainingSettings): void {
  if (kind === 'triplet') return
  for (const name of ['margin', 'strategy', 'triplets'] as const) {
    const value = (options as Record<string, unknown>)[name]
    const instead = name === 'margin' ? '; its own margin, if it has one, is options.loss.margin' : ''
    if (value !== undefined)
      throw invalidArgument(`options.${name}`, `nothing: ${kind} has no triplets${instead}`, value)
  }
}

/** The network's own options among the trainer's. */
export function networkOptionsOf(options: TrainerOptions): NetworkOptions {
  return Object.fromEntries(networkOptions.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])))
}

/** Where a trainer runs. */
export interface Place {
  device: NativeOptions['device']
  deviceIndex?: number
  threads: number
}

/** Checks that the device trains in the type that is asked for. */
export function nativeOptions(settings: TrainingSettings, place: Place): NativeOptions {
  const { optimizer, loss, margin, strategy, frozen, statisticsRate, chunk, memoryBytes, dtype, ema } = settings
  if (dtype !== 'f32' && place.device === 'reference')
    throw invalidArgument('options.dtype', 'f32, the only one that the reference trains in', dtype)
  return {
    ...place,
    optimizer,
    loss,
    margin,
    strategy,
    frozen,
    statisticsRate,
    chunk,
    memoryBytes,
    dtype,
    averageDecay: ema,
  }
}

function checkOptimizer({
  optimizer = 'adagrad',
  weightDecay = 0,
  decayAll = false,
}: TrainerOptions): OptimizerOptions {
  const given: OptimizerSettings = typeof optimizer === 'string' ? { kind: optimizer } : optimizer
  const constants = ['kind', 'momentum', 'nesterov', 'initialAccumulator', 'epsilon', 'beta1', 'beta2']
  checkOptions(given, 'options.optimizer', constants)
  const kind = checkOneOf(given.kind, 'options.optimizer', optimizerNames)
  return {
    kind,
    momentum: given.momentum ?? 0.9,
    nesterov: given.nesterov ?? false,
    initialAccumulator: given.initialAccumulator ?? 0.1,
    epsilon: given.epsilon ?? (kind === 'adagrad' ? 1e-10 : 1e-8),
    beta1: given.beta1 ?? 0.9,
    beta2: given.beta2 ?? 0.999,
    weightDecay,
    decayAll,
  }
}
