/** Losses of labelled embeddings, beside the triplet hinge; formulas and sources in `native/ops/loss.h`. */
import type { LossSettings } from '../../types/native.js'
import { invalidArgument } from '../errors.js'
import { native } from '../native/addon.js'
import { checkFloats, checkInteger, checkOneOf, checkOptions } from '../native/check_arguments.js'
import { enqueueCall } from '../native/queue.js'
import { checkFinite, checkRowPlace, type ForEmbeddings, type RowOptions, rowOptionNames } from './check_rows.js'
import { checkEmbeddings, type EmbeddingRows, type Embeddings, optionsFor } from './embeddings.js'
import { checkLabels } from './labels.js'

type Constant = Exclude<keyof LossSettings, 'kind' | 'numClasses'>

/** The constants of each loss, with their defaults in pytorch-metric-learning; adaface has those of its authors. */
const constantsOf = {
  triplet: {},
  'nt-xent': { temperature: 0.07 },
  'multi-similarity': { alpha: 2, beta: 50, base: 0.5, epsilon: 0.1 },
  arcface: { margin: 28.6, scale: 64 },
  cosface: { margin: 0.35, scale: 64 },
  sphereface: { margin: 4, scale: 1 },
  adaface: { margin: 0.4, scale: 64, h: 0.333, tAlpha: 0.01 },
  'proxy-anchor': { margin: 0.1, alpha: 32 },
} as const satisfies Record<string, Partial<Record<Constant, number>>>

/** Losses by name. */
export type LossName = keyof typeof constantsOf
/** Names of the losses that networks are trained by. */
export const lossNames = Object.keys(constantsOf) as LossName[]

/** A loss with its constants; those that are left out are as in pytorch-metric-learning. Each loss takes its own. */
export interface LossOptions {
  /**
   * `triplet`: the paper's, on triplets that are selected by a strategy. `arcface`, `cosface`, `sphereface`, `adaface`: a softmax
   * over classes, whose weights are trained too. `proxy-anchor`: pulls rows to their class's proxy. `nt-xent` (InfoNCE) and
   * `multi-similarity`: all pairs of a batch.
   */
  kind: LossName
  /** Of the losses that have classes: labels are 0..numClasses-1. */
  numClasses?: number
  /**
   * `arcface`: degrees that are added to the angle to the own class, 0..180. `cosface`: what is taken off the cosine, 0..2.
   * `sphereface`: what the angle is multiplied by, a whole number 1..16. `adaface`: 0..1. `proxy-anchor`: 0..2.
   * @default 28.6, 0.35, 4, 0.4, 0.1
   */
  margin?: number
  /**
   * What cosines are multiplied by before the softmax, above 0.
   * @default 64; `sphereface` 1, times the embedding's length
   */
  scale?: number
  /**
   * `multi-similarity`: sharpness among positives; `proxy-anchor`: of both. Above 0.
   * @default 2 and 32
   */
  alpha?: number
  /**
   * `multi-similarity`: sharpness among negatives, above 0.
   * @default 50
   */
  beta?: number
  /**
   * `multi-similarity`: the cosine that pairs are compared with, -1..1.
   * @default 0.5
   */
  base?: number
  /**
   * `multi-similarity`: how far, as a cosine, a pair may be on the right side and still count, 0..2; 2 takes all pairs.
   * @default 0.1
   */
  epsilon?: number
  /**
   * `nt-xent`: what cosines are divided by, above 0.
   * @default 0.07
   */
  temperature?: number
  /**
   * `adaface`: how much the embedding's length, as a measure of the image's quality, changes the margin. Above 0.
   * @default 0.333
   */
  h?: number
  /**
   * `adaface`: how far a batch moves the running mean and deviation of lengths, above 0 and at most 1.
   * @default 0.01
   */
  tAlpha?: number
}

const classLosses: readonly LossName[] = ['arcface', 'cosface', 'sphereface', 'adaface', 'proxy-anchor']
/** Whether a loss has a class for each person, with weights that are trained. */
export const hasClasses = (kind: LossName): boolean => classLosses.includes(kind)

const margins: Partial<Record<LossName, [least: number, most: number]>> = {
  arcface: [0, 180],
  cosface: [0, 2],
  sphereface: [1, 16],
  adaface: [0, 1],
  'proxy-anchor': [0, 2],
}

/** Checks a loss and fills in its defaults. */
export function checkLoss(value: unknown, name = 'options.loss'): LossSettings {
  const given = (typeof value === 'string' ? { kind: value } : value) as LossOptions
  checkOptions(given, name, ['kind', 'numClasses', ...allConstants])
  const kind = checkOneOf(given.kind, typeof value === 'string' ? name : `${name}.kind`, lossNames)
  const defaults: Partial<Record<Constant, number>> = constantsOf[kind]
  const own = [...(hasClasses(kind) ? ['numClasses'] : []), ...Object.keys(defaults)]
  const foreign = Object.entries(given).find(([key, v]) => v !== undefined && key !== 'kind' && !own.includes(key))
  if (foreign) {
    const takes = own.length > 0 ? `an option of ${kind}: ${own.join(', ')}` : `nothing: ${kind} takes no options`
    throw invalidArgument(`${name}.${foreign[0]}`, takes, foreign[1])
  }
  const constants = Object.fromEntries(
    Object.entries(defaults).map(([key, fallback]) => [
      key,
      checkConstant(kind, key as Constant, given[key as Constant] ?? fallback, `${name}.${key}`),
    ]),
  )
  if (!hasClasses(kind)) return { kind, ...constants }
  if (given.numClasses === undefined) {
    throw invalidArgument(
      `${name}.numClasses`,
      `how many people there are, which ${kind} has a class for each of`,
      undefined,
    )
  }
  return { kind, numClasses: checkInteger(given.numClasses, `${name}.numClasses`, 1, 2 ** 31 - 1), ...constants }
}

