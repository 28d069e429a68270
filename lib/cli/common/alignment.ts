/** What the commands share that look for faces: how faces are found and brought to a network's input. */
import { openDetector } from '../../detection/index.js'
import type { MinSize } from '../../detection/min_size.js'
import type { Detector } from '../../detection/types.js'
import { type Align, type FaceChoice, gateNames, type QualityGates } from '../../images/index.js'
import { defaultDetector } from '../../models/resolve.js'
import type { Context } from '../context.js'
import { flagOf } from '../options/option.js'
import type { DetectionOptions, DetectorOptions, GateOptions } from '../options/shared.js'
import { UsageError } from '../usage_error.js'

export interface Alignment {
  align: Align
  detector?: Detector
  faces?: FaceChoice
  minSize?: MinSize
  scoreThreshold?: number
  tryRotated?: boolean
  minSharpness?: number
  maxYaw?: number
  maxPitch?: number
  maxRoll?: number
}

/** Options that mean nothing unless faces are detected. */
const detecting = ['detector', 'faces', 'minSize', 'score', 'tryRotated', ...gateNames]

/** The options but for the detector. */
export function readAlignment(context: Context<DetectionOptions & { align: Align; faces: FaceChoice }>): Alignment {
  const { align, faces } = context.options
  if (align === 'detect') return { align, faces, ...readDetection(context), ...readGates(context) }
  refuseDetecting(context, align)
  return { align }
}

/** Options of detection where nothing is detected. */
export function refuseDetecting({ given }: Context, align: Align): void {
  const needless = detecting.find((name) => given.has(name))
  if (needless) throw new UsageError(`${flagOf(needless)} is for --align detect, not ${align}`)
}

export function readDetection({ options }: Context<DetectionOptions>) {
  return { minSize: options.minSize, scoreThreshold: options.score, tryRotated: options.tryRotated }
}

/** Of commands that have gates of quality. */
export function readGates({ options }: Context): QualityGates {
  const given = options as Partial<GateOptions>
  const gates: QualityGates = {}
  for (const name of gateNames) if (given[name] !== undefined) gates[name] = given[name]
  return gates
}

/** `use` with the detector that the alignment needs, if any; it is disposed afterwards. */
export async function withDetector<T>(
  context: Context<DetectorOptions>,
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
export async function detectorOf(context: Context<DetectorOptions>): Promise<Detector> {
  const { device, threads, signal } = context.opening()
  const source = context.options.detector ?? (process.env.FACENET_DETECTOR || defaultDetector)
  return openDetector(source, { device, threads, signal })
}
