/** What the protocols share: the model, the alignment, and the embeddings of the images that pairs name. */
import { basename } from 'node:path'
import type { Detector } from '../../detection/index.js'
import type { Degradation } from '../../evaluation/degrade.js'
import { type EmbeddedImages, embedNamed, type FoundImages } from '../../evaluation/listed_images.js'
import type { Align } from '../../images/index.js'
import { type Model, openModel, type Preparation, type StreamProgress } from '../../index.js'
import { detectorOf, refuseDetecting } from '../common/alignment.js'
import { imageProgress } from '../common/progress.js'
import type { Context } from '../context.js'
import type { EvaluateOptions } from '../options/evaluate.js'
import { UsageError } from '../usage_error.js'

export interface Setup {
  model: Model
  /** The network's, or where the file gives it none, the file's. */
  name: string
  align: Align
  centerFraction: number
  detector?: Detector
  flip: boolean
  batchSize?: number
}

/** Opens the model, and the detector where one is asked for, for as long as `use` runs. */
export async function withSetup(
  context: Context<EvaluateOptions>,
  use: (setup: Setup) => Promise<void>,
  path = modelPaths(context)[0]!,
): Promise<void> {
  const { align, centerFraction, flip, batchSize } = context.options
  if (align !== 'detect') refuseDetecting(context, align)
  await using model = await openModel(path, context.opening())
  const detector = align === 'detect' ? await detectorOf(context) : undefined
  const name = model.name || basename(path)
  try {
    await use({ model, name, align, centerFraction, detector, flip, batchSize })
  } finally {
    detector?.dispose()
  }
}

/** What decides the embeddings besides the model. */
export function preparationOf({ model, align, centerFraction, detector, flip }: Setup): Preparation {
  return model.preparationOf({ align, centerFraction, ...(detector && { detector }), flip })
}

/** At least one. */
export function modelPaths({ options }: Context<EvaluateOptions>): string[] {
  if (options.model.length === 0) throw new UsageError('--model is missing, and FACENET_MODEL is not set')
  return options.model
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
    ...(align === 'center' ? { centerFraction } : {}),
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

/** In the order of the images, which for an archive is its own. */
export async function embedAll(
  context: Context,
  setup: Setup,
  found: FoundImages,
  degradations: readonly Degradation[] = [],
): Promise<EmbeddedImages> {
  const progress = imageProgress(context.quiet)
  const { model, align, centerFraction, detector, flip, batchSize } = setup
  const onProgress = (now: StreamProgress) => progress.update(now)
  const { signal } = context
  const decoding = { ...context.limits(), align, centerFraction, detector, flip }
  const how = { ...decoding, batchSize, degradations, signal, onProgress }
  const embedded = await embedNamed(model, found, how).finally(() => progress.stop())
  for (const { path, by } of embedded.fallbacks) {
    context.say(`no face found in ${path}: ${by === 'points' ? 'aligned by the given points' : 'centre crop'}`)
  }
  for (const { error } of embedded.failures) context.complain(`${error.message} (${error.code})`)
  return embedded
}
