/** What a run's checkpoint holds beside the trainer's own: how it is trained, and how far it is. */
import * as v from 'valibot'
import { invalidModel } from '../errors.js'
import type { TeacherSettings } from './teacher.js'

/**
 * Where triplets are selected: `online` in each batch, or `offline` among a larger set of faces, every so many steps.
 */
export const selections = ['online', 'offline'] as const
/** What a run does when the embedding has collapsed to nearly one point. */
export const collapseActions = ['warn', 'lower-rate', 'switch-strategy'] as const

/** How a run trains. */
export interface LoopSettings {
  /** Digest of the images' names: a run goes on with the same images only. */
  data: string
  /** Seed of sampling, augmentation and offline selection, 0..2^32-1. */
  seed: number
  /** People per batch. */
  identitiesPerBatch: number
  /** Faces per person and batch, at most. */
  facesPerIdentity: number
  /** Faces of other people per batch. */
  negatives: number
  /** Where triplets are selected: in each batch, or every `selectEvery` steps among `selectFrom` faces. */
  selection: (typeof selections)[number]
  /** Offline selection: steps from one selection to the next. */
  selectEvery: number
  /** Offline selection: faces that are embedded and selected among. */
  selectFrom: number
  /** What is changed about the images at random; see `AugmentOptions`. */
  augmentation: { crop: boolean; flip: boolean; colour: number; jpeg: number }
  /** Border around the network's input, for random crops, as a share of the input's size. */
  border: number
  /** The template that faces are aligned to; null: images are taken whole. */
  template: string | null
  /** Pixels around the template in images that are aligned already. */
  templateBorder: number
  /** The learning rate before the schedule changes it, above 0. */
  learningRate: number
  /** How the learning rate changes, as `parseSchedule` reads it. */
  schedule: string
  /** Total steps. */
  steps: number
  /** Faces that the statistics of batch normalisation are measured on before a model is judged or written; 0: as they ran along. */
  recalibrate?: number
  /** Steps from one checkpoint to the next. */
  checkpointEvery: number
  /** Steps from one validation to the next. */
  validateEvery: number
  /** Validations without a better one that end the run; 0: none do. */
  patience: number
  /** The model that is learned from; null or left out: none. */
  teacher?: TeacherSettings | null
  /** What is done when the embedding has collapsed. */
  onCollapse: (typeof collapseActions)[number]
}

/** How far a run is. */
export interface LoopState {
  /** Batches taken so far. */
  batches: number
  /** Seconds spent in steps so far; validation and checkpoints are not counted. */
  seconds: number
  /** Batches without a triplet so far. */
  skipped: number
  /** Batches without a triplet since the last one that had some. */
  skippedInRow: number
  /** What the collapse guard multiplies the learning rate by. */
  rateFactor: number
  /** Looks of the collapse guard in a row that found a sign of collapse. */
  suspicious: number
  /** Sums over the steps since the last look of the collapse guard. */
  recent: { steps: number; loss: number; activeShare: number }
  /** The best validation so far. */
  best: { accuracy: number; step: number } | null
  /** Validations since the best one. */
  sinceBest: number
  /** The last offline selection: its number, and the faces of its triplets. */
  selected: { round: number; faces: number[] } | null
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const figure = v.pipe(v.number(), v.finite())

const settingsSchema: v.GenericSchema<unknown, LoopSettings> = v.object({
  data: v.string(),
  seed: count,
  identitiesPerBatch: count,
  facesPerIdentity: count,
  negatives: count,
  selection: v.optional(v.picklist(selections), 'online'),
  selectEvery: v.optional(count, 0),
  selectFrom: v.optional(count, 0),
  augmentation: v.object({ crop: v.boolean(), flip: v.boolean(), colour: figure, jpeg: figure }),
  border: figure,
  template: v.nullable(v.string()),
  templateBorder: figure,
  learningRate: figure,
  schedule: v.string(),
  steps: count,
  recalibrate: v.optional(count, 0),
  checkpointEvery: count,
  validateEvery: count,
  patience: count,
  teacher: v.optional(
    v.nullable(v.object({ path: v.string(), fingerprint: v.string(), weight: figure, resize: v.boolean() })),
    null,
  ),
  onCollapse: v.picklist(collapseActions),
})

const stateSchema: v.GenericSchema<unknown, LoopState> = v.object({
  batches: count,
  seconds: figure,
  skipped: count,
  skippedInRow: count,
  rateFactor: figure,
  suspicious: count,
  recent: v.object({ steps: count, loss: figure, activeShare: figure }),
  best: v.nullable(v.object({ accuracy: figure, step: count })),
  sinceBest: count,
  selected: v.optional(v.nullable(v.object({ round: count, faces: v.array(count) })), null),
})

const schema = v.object({ version: v.literal(1), settings: settingsSchema, state: stateSchema })

/**
 * The state of a run that has not begun.
 *
 * @returns a new object, which the loop changes as it goes.
 *
 * @example
 * ```ts
 * const state = firstState()
 * ```
 */
export const firstState = (): LoopState => ({
  batches: 0,
  seconds: 0,
  skipped: 0,
  skippedInRow: 0,
  rateFactor: 1,
  suspicious: 0,
  recent: { steps: 0, loss: 0, activeShare: 0 },
  best: null,
  sinceBest: 0,
  selected: null,
})

/**
 * Reads the settings and the state of a run from what a checkpoint holds beside the weights.
 *
 * @param path of the checkpoint, for error messages.
 * @param value `trainer.state` after `createTrainer.resume`.
 * @throws FaceNetError ERR_FACENET_MODEL_INVALID where a checkpoint's state is not that of a run.
 *
 * @example
 * ```ts
 * const trainer = await createTrainer.resume('run/checkpoint.safetensors')
 * const { settings, state } = readLoopState('run/checkpoint.safetensors', trainer.state)
 * ```
 */
export function readLoopState(path: string, value: unknown): { settings: LoopSettings; state: LoopState } {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const where = v.getDotPath(issue) ?? 'state'
  throw invalidModel(`${where} in ${path}`, `a checkpoint of facenet train: ${issue.message}`, issue.received)
}
