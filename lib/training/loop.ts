/**
 * Training from the first batch to the last: steps, what is written down of them, checkpoints, validation, the collapse guard.
 * Everything that decides what comes next is in the checkpoint, so a run that was stopped goes on as if it had not been.
 */
import { join } from 'node:path'
import { FaceNetError } from '../errors.js'
import { aborted, throwIfAborted } from '../native/check_arguments.js'
import { onAbort } from '../native/on_abort.js'
import { checkClasses } from './class_labels.js'
import { CollapseGuard, type EmbeddingShape, shapeOf } from './collapse_guard.js'
import { createTrainer } from './create_trainer.js'
import { decide, type Ending } from './ending.js'
import type { BatchMaker, FaceBatch } from './faces_batches.js'
import type { Group } from './group/group.js'
import type { LoopSettings, LoopState } from './loop_state.js'
import type { OfflineSampler } from './offline.js'
import type { BaselineLine, ProgressLine, ProgressLog } from './progress_log.js'
import { recalibrate } from './recalibrate.js'
import { parseSchedule } from './schedule.js'
import type { Teacher } from './teacher.js'
import type { Trainer } from './trainer.js'
import type { StepResult, Teaching } from './trainer_calls.js'
import type { Validation, ValidationResult } from './validate.js'

/** Everything that a training run needs: what is trained, on which batches, and who hears of it. */
export interface Loop {
  /** The network under training. */
  trainer: Trainer
  /** How the run trains. */
  settings: LoopSettings
  /** How far the run is; the loop changes it. */
  state: LoopState
  /** What batches come from. */
  batches: BatchMaker
  /** Where the batches come from, if triplets are selected offline. */
  offline?: OfflineSampler
  /** Whom the network learns from, with the weight of the settings; left out: nobody. */
  teacher?: Teacher
  /** What is written down of the steps; in a group, by rank 0 alone. */
  log?: ProgressLog
  /** The processes that train together, where there are several: `batches` makes this one's parts. */
  group?: Group
  /** What measures the network while it is trained; left out: nothing does. */
  validation?: Validation
  /** Folder of the run's files. */
  folder: string
  /** Minutes of training, earlier parts of a resumed run included; the step that passes them is the last. */
  minutes?: number
  /** CPU threads of offline selection; all cores where it is left out. */
  threads?: number
  /** Aborts the run, after a checkpoint. */
  signal: AbortSignal
  /**
   * Called once, before the first step.
   *
   * @param line the validation of the network that training starts from.
   */
  onBaseline(line: BaselineLine): void
  /**
   * Called after each step.
   *
   * @param line what the step did, as it is logged.
   * @param batch what it was trained on.
   */
  onStep(line: ProgressLine, batch: FaceBatch): void
  /**
   * Called with something that the user should read.
   *
   * @param text for people.
   */
  onWarning(text: string): void
}

/** Names of the files that a run leaves in its folder. */
export const files = { checkpoint: 'checkpoint.safetensors', best: 'best.safetensors', model: 'model.safetensors' }

/** Steps between looks of the collapse guard, and how many faces it looks at. */
const inspectEvery = 25
const inspected = 64
/** Batches in a row without a triplet that are worth a warning. */
const loudAfter = 20

/** Of errors that leave the trainer as it was after a step, so that a checkpoint is worth having. */
const stopCodes: readonly string[] = ['ERR_FACENET_ABORTED', 'ERR_FACENET_PEER_LOST']

/**
 * Trains until the steps or the minutes are done or validation gets no better. `loop.trainer` may be another one afterwards.
 *
 * @param loop what to train, and on what.
 * @throws FaceNetError ERR_FACENET_ABORTED and ERR_FACENET_PEER_LOST, after a checkpoint; ERR_FACENET_NOT_FINITE, which leaves the last checkpoint as it
 *   is; ERR_FACENET_IO where the disk refuses.
 * @returns why the run ended.
 *
 * @example
 * ```ts
 * const ending = await train(loop)
 * console.log(`ended by ${ending} after ${loop.state.batches} batches`)
 * ```
 */
