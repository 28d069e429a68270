/** A network under training, as the addon has it. */
import type { Cancel, DeviceOptions } from './device.js'

/** Rows of the embeddings, three arrays of one length. */
export interface TripletIndices {
  anchors: Int32Array
  positives: Int32Array
  negatives: Int32Array
}

/** Formulas in `native/ops/optimizer.h`. Fields of other kinds are not read. */
export interface OptimizerOptions {
  /** Which optimiser. */
  kind: 'sgd' | 'momentum' | 'adagrad' | 'adam'
  /** momentum */
  momentum: number
  /** momentum: Nesterov's form. */
  nesterov: boolean
  /** adagrad */
  initialAccumulator: number
  /** adagrad, adam */
  epsilon: number
  /** adam */
  beta1: number
  /** adam */
  beta2: number
  /** L2: this times the weight is added to its gradient. */
  weightDecay: number
  /** Whether biases, slopes and the scales and shifts of norms decay too. */
  decayAll: boolean
}

/** A loss with the constants that it has; formulas in `native/ops/loss.h`. */
export interface LossSettings {
  /** Which loss. */
  kind: 'triplet' | 'nt-xent' | 'multi-similarity' | 'arcface' | 'cosface' | 'sphereface' | 'adaface' | 'proxy-anchor'
  /** Of a loss with classes: how many there are. */
  numClasses?: number
  /** arcface (degrees), cosface, sphereface, adaface, proxy-anchor */
  margin?: number
  /** arcface, cosface, sphereface, adaface */
  scale?: number
  /** multi-similarity, proxy-anchor */
  alpha?: number
  /** multi-similarity */
  beta?: number
  /** multi-similarity */
  base?: number
  /** multi-similarity */
  epsilon?: number
  /** nt-xent */
  temperature?: number
  /** adaface */
  h?: number
  /** adaface */
  tAlpha?: number
}

export interface TrainerOptions extends DeviceOptions {
  threads: number
  optimizer: OptimizerOptions
  margin: number
  strategy: 'all' | 'semi-hard' | 'hard'
  /** The triplet hinge where it is left out. A loss with classes reads the weight `loss/classes`, adaface `loss/lengths` too. */
  loss?: LossSettings
  /** Layers or tensors by name; `*` at the end stands for any ending. */
  frozen: readonly string[]
  /** How far one chunk moves the running statistics of batch normalisation, 0..1. */
  statisticsRate: number
  /** The most images that go forward and backward together; 0: as many as `memoryBytes` holds. */
  chunk: number
  /** What a chunk's activations and gradients may take; 0: the device's own. */
  memoryBytes: number
  /** Of activations and their gradients; f32 where it is left out. */
  dtype?: 'f32' | 'bf16'
  /** Of the moving average of the weights, below 1; 0, or left out: there is none. */
  averageDecay?: number
}

export interface StepOptions {
  learningRate: number
  /** Gradients of a larger L2 norm are scaled down to it; 0: never. */
  clipNorm: number
  /** Of the batch, to learn from; without: those that mining selects. */
  triplets?: TripletIndices
  /**
   * Embeddings that those of the batch are to come close to, labels.length x dimensions, and the weight of that loss, above 0 and at
   * most 1; the other loss has the rest, and is not computed for 1. `directions`: of either only the direction counts.
   */
  teacher?: { embeddings: Float32Array; weight: number; directions?: boolean }
}

/** What a training step did. */
export interface StepReport {
  /** Calls of `step` that have ended so far, this one included. */
  step: number
  /** Sum of the triplets' hinges; of another loss, the loss times its terms. */
  lossSum: number
  /** Triplets that were learned from; of another loss, its terms: rows of the batch, or pairs. */
  triplets: number
  /** Triplets whose hinge is above zero; of a loss with classes, rows to which another class is as near as their own. */
  active: number
  /** Mean squared distance of the triplets' anchors and positives; 0 without triplets. Of another loss, to class or positives. */
  meanPositive: number
  /** The same of anchors and negatives; of another loss, to the nearest other class or negative. */
  meanNegative: number
  /** Mean squared distance to the teacher's embeddings, where there were any. */
  teacherLoss?: number
  /** L2 norm, before clipping, of the gradient of the mean loss with respect to all trained weights. */
  gradientNorm: number
  /** Images in each chunk; batch normalisation has its statistics from these. */
  chunks: number[]
  /** There was no triplet, no teacher, and nothing to compare, so nothing has changed. */
  skipped: boolean
  /** How long each part of the step took. */
  seconds: { forward: number; mining: number; backward: number; optimizer: number }
}

