/** What a checkpoint holds of a trainer's options: all that the loss curve depends on. */
import type { LossSettings, OptimizerOptions } from '../../types/native.js'
import { checkLoss } from '../embeddings/losses.js'
import { type Strategy, strategies } from '../embeddings/triplets.js'
import { invalidArgument } from '../errors.js'
import { checkInteger, checkOneOf } from '../native/check_arguments.js'

/** Names of the optimisers. */
export const optimizerNames = ['sgd', 'momentum', 'adagrad', 'adam'] as const
/** Optimisers by name; formulas in `native/ops/optimizer.h`. */
export type OptimizerName = (typeof optimizerNames)[number]

/** Precisions that networks are trained in. */
export const trainingDTypes = ['f32', 'bf16'] as const
/** Precision of activations and their gradients under training. */
export type TrainingDType = (typeof trainingDTypes)[number]

/** What a checkpoint holds of the options: all that the curve depends on. */
export interface TrainingSettings {
  /** The optimiser with all its constants. */
  optimizer: OptimizerOptions
  /** Of the next step. */
  learningRate: number
  /** 0: gradients are not clipped. */
  clipNorm: number
  /** The loss with all its constants. */
  loss: LossSettings
  /** The paper's alpha. */
  margin: number
  /** Which triplets of a batch are learned from. */
  strategy: Strategy
  /** Layers or tensors that stay as they are. */
  frozen: readonly string[]
  /** How far a chunk moves the running statistics of batch normalisation, 0..1. */
  statisticsRate: number
  /** The most images that go forward and backward together. */
  chunk: number
  /** Bytes that the activations and gradients of a chunk may take; 0: the device's default. */
  memoryBytes: number
  /** Precision of activations and their gradients. */
  dtype: TrainingDType
  /** Decay of the moving average of the weights, below 1; 0: there is none. */
  ema: number
  /** Seed of the random weights. */
  seed: number
}

/** Checks what an option or a checkpoint says. */
export function checkSettings(settings: TrainingSettings): TrainingSettings {
  const { optimizer, frozen } = settings
  checkLearningRate(settings.learningRate)
  checkNumber(settings.clipNorm, 'options.clipNorm', 0)
  checkMargin(settings.margin)
  checkOneOf(settings.strategy, 'options.strategy', strategies)
  if (!Array.isArray(frozen) || frozen.some((name) => typeof name !== 'string')) {
    throw invalidArgument('options.frozen', 'an array of names', frozen)
  }
  checkNumber(settings.statisticsRate, 'options.statisticsRate', 0, 1)
  checkInteger(settings.chunk, 'options.chunk', 0, 65536)
  checkInteger(settings.memoryBytes, 'options.memoryBytes', 0)
  // Checkpoints of before have none of these.
  const loss = checkLoss(settings.loss ?? 'triplet')
  const dtype = checkOneOf(settings.dtype ?? 'f32', 'options.dtype', trainingDTypes)
  const ema = checkNumber(settings.ema ?? 0, 'options.ema', 0, 1 - 1e-9)
  checkInteger(settings.seed, 'options.seed', 0, 2 ** 32 - 1)
  checkOneOf(optimizer.kind, 'options.optimizer', optimizerNames)
  checkNumber(optimizer.momentum, 'options.optimizer.momentum', 0, 1)
  checkOneOf(optimizer.nesterov, 'options.optimizer.nesterov', [true, false])
  checkNumber(optimizer.initialAccumulator, 'options.optimizer.initialAccumulator', 0)
  checkNumber(optimizer.epsilon, 'options.optimizer.epsilon', 1e-30)
  checkNumber(optimizer.beta1, 'options.optimizer.beta1', 0, 1 - 1e-9)
  checkNumber(optimizer.beta2, 'options.optimizer.beta2', 0, 1 - 1e-9)
  checkNumber(optimizer.weightDecay, 'options.weightDecay', 0)
  checkOneOf(optimizer.decayAll, 'options.decayAll', [true, false])
  return { ...settings, loss, dtype, ema, frozen: [...frozen] }
}

export function checkLearningRate(value: unknown): number {
  const rate = checkNumber(value, 'learningRate', 0)
  if (!(Math.fround(rate) > 0)) throw invalidArgument('learningRate', 'a number above 0', value)
  return rate
}

/** The same as for `mineTriplets`. */
export function checkMargin(value: unknown): number {
  if (typeof value !== 'number' || !(Math.fround(value) > 0 && value <= 4)) {
    throw invalidArgument('options.margin', 'a number above 0 and at most 4', value)
  }
  return value
}

function checkNumber(value: unknown, name: string, least: number, most = 1e30): number {
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    const range = most === 1e30 ? `a finite number of at least ${least}` : `a number in ${least}..${most}`
    throw invalidArgument(name, range, value)
  }
  return value
}
