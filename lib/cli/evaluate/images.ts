/** What the protocols share: the model, the alignment, and the embeddings of the images that pairs name. */
import { basename } from 'node:path'
import type { Detector } from '../../detection/index.js'
import type { Degradation } from '../../evaluation/degrade.js'
import { evaluationAligns } from '../../evaluation/embed_images.js'
import type { ImagePair } from '../../evaluation/lfw_pairs.js'
import { type EmbeddedImages, embedNamed, presentPairs as presentAmong } from '../../evaluation/listed_images.js'
import { type Model, openModel, type StreamProgress } from '../../index.js'
import type { SourceImage } from '../../sources/index.js'
import { detectorOf } from '../common/alignment.js'
import { imageProgress } from '../common/progress.js'
import { type Context, UsageError } from '../context.js'

export interface Setup {
  model: Model
  /** The network's, or where the file gives it none, the file's. */
  name: string
  align: (typeof evaluationAligns)[number]
  centerFraction?: number
  detector?: Detector
  flip: boolean
  batchSize?: number
}

/** Opens the model, and the detector where one is asked for, for as long as `use` runs. */
export async function withSetup(
  context: Context,
  use: (setup: Setup) => Promise<void>,
  path = context.modelPath(),
): Promise<void> {
  const align = context.oneOf('align', evaluationAligns) ?? 'none'
  const centerFraction = context.number('center-fraction')
  if (centerFraction !== undefined && !(centerFraction > 0 && centerFraction <= 1)) {
    throw new UsageError('--center-fraction is above 0 and at most 1')
  }
  if (context.text('detector') !== undefined && align !== 'detect') {
    throw new UsageError(`--detector is for --align detect, not ${align}`)
  }
  const batchSize = context.integer('batch-size', 1)
  await using model = await openModel(path, context.modelOptions())
  const detector = align === 'detect' ? await detectorOf(context) : undefined
  const name = model.name || basename(path)
  try {
    await use({ model, name, align, centerFraction, detector, flip: context.flag('flip'), batchSize })
  } finally {
    detector?.dispose()
  }
}

/** What an evaluation must say of how embeddings were made. */
export function describeSetup({ model, name, align, centerFraction, detector, flip }: Setup) {
  const { fingerprint, device, dtype } = model
  return {
    model: name,
    fingerprint,
    device: device.kind,
    dtype,
    align,
    ...(align === 'center' ? { centerFraction: centerFraction ?? 0.5 } : {}),
    ...(detector ? { detector: detector.name } : {}),
    flip,
  }
}

export function setupLine(setup: Setup): string {
  const { align, centerFraction, flip, model, device, dtype } = describeSetup(setup)
  const how = {
    none: 'whole images',
    center: `centre crop, ${centerFraction} of each side`,
    points: 'aligned by five points',
    detect: 'aligned by detected faces',
  }
  return `${model} on ${device}, ${dtype}, ${how[align]}, ${flip ? 'averaged with mirror images' : 'no mirror images'}`
}

/** Pairs whose two sides are `there`, and how many are not. Without --skip-missing the first that is not is an error. */
export function presentPairs(context: Context, pairs: ImagePair[], file: string, there: (name: string) => boolean) {
  return presentAmong({ pairs, file }, there, context.flag('skip-missing'))
}

/** In the order of the map, which for an archive is its own. */
export async function embedAll(
  context: Context,
  setup: Setup,
  images: ReadonlyMap<string, SourceImage>,
  degradations: readonly Degradation[] = [],
): Promise<EmbeddedImages> {
  const progress = imageProgress(context.quiet)
  const { model, align, centerFraction, detector, flip, batchSize } = setup
  const onProgress = (now: StreamProgress) => progress.update(now)
  const how = { align, centerFraction, detector, flip, batchSize, degradations, signal: context.signal, onProgress }
  const embedded = await embedNamed(model, images, how).finally(() => progress.stop())
  for (const { path, by } of embedded.fallbacks) {
    context.say(`no face found in ${path}: ${by === 'points' ? 'aligned by the given points' : 'centre crop'}`)
  }
  for (const { error } of embedded.failures) context.complain(`${error.message} (${error.code})`)
  return embedded
}