/** A tensor that a trainer holds. */
export interface TrainerTensor {
  /**
   * The model's name of it; `loss/classes` and `loss/lengths` of the loss; `optimizer/<slot>/<weight>` and `gradient/<weight>`
   * of what belongs to a weight, and `average/<tensor>` of a weight's or statistic's moving average.
   */
  name: string
  /** Its extents, the slowest first. */
  shape: number[]
  /** What it is to the network or to its optimiser. */
  kind: 'weight' | 'statistic' | 'optimizer' | 'gradient' | 'loss' | 'average'
  /** Weights that are not trained. */
  frozen: boolean
}

/** What is executed in a training step. */
export interface TrainingPlanReport {
  /** Layers of the backward steps, in the order in which they run. */
  backward: { layers: string[]; weights: boolean }[]
  /** Bytes per image of the activations that are kept for the backward steps. */
  keptBytes: number
  /** Bytes per image of the gradients of activations, at their peak. */
  gradientBytes: number
  /** Images that go forward and backward together. */
  chunk: number
  /** Forward and backward as printable lines. */
  text: string
}

/**
 * A network under training. Calls run one after the other on the environment's worker. A step that
 * fails or is cancelled leaves weights, statistics and optimiser as they were.
 */
export interface NativeTrainer {
  readonly dimensions: number
  readonly plan: TrainingPlanReport
  /** How each forward step and its backward are executed, one string a step. */
  readonly kernels: string[]
  readonly tensors: readonly TrainerTensor[]
  /** Native bytes held: weights, gradients, optimiser, activations, scratch. */
  readonly memoryBytes: number
  /**
   * One optimiser step on labels.length images. ERR_FACENET_NOT_FINITE names the step and the first
   * layer where NaN or infinity turns up.
   */
  step(images: Uint8Array | Float32Array, labels: Int32Array, options: StepOptions, cancel: Cancel): Promise<StepReport>
  /** The same without the optimiser: the gradient of the mean hinge is left in the tensors `gradient/<weight>`. */
  gradient(images: Uint8Array | Float32Array, labels: Int32Array, cancel: Cancel): Promise<StepReport>
  /**
   * A step of several processes that have the same weights and a part of the batch each. Writes the embeddings of this part, count x
   * dimensions, to `out`. Weights and statistics are as before until `update`.
   */
  embedPart(images: Uint8Array | Float32Array, count: number, out: Float32Array, cancel: Cancel): Promise<void>
  /**
   * After `embedPart`: the share of these images, rows `first`.. of the whole batch's embeddings and labels, in the gradient of its loss
   * is left in the tensors `gradient/<weight>`, for the caller to add those of the other processes. That of class weights is whole, and
   * the part's with row 0 alone.
   */
  learnPart(
    images: Uint8Array | Float32Array,
    count: number,
    embeddings: Float32Array,
    labels: Int32Array,
    first: number,
    cancel: Cancel,
  ): Promise<void>
  /** After `learnPart`: one optimiser step with the gradients as they are. `options.triplets` is not read. */
  update(options: StepOptions): Promise<StepReport>
  /** Forgets a step that `update` did not end. */
  abandon(): Promise<void>
  /**
   * Embeddings as the model will give them when it is used: by the moving average where there is one, and batch normalisation by
   * statistics. `trained`: by the weights and running statistics that steps go on from.
   */
  embed(
    images: Uint8Array | Float32Array,
    count: number,
    out: Float32Array,
    cancel: Cancel,
    trained?: boolean,
  ): Promise<void>
  /**
   * Measures the statistics of batch normalisation for the model, on these images alone (`anew`) or on those of earlier calls too.
   * Steps go on from what they had; the next one forgets what was measured.
   */
  measureStatistics(images: Uint8Array | Float32Array, count: number, anew: boolean, cancel: Cancel): Promise<void>
  /** Copies tensors to `out`, which is written in place, all at one moment between steps. Resolves to the trainer's counters then. */
  read(names: readonly string[], out: Float32Array[]): Promise<TrainerCounters>
  /** The same for weights and statistics as the model has them. */
  readModel(names: readonly string[], out: Float32Array[]): Promise<TrainerCounters>
  /** The other way round. */
  write(names: readonly string[], values: Float32Array[], counters?: TrainerCounters): Promise<void>
  /** Idempotent. Work in flight finishes first. */
  dispose(): void
}

export interface TrainerCounters {
  /** Calls of `step` that have ended. */
  steps: number
  /** Those that changed the weights. */
  updates: number
}
