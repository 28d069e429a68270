/** What the protocols share: the model, the alignment, and the embeddings of the images that pairs name. */
import { basename } from 'node:path'
import type { Detector } from '../../detection/index.js'
import { FaceNetError } from '../../errors.js'
import type { Degradation } from '../../evaluation/degrade.js'
import { embedImages, evaluationAligns } from '../../evaluation/embed_images.js'
import type { ImagePair } from '../../evaluation/lfw_pairs.js'
import type { FivePoints } from '../../images/index.js'
import { type FailedImage, type Model, openModel } from '../../index.js'
import { openSource, type SourceImage } from '../../sources/index.js'
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

/** The images of `sources` by the name `keyOf` gives their path; those it gives none are left out. The first of equals counts. */
export async function findImages(sources: string[], keyOf: (path: string) => string | undefined) {
  const images = new Map<string, SourceImage>()
  for await (const image of openSource(sources)) {
    const key = keyOf(image.path)
    if (key !== undefined && !images.has(key)) images.set(key, image)
  }
  if (images.size === 0) throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No images were found')
  return images
}

/** Pairs whose two sides are `there`, and how many are not. Without --skip-missing the first that is not is an error. */
export function presentPairs(context: Context, pairs: ImagePair[], file: string, there: (name: string) => boolean) {
  const present: ImagePair[] = []
  for (const pair of pairs) {
    const missing = [pair.a, pair.b].find((name) => !there(name))
    if (missing === undefined) present.push(pair)
    else if (!context.flag('skip-missing')) {
      const argument = `${file}:${pair.line}`
      const message = `Expected images that are there for ${argument} but received ${missing}, which is missing; --skip-missing leaves such pairs out`
      throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument, received: missing })
    }
  }
  if (present.length === 0) throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `No pair of ${file} has its images`)
  return { present, skipped: pairs.length - present.length }
}

export interface Embedded {
  /** By name. */
  embeddings: Map<string, Float32Array>
  /** By name: the embeddings of the degraded input, one for each of the degradations. */
  degraded: Map<string, Float32Array[]>
  failures: FailedImage[]
  /** Images in which no face was found. */
  fallbacks: { path: string; by: 'points' | 'center' }[]
  /** By path: what images were aligned by where faces were detected. */
  points: Map<string, FivePoints>
}

/** In the order of the map, which for an archive is its own. */
export async function embedAll(
  context: Context,
  setup: Setup,
  images: Map<string, SourceImage>,
  degradations: readonly Degradation[] = [],
): Promise<Embedded> {
  const embedded: Embedded = {
    embeddings: new Map(),
    degraded: new Map(),
    failures: [],
    fallbacks: [],
    points: new Map(),
  }
  const names = new Map([...images].map(([name, { path }]) => [path, name]))
  async function* source() {
    yield* images.values()
  }
  const progress = imageProgress(context.quiet)
  const rows = embedImages(setup.model, source(), {
    ...setup,
    degradations,
    signal: context.signal,
    onProgress: (now) => progress.update(now),
    onFailure: (failure) => embedded.failures.push(failure),
    onFallback: (path, by) => embedded.fallbacks.push({ path, by }),
    onPoints: (path, points) => embedded.points.set(path, points),
  })
  try {
    for await (const { path, embedding, degraded } of rows) {
      embedded.embeddings.set(names.get(path)!, embedding)
      embedded.degraded.set(names.get(path)!, degraded)
    }
  } finally {
    progress.stop()
  }
  for (const { path, by } of embedded.fallbacks) {
    context.say(`no face found in ${path}: ${by === 'points' ? 'aligned by the given points' : 'centre crop'}`)
  }
  for (const { error } of embedded.failures) context.complain(`${error.message} (${error.code})`)
  return embedded
}

export function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2
  return sum
}
