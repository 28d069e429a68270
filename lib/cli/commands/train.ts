/** `facenet train`: from folders of faces to a network that tells people apart. */

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasClasses } from '../../embeddings/losses.js'
import { FaceNetError } from '../../errors.js'
import type { Lock } from '../../files/lock.js'
import { makeFolder } from '../../files/make_folder.js'
import { checkTemplate, type TemplateName } from '../../images/index.js'
import { type FaceListing, type FaceOptions, listFaces, readIdentities, storeFaces } from '../../training/faces.js'
import { BatchMaker, type BatchSource } from '../../training/faces_batches.js'
import type { Trainer } from '../../training/index.js'
import { files, type Loop, train } from '../../training/loop.js'
import { firstState, type LoopSettings, type LoopState, readLoopState } from '../../training/loop_state.js'
import { OfflineSampler } from '../../training/offline.js'
import { lockRun, ProgressLog } from '../../training/progress_log.js'
import { Sampler } from '../../training/sampler.js'
import { Validation } from '../../training/validate.js'
import type { Context } from '../context.js'
import type { CommonOptions } from '../options/common.js'
import { flagOf } from '../options/option.js'
import type { TrainOptions } from '../options/train.js'
import { UsageError } from '../usage_error.js'
import { isFirst, joinOthers, partOf } from './train_group.js'
import { trainingProgress } from './train_progress.js'
import { openTrainer, readSettings } from './train_settings.js'
import { openTeacher } from './train_teacher.js'

/** What --resume takes beside folders: all else is as the checkpoint says. */
const resumable: readonly string[] = [
  'out',
  'resume',
  'minutes',
  'steps',
  'threads',
  'device',
  'memory',
  'identities',
  'validation',
  'validationImages',
  'exclude',
  'maxMegapixels',
  'maxFileMib',
  'allowTruncated',
  'json',
  'quiet',
  'dtype',
  'teacher',
  'distributed',
] satisfies (keyof (TrainOptions & CommonOptions))[]

type TrainContext = Context<TrainOptions>

export async function run(context: TrainContext): Promise<void> {
  const { out: folder, resume } = context.options
  // Of the processes of a group the first one writes.
  const writes = isFirst(context)
  if (resume) refuseOthers(context)
  else if (writes) await refuseOverwriting(folder)
  // Nobody else writes to the checkpoint between its reading and the first step from it.
  const locks = resume && writes && (await isThere(join(folder, files.checkpoint)))
  const lock = locks ? await lockRun(folder) : undefined
  try {
    await trainIn(context, folder, lock)
  } finally {
    await lock?.release()
  }
}

async function trainIn(context: TrainContext, folder: string, lock: Lock | undefined): Promise<void> {
  const identities = await identitiesOf(context)
  // A loss with classes has to know how many people there are before the network is made.
  const counted = !context.options.resume && hasClasses(context.options.loss)
  const listing = counted ? await listFaces(context.operands, listingOptions(context, identities)) : undefined
  const trainer = await openTrainer(context, folder, listing?.names.length)
  let loop: Loop | undefined
  try {
    const faces = listing ?? (await listFaces(context.operands, listingOptions(context, identities)))
    loop = await prepare(context, trainer, folder, faces, lock)
    await joinOthers(context, loop)
    await follow(context, loop)
  } finally {
    loop?.group?.fail(new FaceNetError('ERR_FACENET_DISPOSED', 'This process has left its group'))
    await loop?.log?.close()
    await loop?.teacher?.close()
    ;(loop?.trainer ?? trainer).dispose()
  }
}

async function identitiesOf({ options: { identities } }: TrainContext): Promise<Set<string> | undefined> {
  return identities === undefined ? undefined : readIdentities(identities)
}

const listingOptions = (context: TrainContext, identities: Set<string> | undefined) => ({
  ...(identities !== undefined && { identities }),
  ...context.limits(),
  ...context.reading(),
})

