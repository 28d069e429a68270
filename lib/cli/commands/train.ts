/** `facenet train`: from folders of faces to a network that tells people apart. */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { network } from '../../convert/networks/index.js'
import { strategies } from '../../embeddings/triplets.js'
import { FaceNetError } from '../../errors.js'
import { checkTemplate, type TemplateName } from '../../images/index.js'
import { devicePreferences } from '../../native/check_arguments.js'
import { checkAugmentOptions, noAugmentation } from '../../training/augment.js'
import { type FaceOptions, openFaces, readIdentities } from '../../training/faces.js'
import { BatchMaker, type BatchSource } from '../../training/faces_batches.js'
import {
  createTrainer,
  optimizerNames,
  type Trainer,
  type TrainerOptions,
  trainingDTypes,
} from '../../training/index.js'
import { files, type Loop, train } from '../../training/loop.js'
import {
  collapseActions,
  firstState,
  type LoopSettings,
  type LoopState,
  readLoopState,
  selections,
} from '../../training/loop_state.js'
import { OfflineSampler } from '../../training/offline.js'
import { ProgressLog } from '../../training/progress_log.js'
import { Sampler } from '../../training/sampler.js'
import { needsTotal, parseSchedule } from '../../training/schedule.js'
import { Validation } from '../../training/validate.js'
import { type Context, UsageError } from '../context.js'
import { trainingProgress } from './train_progress.js'

/** What --resume takes beside folders: all else is as the checkpoint says. */
const resumable = [
  'out',
  'resume',
  'minutes',
  'steps',
  'threads',
  'device',
  'memory',
  'identities',
  'validation',
  'validation-images',
  'json',
  'quiet',
  'dtype',
]

export async function run(context: Context): Promise<void> {
  const folder = context.required('out')
  const resumed = context.flag('resume')
  if (resumed) refuseOthers(context)
  else await refuseOverwriting(folder)
  const trainer = await openTrainer(context, folder)
  let loop: Loop | undefined
  try {
    loop = await prepare(context, trainer, folder)
    await follow(context, loop)
  } finally {
    await loop?.log.close()
    ;(loop?.trainer ?? trainer).dispose()
  }
}

async function openTrainer(context: Context, folder: string): Promise<Trainer> {
  const device = context.oneOf('device', devicePreferences)
  const dtype = context.oneOf('dtype', trainingDTypes)
  const common = { device, dtype, threads: context.integer('threads', 1), signal: context.signal }
  if (context.flag('resume')) return createTrainer.resume(join(folder, files.checkpoint), common)
  const [name, from] = [context.text('network'), context.text('from')]
  if ((name === undefined) === (from === undefined)) throw new UsageError('--network or --from is needed, one of them')
  const options: TrainerOptions = {
    ...common,
    dimensions: context.integer('dimensions', 1),
    batchNorm: context.flag('batch-norm') || undefined,
    optimizer: context.oneOf('optimizer', optimizerNames),
    learningRate: context.number('learning-rate'),
    margin: context.number('margin'),
    strategy: context.oneOf('strategy', strategies),
    weightDecay: context.number('weight-decay'),
    clipNorm: context.number('clip-norm'),
    frozen: context.text('freeze')?.split(','),
    seed: context.integer('seed', 0),
    chunk: context.integer('chunk', 1),
    alignment: context.text('template'),
  }
  return createTrainer(name === undefined ? from! : network(name).name, options)
}

async function prepare(context: Context, trainer: Trainer, folder: string): Promise<Loop> {
  const path = join(folder, files.checkpoint)
  const saved = context.flag('resume') ? readLoopState(path, trainer.state) : undefined
  const given = saved?.settings ?? readSettings(context, trainer)
  const identities = context.text('identities')
  const faceOptions: FaceOptions = {
    input: trainer.inputSize,
    border: given.border,
    template: given.template === null ? undefined : checkTemplate(given.template as TemplateName),
    templateBorder: given.templateBorder,
    ...(identities !== undefined && { identities: await readIdentities(identities) }),
    memoryBytes: (context.number('memory') ?? 2048) * 2 ** 20,
    signal: context.signal,
  }
  const faces = await openFaces(context.operands, faceOptions)
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
    steps: saved ? (context.integer('steps', 1) ?? given.steps) : stepsOf(context, source),
  }
  const state: LoopState = saved?.state ?? firstState()
  await mkdir(folder, { recursive: true })
  const validation = await openValidation(context, faceOptions)
  context.say(
    `${trainer.name}, ${trainer.dimensions} floats, on ${trainer.device.kind}: ${faces.labels.length} images of ` +
      `${faces.names.length} people, ${source.batchesPerEpoch} batches an epoch, chunks of ${trainer.plan.chunk}`,
  )
  return {
    trainer,
    settings,
    state,
    batches: new BatchMaker(faces, source, { input: trainer.inputSize, augmentation, seed }),
    offline,
    log: await ProgressLog.open(folder),
    validation,
    folder,
    minutes: context.number('minutes'),
    threads: context.integer('threads', 1),
    signal: context.signal,
    onBaseline: () => {},
    onStep: () => {},
    onWarning: (text) => context.complain(`warning: ${text}`),
  }
}