const allConstants = ['margin', 'scale', 'alpha', 'beta', 'base', 'epsilon', 'temperature', 'h', 'tAlpha'] as const

function checkConstant(kind: LossName, key: Constant, value: unknown, name: string): number {
  const ranges: Partial<Record<Constant, [least: number, most: number]>> = { base: [-1, 1], epsilon: [0, 2] }
  const range = key === 'margin' ? margins[kind] : ranges[key]
  if (kind === 'sphereface' && key === 'margin') return checkInteger(value, name, 1, 16)
  const most = key === 'tAlpha' ? 1 : 1e6
  if (range) {
    if (typeof value !== 'number' || !(value >= range[0] && value <= range[1])) {
      throw invalidArgument(name, `a number in ${range[0]}..${range[1]}`, value)
    }
  } else if (typeof value !== 'number' || !(value >= 1e-6 && value <= most)) {
    throw invalidArgument(name, `a number above 0 and at most ${most}`, value)
  }
  return value as number
}

/** Options of `embeddingLoss`. */
export interface EmbeddingLossOptions extends RowOptions {
  /** Any loss but `triplet`, which is `tripletLoss`. */
  loss: LossName | LossOptions
  /** Weights of the classes, numClasses x dimensions, where the loss has classes. */
  classes?: Float32Array
}

/** What `embeddingLoss` resolves to. */
export interface EmbeddingLoss {
  /** The mean over terms; 0 without any. */
  loss: number
  /** n x dimensions: the derivative of `loss` with respect to every embedding. */
  gradient: Float32Array
  /** numClasses x dimensions: the same with respect to the weights of the classes. Empty for losses without classes. */
  classGradient: Float32Array
  /** Rows, or for `nt-xent` pairs. */
  terms: number
  /** Rows that are as near to another class as to their own; for losses of pairs and proxies, rows and proxies that learn. */
  active: number
  /** Mean squared distance, on the unit sphere, of rows to their class or to the rows of their label. */
  meanPositive: number
  /** The same to the nearest other class, or row of another label. */
  meanNegative: number
}

/**
 * A loss over labelled embeddings and its gradients. Rows need not be of unit length: the loss normalises them. `adaface` judges
 * lengths by statistics that start as its authors have them and move by this batch alone.
 *
 * @param embeddings n rows: `Embeddings`, or a Float32Array with `options.dimensions`.
 * @param labels n 32-bit integers that say whose face each is; with classes, 0..numClasses-1.
 * @param options the loss, and the weights of its classes; `dimensions` for a bare array.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_CUDA_UNAVAILABLE, ERR_FACENET_ABORTED
 *
 * @example
 * ```ts
 * const loss = { kind: 'arcface', numClasses: 2, scale: 30 } as const
 * const classes = Float32Array.of(1, 0, 0, 1)
 * const { gradient } = await embeddingLoss(Float32Array.of(0.6, 0.8), [1], { dimensions: 2, loss, classes })
 * ```
 */
export function embeddingLoss(
  embeddings: Embeddings,
  labels: Int32Array | readonly number[],
  options: ForEmbeddings<EmbeddingLossOptions>,
): Promise<EmbeddingLoss>
export function embeddingLoss(
  embeddings: Float32Array,
  labels: Int32Array | readonly number[],
  options: EmbeddingLossOptions,
): Promise<EmbeddingLoss>
export async function embeddingLoss(
  embeddings: EmbeddingRows,
  labels: Int32Array | readonly number[],
  given: ForEmbeddings<EmbeddingLossOptions>,
): Promise<EmbeddingLoss> {
  const options = optionsFor(given, embeddings)
  checkOptions(options, 'options', [...rowOptionNames, 'loss', 'classes'])
  const { data, rows, dimensions } = checkEmbeddings(embeddings, 'embeddings', options.dimensions)
  const { signal, ...place } = checkRowPlace(options)
  const loss = checkLoss(options.loss)
  if (loss.kind === 'triplet') throw invalidArgument('options.loss', 'another loss: tripletLoss computes it', 'triplet')
  const labelOf = checkLabels(labels, rows, 'row of embeddings')
  const classes = checkClasses(options.classes, loss, dimensions)
  const [gradient, classGradient] = [new Float32Array(data.length), new Float32Array(classes?.length ?? 0)]
  const settings = { ...place, dimensions, loss, ...(classes && { classes }) }
  const found = await enqueueCall(signal, (cancel) =>
    native().embeddingLoss(data, labelOf, settings, gradient, classGradient, cancel),
  )
  return { ...found, gradient, classGradient }
}

function checkClasses(classes: unknown, { kind, numClasses }: LossSettings, dimensions: number) {
  if (numClasses === undefined) {
    if (classes !== undefined) throw invalidArgument('options.classes', `nothing: ${kind} has no classes`, classes)
    return undefined
  }
  const expected = `a Float32Array of ${numClasses * dimensions}, ${numClasses} classes x ${dimensions}`
  const weights = checkFloats(classes, 'options.classes', expected)
  if (weights.length !== numClasses * dimensions) throw invalidArgument('options.classes', expected, weights)
  checkFinite(weights, 'options.classes', dimensions)
  return weights
}