async function prepare(
  context: TrainContext,
  trainer: Trainer,
  folder: string,
  listing: FaceListing,
  lock?: Lock,
): Promise<Loop> {
  const path = join(folder, files.checkpoint)
  const { options } = context
  const saved = options.resume ? readLoopState(path, trainer.state) : undefined
  const given = saved?.settings ?? readSettings(context, trainer)
  const { memory, threads, minutes } = options
  const faceOptions: FaceOptions = {
    input: trainer.inputSize,
    border: given.border,
    template: given.template === null ? undefined : checkTemplate(given.template as TemplateName),
    templateBorder: given.templateBorder,
    memoryBytes: memory * 2 ** 20,
    ...context.limits(),
    ...context.reading(),
  }
  const faces = storeFaces(listing, faceOptions)
  const offline = given.selection === 'offline' ? OfflineSampler.open(faces, given, saved?.state.selected) : undefined
  const { identitiesPerBatch, facesPerIdentity, negatives, seed, augmentation } = given
  const source: BatchSource =
    offline ?? new Sampler(faces.labels, { identitiesPerBatch, facesPerIdentity, negatives, seed })
  if (saved && saved.settings.data !== faces.digest) {
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `The images are not those that ${path} was trained on`, {
      argument: context.operands.join(' '),
      expected: 'the same images under the same names',
    })
  }
  const settings: LoopSettings = {
    ...given,
    data: faces.digest,
    steps: saved ? (options.steps ?? given.steps) : stepsOf(context, source),
  }
  const state: LoopState = saved?.state ?? firstState()
  const teacher = await openTeacher(context, trainer, settings)
  if (teacher) settings.teacher = { ...settings.teacher!, fingerprint: teacher.fingerprint }
  const writes = isFirst(context)
  if (writes) await makeFolder(folder)
  const validation = writes ? await openValidation(context, faceOptions) : undefined
  context.say(
    `${trainer.name}, ${trainer.dimensions} floats, on ${trainer.device.kind}: ${faces.labels.length} images of ` +
      `${faces.names.length} people, ${source.batchesPerEpoch} batches an epoch, chunks of ${trainer.plan.chunk}`,
  )
  return {
    trainer,
    settings,
    state,
    batches: new BatchMaker(faces, source, { input: trainer.inputSize, augmentation, seed, part: partOf(context) }),
    offline,
    ...(teacher && { teacher }),
    log: writes ? await openLog(folder, lock) : undefined,
    validation,
    folder,
    minutes,
    threads,
    signal: context.signal,
    onBaseline: () => {},
    onStep: () => {},
    onWarning: (text) => context.complain(`warning: ${text}`),
  }
}

/** A run that starts anew takes the lock here, once all else is known to be sound: it may be the first thing in the folder. */
async function openLog(folder: string, held: Lock | undefined): Promise<ProgressLog> {
  if (held) return ProgressLog.openLocked(folder, held)
  const lock = await lockRun(folder)
  try {
    // Another trainer may have begun and ended since the start.
    await refuseOverwriting(folder)
  } catch (error) {
    await lock.release()
    throw error
  }
  return ProgressLog.openLocked(folder, lock)
}

/** How many there will be; with --minutes alone as many as there is time for. */
function stepsOf({ options }: TrainContext, source: BatchSource): number {
  const { steps, epochs, minutes } = options
  if (steps !== undefined && epochs !== undefined) throw new UsageError('--steps or --epochs, not both')
  if (steps !== undefined) return steps
  if (epochs !== undefined) return Math.ceil(epochs * source.batchesPerEpoch)
  if (minutes === undefined) throw new UsageError('--steps, --epochs or --minutes is missing')
  return Number.MAX_SAFE_INTEGER
}

async function openValidation(context: TrainContext, options: FaceOptions): Promise<Validation | undefined> {
  const { validation: pairs, validationImages: images, patience } = context.options
  if ((pairs === undefined) !== (images.length === 0)) {
    throw new UsageError('--validation and --validation-images go together')
  }
  if (pairs === undefined && patience !== undefined) {
    throw new UsageError('--patience counts validations: --validation is missing')
  }
  return pairs === undefined ? undefined : Validation.open(pairs, images, { ...options, memoryBytes: 2 ** 40 })
}

async function follow(context: TrainContext, loop: Loop): Promise<void> {
  const { folder, state } = loop
  const progress = trainingProgress(context, loop)
  const { failures } = loop.batches.faces
  let listed = 0
  loop.onBaseline = (line) => {
    progress.baseline(line)
    if (context.json) void context.print(JSON.stringify(line))
  }
  const writes = isFirst(context)
  loop.onStep = (line) => {
    if (writes) progress.update(line)
    for (; listed < failures.length; listed++) {
      const { error } = failures[listed]!
      context.complain(`left out: ${error.message} (${error.code})`)
    }
    if (context.json && writes) void context.print(JSON.stringify(line))
  }
  try {
    const ending = await train(loop)
    progress.stop()
    if (!writes) return
    const why = { steps: 'all steps are done', minutes: 'the time is up', patience: 'validation gets no better' }[
      ending
    ]
    const best = state.best
      ? `; best accuracy ${(100 * state.best.accuracy).toFixed(2)} % at step ${state.best.step}`
      : ''
    const left = [
      ...(state.skipped > 0 ? [`${state.skipped} batches without triplets`] : []),
      ...(failures.length > 0 ? [`${failures.length} images left out`] : []),
    ].map((text) => `; ${text}`)
    context.say(`${why}: ${state.batches} steps in ${(state.seconds / 60).toFixed(1)} minutes${best}${left.join('')}`)
    await context.printPassedOver()
    context.say(`model in ${join(folder, files.model)}`)
  } finally {
    progress.stop()
    if (context.signal.aborted) context.say(`stopped; facenet-native train ... --resume --out ${folder} goes on`)
  }
}

function refuseOthers(context: TrainContext): void {
  const other = [...context.given].find((name) => !resumable.includes(name))
  if (other) throw new UsageError(`--resume goes on as the checkpoint says: ${flagOf(other)} cannot be changed`)
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

async function refuseOverwriting(folder: string): Promise<void> {
  const path = join(folder, files.checkpoint)
  if (await isThere(path))
    throw new UsageError(`${path} is there already: --resume goes on from it; else choose another --out`)
}