function readSettings(context: Context, trainer: Trainer): LoopSettings {
  const schedule = context.text('schedule') ?? 'constant'
  parseSchedule(schedule)
  if (needsTotal(schedule) && context.text('steps') === undefined && context.text('epochs') === undefined) {
    throw new UsageError(`--schedule ${schedule} needs --steps or --epochs`)
  }
  const align = context.oneOf('align', ['none', 'points']) ?? 'none'
  const template = context.text('template')
  if ((align === 'points') !== (template !== undefined))
    throw new UsageError('--align points and --template go together')
  const augmentation = context.flag('no-augment')
    ? noAugmentation
    : checkAugmentOptions({ colour: context.number('colour'), jpeg: context.number('jpeg') })
  return {
    data: '',
    seed: trainer.settings.seed,
    identitiesPerBatch: context.integer('identities-per-batch', 1) ?? 32,
    facesPerIdentity: context.integer('faces-per-identity', 2) ?? 8,
    negatives: context.integer('negatives', 0) ?? 0,
    ...readSelection(context, trainer),
    augmentation,
    border: context.number('border') ?? 1 / 14,
    template: template ?? null,
    templateBorder: context.number('template-border') ?? 0,
    learningRate: trainer.settings.learningRate,
    schedule,
    steps: 0,
    checkpointEvery: context.integer('checkpoint-every', 1) ?? 200,
    validateEvery: context.integer('validate-every', 1) ?? 200,
    patience: context.integer('patience', 1) ?? 0,
    onCollapse: context.oneOf('on-collapse', collapseActions) ?? 'warn',
  }
}

function readSelection(
  context: Context,
  trainer: Trainer,
): Pick<LoopSettings, 'selection' | 'selectEvery' | 'selectFrom'> {
  const [selectEvery, selectFrom] = [context.integer('select-every', 1), context.integer('select-from', 3)]
  if ((context.oneOf('selection', selections) ?? 'online') === 'online') {
    if ((selectEvery ?? selectFrom) === undefined) return { selection: 'online', selectEvery: 0, selectFrom: 0 }
    throw new UsageError('--select-every and --select-from go with --selection offline')
  }
  if (trainer.settings.strategy === 'all') {
    throw new UsageError('--selection offline goes with --strategy hard or semi-hard')
  }
  return { selection: 'offline', selectEvery: selectEvery ?? 50, selectFrom: selectFrom ?? 1800 }
}

/** How many there will be; with --minutes alone as many as there is time for. */
function stepsOf(context: Context, source: BatchSource): number {
  const [steps, epochs, minutes] = [context.integer('steps', 1), context.number('epochs'), context.number('minutes')]
  if (steps !== undefined && epochs !== undefined) throw new UsageError('--steps or --epochs, not both')
  if (epochs !== undefined && !(epochs > 0)) throw new UsageError(`--epochs is above 0, not ${epochs}`)
  if (minutes !== undefined && !(minutes > 0)) throw new UsageError(`--minutes is above 0, not ${minutes}`)
  if (steps !== undefined) return steps
  if (epochs !== undefined) return Math.ceil(epochs * source.batchesPerEpoch)
  if (minutes === undefined) throw new UsageError('--steps, --epochs or --minutes is missing')
  return Number.MAX_SAFE_INTEGER
}

async function openValidation(context: Context, options: FaceOptions): Promise<Validation | undefined> {
  const [pairs, images] = [context.text('validation'), context.texts('validation-images')]
  if ((pairs === undefined) !== (images.length === 0)) {
    throw new UsageError('--validation and --validation-images go together')
  }
  if (pairs === undefined && context.text('patience') !== undefined) {
    throw new UsageError('--patience counts validations: --validation is missing')
  }
  return pairs === undefined ? undefined : Validation.open(pairs, images, { ...options, memoryBytes: 2 ** 40 })
}

async function follow(context: Context, loop: Loop): Promise<void> {
  const { folder, state } = loop
  const progress = trainingProgress(context, loop)
  const { failures } = loop.batches.faces
  let listed = 0
  loop.onBaseline = (line) => {
    progress.baseline(line)
    if (context.json) void context.print(JSON.stringify(line))
  }
  loop.onStep = (line) => {
    progress.update(line)
    for (; listed < failures.length; listed++) {
      const { error } = failures[listed]!
      context.complain(`left out: ${error.message} (${error.code})`)
    }
    if (context.json) void context.print(JSON.stringify(line))
  }
  try {
    const ending = await train(loop)
    progress.stop()
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
    context.say(`model in ${join(folder, files.model)}`)
  } finally {
    progress.stop()
    if (context.signal.aborted) context.say(`stopped; facenet train ... --resume --out ${folder} goes on`)
  }
}

function refuseOthers(context: Context): void {
  const [other] = context.given().filter((name) => !resumable.includes(name))
  if (other) throw new UsageError(`--resume goes on as the checkpoint says: --${other} cannot be changed`)
}

async function refuseOverwriting(folder: string): Promise<void> {
  const path = join(folder, files.checkpoint)
  const there = await stat(path).then(
    () => true,
    () => false,
  )
  if (there) throw new UsageError(`${path} is there already: --resume goes on from it; else choose another --out`)
}
