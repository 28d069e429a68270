/** What `embed`, `verify` and `detect` share: how faces are found and brought to a network's input. */
import { openDetector } from '../../detection/index.js'
import type { Detector } from '../../detection/types.js'
import { type FaceChoice, faceChoices } from '../../images/index.js'
import type { Align } from '../../index.js'
import { type Context, UsageError } from '../context.js'
import { defaultDetector } from './default_detector.js'

export interface Alignment {
  align: Align
  detector?: Detector
  faces?: FaceChoice
  minSize?: number
  scoreThreshold?: number
}

export interface DetectionOptions {
  minSize?: number
  scoreThreshold?: number
}

/** Options that mean nothing unless faces are detected. */
const detecting = ['detector', 'faces', 'min-size', 'score']

/** The options but for the detector; `faces` where the command line does not say which. */
export function readAlignment(context: Context, faces: FaceChoice): Alignment {
  const align = context.oneOf('align', ['detect', 'none', 'center', 'points']) ?? 'detect'
  if (align === 'detect') {
    return { align, faces: context.oneOf('faces', faceChoices) ?? faces, ...readDetection(context) }
  }
  const needless = detecting.find((name) => context.text(name) !== undefined)
  if (needless) throw new UsageError(`--${needless} is for --align detect, not ${align}`)
  return { align }
}

export function readDetection(context: Context): DetectionOptions {
  const [minSize, scoreThreshold] = [context.number('min-size'), context.number('score')]
  if (minSize !== undefined && !(minSize > 0)) throw new UsageError(`--min-size is above 0, not ${minSize}`)
  if (scoreThreshold !== undefined && !(scoreThreshold >= 0 && scoreThreshold <= 1)) {
    throw new UsageError(`--score is a number in 0..1, not ${scoreThreshold}`)
  }
  return { minSize, scoreThreshold }
}

/** `use` with the detector that the alignment needs, if any; it is disposed afterwards. */
export async function withDetector<T>(
  context: Context,
  alignment: Alignment,
  use: (alignment: Alignment) => Promise<T>,
): Promise<T> {
  if (alignment.align !== 'detect') return use(alignment)
  const detector = await detectorOf(context)
  try {
    return await use({ ...alignment, detector })
  } finally {
    detector.dispose()
  }
}

/** The detector that the command line or FACENET_DETECTOR names, else the default one. */
export async function detectorOf(context: Context): Promise<Detector> {
  const { device, threads, signal } = context.modelOptions()
  const path = context.text('detector') ?? (process.env.FACENET_DETECTOR || (await defaultDetector()))
  return openDetector(path, { device, threads, signal })
}