export async function train(loop: Loop): Promise<Ending> {
  const { group, signal } = loop
  const leave = group && onAbort(signal, () => group.fail(aborted(signal)))
  try {
    const ending = await steps(loop)
    await save(loop)
    if (isFirst(loop)) {
      await recalibrate(loop)
      await loop.trainer.export(join(loop.folder, files.model))
    }
    await group?.close()
    return ending
  } catch (error) {
    // The others cannot go on without this process.
    group?.fail(new FaceNetError('ERR_FACENET_DISPOSED', 'This process has left its group', { cause: error }))
    if (error instanceof FaceNetError && stopCodes.includes(error.code)) await save(loop)
    throw error
  } finally {
    leave?.()
    await loop.batches.close()
  }
}

async function steps(loop: Loop): Promise<Ending> {
  const { settings, state, batches, signal } = loop
  const schedule = parseSchedule(settings.schedule)
  const guard = new CollapseGuard(state.suspicious)
  checkClasses(loop.trainer, batches.faces)
  await baseline(loop)
  for (;;) {
    throwIfAborted(signal)
    const { ending, learningRate } = await decide(loop, schedule)
    if (ending) return ending
    const start = performance.now()
    await select(loop)
    const batch = await batches.take(state.batches)
    loop.trainer.learningRate = learningRate
    const { images, labels, triplets } = batch
    const teacher = await taught(loop, batch)
    const result =
      labels.length > 0 ? await loop.trainer.step(images, labels, { signal, triplets, teacher }) : undefined
    const seconds = (performance.now() - start) / 1000
    state.batches++
    state.seconds += seconds
    count(loop, result)
    // From here to the next batch nothing is cut short, so that a checkpoint never lies between them.
    const shape = state.batches % inspectEvery === 0 ? await inspect(loop, guard, batch) : undefined
    const validation = await validate(loop)
    const line = lineOf(loop, batch, result, seconds, shape, validation)
    await loop.log?.write(line)
    loop.onStep(line, batch)
    if (state.batches % settings.checkpointEvery === 0) await save(loop)
  }
}

/** Whether this process is the one that writes, validates and looks after the others. */
const isFirst = ({ group }: Loop) => !group || group.rank === 0

async function taught({ teacher, settings, signal }: Loop, batch: FaceBatch): Promise<Teaching | undefined> {
  if (!teacher || batch.labels.length === 0) return undefined
  return { embeddings: await teacher.embed(batch, signal), weight: settings.teacher?.weight }
}

/** What the network that training starts from is worth. */
async function baseline(loop: Loop): Promise<void> {
  const { validation, state, trainer, log, onBaseline } = loop
  if (!validation || state.batches > 0 || !isFirst(loop)) return
  const line: BaselineLine = { step: 0, validation: await validation.measure(trainer) }
  await log?.write(line)
  onBaseline(line)
}

/** Offline selection, where the next batch waits for it. */
async function select({ offline, state, trainer, threads, signal }: Loop): Promise<void> {
  if (!offline || offline.batch(state.batches)) return
  state.selected = await offline.select(state.batches, trainer, { threads, signal })
}

/** Batches without triplets, and what the collapse guard needs to know of the others. */
function count({ state, onWarning }: Loop, result: StepResult | undefined): void {
  if (result && !result.skipped) {
    state.skippedInRow = 0
    state.recent.steps++
    state.recent.loss += result.loss
    state.recent.activeShare += result.triplets === 0 ? 0 : result.active / result.triplets
    return
  }
  state.skipped++
  state.skippedInRow++
  if (state.skippedInRow % loudAfter === 0) {
    onWarning(
      `the last ${state.skippedInRow} batches had no triplet or pair to learn from: no pair of faces has a negative that the ` +
        'strategy or the loss takes. What helps: more identities in a batch, negatives, another strategy, a larger margin',
    )
  }
}

