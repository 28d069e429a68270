/** What a run's checkpoint holds beside the trainer's own: how it is trained, and how far it is. */
import * as v from 'valibot'
import { invalidModel } from '../errors.js'

export const selections = ['online', 'offline'] as const
export const collapseActions = ['warn', 'lower-rate', 'switch-strategy'] as const

const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const figure = v.pipe(v.number(), v.finite())

const settingsSchema = v.object({
  /** Of the images' names. */
  data: v.string(),
  seed: count,
  identitiesPerBatch: count,
  facesPerIdentity: count,
  negatives: count,
  /** Where triplets are selected: in each batch, or every `selectEvery` steps among `selectFrom` faces. */
  selection: v.optional(v.picklist(selections), 'online'),
  selectEvery: v.optional(count, 0),
  selectFrom: v.optional(count, 0),
  augmentation: v.object({ crop: v.boolean(), flip: v.boolean(), colour: figure, jpeg: figure }),
  border: figure,
  template: v.nullable(v.string()),
  templateBorder: figure,
  learningRate: figure,
  schedule: v.string(),
  /** In all. */
  steps: count,
  checkpointEvery: count,
  validateEvery: count,
  /** Validations without a better one that end the run; 0: none do. */
  patience: count,
  onCollapse: v.picklist(collapseActions),
})

const stateSchema = v.object({
  /** Taken so far. */
  batches: count,
  /** Of steps; validation and checkpoints are not counted. */
  seconds: figure,
  /** Batches without a triplet, in all and since the last that had one. */
  skipped: count,
  skippedInRow: count,
  /** Of the learning rate, by the collapse guard. */
  rateFactor: figure,
  suspicious: count,
  /** Sums since the last inspection. */
  recent: v.object({ steps: count, loss: figure, activeShare: figure }),
  best: v.nullable(v.object({ accuracy: figure, step: count })),
  /** Validations since then. */
  sinceBest: count,
  /** Of offline selection, the last: faces of its triplets. */
  selected: v.optional(v.nullable(v.object({ round: count, faces: v.array(count) })), null),
})

const schema = v.object({ version: v.literal(1), settings: settingsSchema, state: stateSchema })

export type LoopSettings = v.InferOutput<typeof settingsSchema>
export type LoopState = v.InferOutput<typeof stateSchema>

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

/** @throws FaceNetError ERR_FACENET_MODEL_INVALID where a checkpoint's state is not that of a run. */
export function readLoopState(path: string, value: unknown): { settings: LoopSettings; state: LoopState } {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const [issue] = parsed.issues
  const where = v.getDotPath(issue) ?? 'state'
  throw invalidModel(`${where} in ${path}`, `a checkpoint of facenet train: ${issue.message}`, issue.received)
}
