/**
 * Checkpoints: model files that also hold what training needs to go on. `openModel` opens them as models.
 *
 * | part | what |
 * |---|---|
 * | tensors of the graph | weights and running statistics, fp32 |
 * | tensors `optimizer/<slot>/<weight>` | the optimiser's state |
 * | tensors `average/<tensor>` | the moving average, with `ema`: what a model is exported from |
 * | metadata `training` | JSON: `version`, `settings`, `counters`, the caller's `state`, and `checksum` |
 *
 * The checksum is the sha-256 of that JSON without it and of the tensors that are not the graph's; the model's fingerprint covers the rest.
 */
import { createHash } from 'node:crypto'
import { access } from 'node:fs/promises'
import type { GraphDescription } from '../../types/graph.js'
import type { TrainerCounters } from '../../types/native.js'
import { tensorShapes } from '../convert/networks/shapes.js'
import { FaceNetError, invalidModel } from '../errors.js'
import { canonicalJson } from '../files/model/fingerprint.js'
import type { ModelNotes } from '../files/model/metadata.js'
import { writeModel } from '../files/model/model_file.js'
import { bytesOf, type Tensor, type Tensors } from '../files/model/tensor.js'
import { readWholeModel } from '../files/model/whole_model.js'
import { isObject, parseStrictJson } from '../files/strict_json.js'
import { checkSettings, type TrainingSettings } from './settings.js'

export interface Checkpoint {
  graph: GraphDescription
  /** Of the graph, of the optimiser, and of the moving average. */
  tensors: Tensors
  settings: TrainingSettings
  counters: TrainerCounters
  /** What drives the training: the sampler's position, schedules, generators. Anything that JSON can hold. */
  state: unknown
  notes: ModelNotes
}

const version = 1
/** Prefixes of the tensors of which a trainer has no values until they are written to it. */
export const statePrefixes = ['optimizer/', 'average/']

/** Replaces the file at `path` in one go; what was there is kept as `<path>.previous`. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const { graph, tensors, settings, counters, state, notes } = checkpoint
  const training = { version, settings, counters, state: state ?? null }
  const extra = { training: JSON.stringify({ ...training, checksum: checksum(training, graph, tensors) }) }
  await writeModel(path, { graph, tensors, ...notes, extra }, { keepPrevious: true })
}

/**
 * Reads a checkpoint and checks all of it. Throws ERR_FACENET_MODEL_INVALID where it is damaged, cut short or no checkpoint,
 * ERR_FACENET_IO where it cannot be read; the message names the checkpoint before it where there is one.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  try {
    return await read(path)
  } catch (error) {
    const previous = `${path}.previous`
    const usable =
      error instanceof FaceNetError &&
      (await access(previous).then(
        () => true,
        () => false,
      ))
    if (!usable) throw error
    const { code, argument, expected, received } = error
    const message = `${error.message}. The checkpoint before it is ${previous}`
    throw new FaceNetError(code, message, { argument, expected, received, cause: error })
  }
}

async function read(path: string): Promise<Checkpoint> {
  const { graph, values, metadata, extra } = await readWholeModel(path)
  const text = extra.get('training')
  if (text === undefined) {
    throw invalidModel(path, 'a checkpoint (a model file is trained on by createTrainer(path))', 'a model file')
  }
  const { checksum: stated, ...training } = checkTraining(parseStrictJson(text, 'training'))
  const tensors: Tensors = values
  const found = checksum(training, graph, tensors)
  if (stated !== found) throw invalidModel('checksum of the training state', String(stated), found)
  const { alignment, threshold, producer, license, source } = metadata
  return {
    graph,
    tensors,
    settings: checkSettings(training.settings),
    counters: training.counters,
    state: training.state,
    notes: { alignment, threshold, producer, license, source },
  }
}

interface Training {
  version: number
  settings: TrainingSettings
  counters: TrainerCounters
  state: unknown
}

function checkTraining(value: unknown): Training & { checksum?: unknown } {
  if (!isObject(value) || value.version !== version) {
    throw invalidModel('training', `training state of version ${version}`, isObject(value) ? value.version : value)
  }
  const { settings, counters } = value
  if (!isObject(settings) || !isObject(settings.optimizer))
    throw invalidModel('training.settings', 'an object', settings)
  if (!isObject(counters) || ![counters.steps, counters.updates].every((count) => Number.isSafeInteger(count))) {
    throw invalidModel('training.counters', 'whole numbers of steps and updates', counters)
  }
  return value as unknown as Training
}

function checksum(training: Training, graph: GraphDescription, tensors: Tensors): string {
  const hash = createHash('sha256').update(canonicalJson(training))
  const ofModel = tensorShapes(graph)
  const others = [...tensors].filter(([name]) => !ofModel.has(name))
  for (const [name, { dtype, shape, data }] of others.sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`\n${JSON.stringify(name)} ${dtype} ${shape.join('x')}\n`).update(bytesOf(data))
  }
  return hash.digest('hex')
}

/** The values of a tensor that has to be there with this shape. */
export function valuesOf(tensors: Tensors, name: string, shape: readonly number[]): Tensor {
  const tensor = tensors.get(name)
  if (!tensor) throw invalidModel(name, `a tensor of ${shape.join('x')}`, 'none')
  if (tensor.shape.join('x') !== shape.join('x')) throw invalidModel(name, shape.join('x'), tensor.shape.join('x'))
  return tensor
}