async function inspect(loop: Loop, guard: CollapseGuard, batch: FaceBatch): Promise<EmbeddingShape | undefined> {
  const { trainer, state, settings } = loop
  const { steps, loss, activeShare } = state.recent
  state.recent = { steps: 0, loss: 0, activeShare: 0 }
  if (batch.labels.length < 2 || !isFirst(loop)) return undefined
  const { height, width } = trainer.inputSize
  const some = batch.images.subarray(0, Math.min(inspected, batch.labels.length) * height * width * 3)
  const shape = shapeOf(await trainer.embed(some, { trained: true }), trainer.dimensions)
  const { margin, strategy, loss: minimised } = trainer.settings
  // What is healthy is known of the hinge and its margin alone; a teacher keeps what is near it from collapsing.
  if (steps === 0 || minimised.kind !== 'triplet' || loop.teacher) return shape
  const means = { loss: loss / steps, activeShare: activeShare / steps }
  const diagnosis = guard.inspect({ ...shape, ...means, margin, strategy, dimensions: trainer.dimensions })
  state.suspicious = guard.suspicious
  if (diagnosis) await react(loop, diagnosis, settings.onCollapse)
  return shape
}

async function react(loop: Loop, diagnosis: string, how: LoopSettings['onCollapse']): Promise<void> {
  const { state, trainer } = loop
  const say = (what: string) => loop.onWarning(`step ${trainer.steps}: ${diagnosis}${what}`)
  const { strategy } = trainer.settings
  if (how === 'warn') return say('')
  const mildest = loop.offline ? 'semi-hard' : 'all'
  // A group goes on with the trainers that it has.
  if (how === 'lower-rate' || strategy === mildest || loop.group) {
    state.rateFactor /= 2
    const instead = how === 'lower-rate' || loop.group ? '' : `: there is no milder strategy than ${mildest}`
    return say(`. The learning rate is halved${instead}`)
  }
  const milder = strategy === 'hard' ? 'semi-hard' : 'all'
  await save(loop)
  const device = trainer.device.kind
  loop.trainer = await createTrainer.resume(join(loop.folder, files.checkpoint), {
    strategy: milder,
    device,
    threads: loop.threads,
  })
  trainer.dispose()
  say(`. The strategy is now ${milder}`)
}

async function validate(loop: Loop): Promise<ValidationResult | undefined> {
  const { validation, settings, state, trainer } = loop
  if (
    !validation ||
    !isFirst(loop) ||
    (state.batches % settings.validateEvery !== 0 && state.batches !== settings.steps)
  )
    return undefined
  await recalibrate(loop)
  const result = await validation.measure(trainer)
  state.sinceBest++
  if (!state.best || result.accuracy > state.best.accuracy) {
    await trainer.export(join(loop.folder, files.best))
    state.best = { accuracy: result.accuracy, step: trainer.steps }
    state.sinceBest = 0
  }
  return result
}

function lineOf(
  { trainer, state, batches }: Loop,
  batch: FaceBatch,
  result: StepResult | undefined,
  seconds: number,
  shape: EmbeddingShape | undefined,
  validation: ValidationResult | undefined,
): ProgressLine {
  const images = batch.whole
  const { loss = 0, triplets = 0, active = 0, meanPositive = 0, meanNegative = 0, gradientNorm = 0 } = result ?? {}
  return {
    step: state.batches,
    epoch: state.batches / batches.source.batchesPerEpoch,
    loss,
    triplets,
    active,
    meanPositive,
    meanNegative,
    gradientNorm,
    learningRate: trainer.learningRate,
    images,
    imagesPerSecond: images / seconds,
    seconds: state.seconds,
    ...(result?.teacherLoss === undefined ? {} : { teacherLoss: result.teacherLoss }),
    ...(!result || result.skipped ? { skipped: true } : {}),
    ...shape,
    ...(validation ? { validation } : {}),
  }
}

async function save(loop: Loop): Promise<void> {
  const { trainer, folder, settings, state } = loop
  if (!isFirst(loop)) return
  await trainer.save(join(folder, files.checkpoint), { state: { version: 1, settings, state } })
}
