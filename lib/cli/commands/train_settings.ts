/** What the options of `train` say of the trainer and of the loop. */
import { join } from 'node:path'
import type { LossOptions } from '../../embeddings/losses.js'
import { checkAugmentOptions, noAugmentation } from '../../training/augment.js'
import { createTrainer, type Trainer, type TrainerOptions } from '../../training/index.js'
import { files } from '../../training/loop.js'
import type { LoopSettings } from '../../training/loop_state.js'
import { needsTotal } from '../../training/schedule.js'
import type { Context } from '../context.js'
import type { TrainOptions } from '../options/train.js'
import { UsageError } from '../usage_error.js'
import { readTeacher } from './train_teacher.js'

type TrainContext = Context<TrainOptions>

/** The constants of a loss by their flags. */
const lossFlags = {
  margin: 'lossMargin',
  scale: 'lossScale',
  alpha: 'lossAlpha',
  beta: 'lossBeta',
  base: 'lossBase',
  epsilon: 'lossEpsilon',
  temperature: 'lossTemperature',
  h: 'lossH',
  tAlpha: 'lossTAlpha',
} as const satisfies Partial<Record<keyof LossOptions, keyof TrainOptions>>

/** The options of the learning that triplets and other losses have; those of the other kind, where they are given, are refused. */
function lossOptions(
  { options, given }: TrainContext,
  people: number | undefined,
): Pick<TrainerOptions, 'loss' | 'margin' | 'strategy'> {
  const { loss: kind, margin, strategy } = options
  const constants = Object.entries(lossFlags).filter(([, flag]) => given.has(flag))
  const loss: LossOptions = {
    kind,
    ...(people !== undefined && { numClasses: people }),
    ...Object.fromEntries(constants.map(([name, flag]) => [name, options[flag]])),
  }
  if (kind === 'triplet') return { loss, margin, strategy }
  return { loss, ...(given.has('margin') && { margin }), ...(given.has('strategy') && { strategy }) }
}

/** `people`: how many a loss with classes has one for. */
export async function openTrainer(context: TrainContext, folder: string, people: number | undefined): Promise<Trainer> {
  const { network: name, from, dtype, device, threads, ...options } = context.options
  const place = { device, threads, signal: context.signal }
  if (options.resume) {
    const given = context.given.has('dtype') ? { dtype } : {}
    return createTrainer.resume(join(folder, files.checkpoint), { ...place, ...given })
  }
  if ((name === undefined) === (from === undefined)) throw new UsageError('--network or --from is needed, one of them')
  const { dimensions, optimizer, learningRate, weightDecay, clipNorm, seed, chunk, ema } = options
  const batchNorm = options.batchNorm || undefined
  const network = { dimensions, batchNorm, frozen: options.freeze, alignment: options.template }
  const learning = {
    optimizer,
    learningRate,
    ...lossOptions(context, people),
    weightDecay,
    clipNorm,
    seed,
    chunk,
    dtype,
    ema,
  }
  return createTrainer(name ?? from!, { ...place, ...network, ...learning } satisfies TrainerOptions)
}

export function readSettings(context: TrainContext, trainer: Trainer): LoopSettings {
  const { options } = context
  const { schedule, align, template } = options
  if (needsTotal(schedule) && options.steps === undefined && options.epochs === undefined) {
    throw new UsageError(`--schedule ${schedule} needs --steps or --epochs`)
  }
  if ((align === 'points') !== (template !== undefined))
    throw new UsageError('--align points and --template go together')
  const { colour, jpeg } = options
  const augmentation = options.noAugment ? noAugmentation : checkAugmentOptions({ colour, jpeg })
  return {
    data: '',
    seed: trainer.settings.seed,
    identitiesPerBatch: options.identitiesPerBatch,
    facesPerIdentity: options.facesPerIdentity,
    negatives: options.negatives,
    ...readSelection(context, trainer),
    augmentation,
    border: options.border,
    template: template ?? null,
    templateBorder: options.templateBorder,
    learningRate: trainer.settings.learningRate,
    schedule,
    steps: 0,
    teacher: readTeacher(context),
    recalibrate: readRecalibrate(context, trainer),
    checkpointEvery: options.checkpointEvery,
    validateEvery: options.validateEvery,
    patience: options.patience ?? 0,
    onCollapse: options.onCollapse,
  }
}

function readRecalibrate({ options: { recalibrate = 0 } }: TrainContext, trainer: Trainer): number {
  if (recalibrate > 0 && !trainer.graph.nodes.some(({ op }) => op === 'batch_norm')) {
    throw new UsageError(`--recalibrate measures batch normalisation, which ${trainer.name} has not: see --batch-norm`)
  }
  return recalibrate
}

function readSelection(
  context: TrainContext,
  trainer: Trainer,
): Pick<LoopSettings, 'selection' | 'selectEvery' | 'selectFrom'> {
  const { selection, selectEvery, selectFrom } = context.options
  if (selection === 'online') {
    if (context.given.has('selectEvery') || context.given.has('selectFrom')) {
      throw new UsageError('--select-every and --select-from go with --selection offline')
    }
    return { selection, selectEvery: 0, selectFrom: 0 }
  }
  if (trainer.settings.loss.kind !== 'triplet') {
    throw new UsageError(`--selection offline selects triplets, which --loss ${trainer.settings.loss.kind} has not`)
  }
  if (trainer.settings.strategy === 'all') {
    throw new UsageError('--selection offline goes with --strategy hard or semi-hard')
  }
  return { selection, selectEvery, selectFrom }
}
