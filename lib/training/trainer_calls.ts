/** What a trainer is made of, and what its calls take and give. */
import type { GraphDescription } from '../../types/graph.js'
import type { StepOptions, StepReport } from '../../types/native.js'
import { checkFinite } from '../embeddings/check_rows.js'
import { checkLabels } from '../embeddings/labels.js'
import type { Triplets } from '../embeddings/triplets.js'
import { invalidArgument } from '../errors.js'
import type { ModelNotes } from '../files/model/metadata.js'
import type { Tensors } from '../files/model/tensor.js'
import type { Size } from '../images/geometry.js'
import { checkPixels, type Pixels } from '../model/pixels.js'
import { checkFloats, checkOptions } from '../native/check_arguments.js'
import type { Device } from '../native/devices.js'
import type { TrainingSettings } from './settings.js'
import { checkTeacherWeight } from './teacher.js'

/** What a step did. `skipped`: the batch had no triplet, no teacher, and nothing to compare, and nothing has changed. */
export interface StepResult extends StepReport {
  /** Mean hinge of the triplets, or the value of another loss, which is what is minimised; 0 where there is nothing to learn from. With a teacher, the weighted sum. */
  loss: number
}

/** What calls of a trainer take. */
export interface CallOptions {
  /** Rejects with ERR_FACENET_ABORTED; it is looked at between layers. A step leaves everything as it was. */
  signal?: AbortSignal
}

/** Options of `trainer.embed`. */
export interface TrainerEmbedOptions extends CallOptions {
  /** N x dimensions floats to write to, instead of a new array. */
  out?: Float32Array
  /**
   * By the weights and statistics that the next step goes on from, even where the model is made of others.
   * @default false
   */
  trained?: boolean
}

/** Tensors of a trainer by their names, as `trainer.read` copies them. */
export type TrainerTensors = Map<string, { shape: number[]; data: Float32Array }>

/** Options of `trainer.step`. */
export interface StepCallOptions extends CallOptions {
  /**
   * Images of the batch to learn from, as `mineTriplets` gives them: anchor and positive are two images of one label, the
   * negative has another. None at all skips the step. Default: those that the strategy selects in the batch.
   */
  triplets?: Triplets
  /** Embeddings that those of the batch are to come close to, such as another model's of the same images. Default: none. */
  teacher?: Teaching
}

/** What a teacher makes of a batch. */
export interface Teaching {
  /** N x dimensions floats, as the teacher gives them for the same images. */
  embeddings: Float32Array
  /**
   * What is minimised is this times the mean squared distance to the teacher's embeddings, and the rest of 1 times the loss. Above 0;
   * with 1 the loss is not computed, and labels do not matter. `sphereface` and `adaface`, which judge lengths, are compared by
   * direction alone.
   * @default 1
   */
  weight?: number
}

/** What a trainer is made of. */
export interface Opening {
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

export function withLoss(report: StepReport, weight = 0): StepResult {
  const own = report.triplets === 0 ? 0 : report.lossSum / report.triplets
  return { ...report, loss: weight === 0 ? own : (1 - weight) * own + weight * report.teacherLoss! }
}

/** What the addon is told of a teacher. */
export function checkTeaching(
  { teacher }: StepCallOptions,
  { loss: { kind } }: TrainingSettings,
  count: number,
  dimensions: number,
): StepOptions['teacher'] {
  if (teacher === undefined) return undefined
  checkOptions(teacher, 'options.teacher', ['embeddings', 'weight'])
  const expected = `a Float32Array of ${count * dimensions}, ${count} images x ${dimensions}`
  const embeddings = checkFloats(teacher.embeddings, 'options.teacher.embeddings', expected)
  if (embeddings.length !== count * dimensions)
    throw invalidArgument('options.teacher.embeddings', expected, embeddings)
  checkFinite(embeddings, 'options.teacher.embeddings', dimensions)
  const weight = checkTeacherWeight(teacher.weight ?? 1, 'options.teacher.weight')
  return { embeddings, weight, directions: kind === 'sphereface' || kind === 'adaface' }
}

export function checkBatch(
  images: unknown,
  labels: unknown,
  inputSize: Size,
): { data: Uint8Array; labelOf: Int32Array } {
  const { data, count } = checkPixels(images, inputSize)
  if (count === 0) throw invalidArgument('images', 'at least one image', images)
  return { data, labelOf: checkLabels(labels, count, 'image') }
}

export function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', 'the path of a file', path)
}

/** Several of something, one after the other. */
export type Batches<T> = AsyncIterable<T> | Iterable<T>

/** The images of one batch or of several, empty ones left out. */
export async function* pixelsOf(images: Uint8Array | Pixels | Batches<Uint8Array | Pixels>, inputSize: Size) {
  for await (const batch of areBatches(images) ? images : [images]) {
    const { data, count } = checkPixels(batch, inputSize)
    if (count > 0) yield { data, count }
  }
}

/** The pixels of one batch are bytes, or an object with bytes. */
function areBatches<T>(images: T | Batches<T>): images is Batches<T> {
  const given: unknown = images
  if (typeof given !== 'object' || given === null || ArrayBuffer.isView(given)) return false
  return Symbol.asyncIterator in given || Symbol.iterator in given
}
