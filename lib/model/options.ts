/** What `embed` and `embedStream` take. */
import type { MinSize } from '../detection/min_size.js'
import type { FaceFinder } from '../detection/types.js'
import { decodeVersion, type Preparation } from '../embeddings/preparation.js'
import { invalidArgument } from '../errors.js'
import { checkMaxImageBytes } from '../files/read_bounded.js'
import {
  type Align,
  checkDetection,
  checkTemplate,
  type Detection,
  defaultCenterFraction,
  type FaceChoice,
  type FaceTarget,
  type FileLimits,
  type FivePoints,
  faceChoices,
  gateNames,
  type QualityGates,
  type TemplateName,
} from '../images/index.js'
import { alignmentsOf160 } from '../images/templates.js'
import {
  checkFlag,
  checkFunction,
  checkInteger,
  checkNamed,
  checkOneOf,
  checkOptions,
  checkSignal,
} from '../native/check_arguments.js'
import type { FaceLeftOut, FailedImage, SourceOptions } from '../sources/index.js'

/** Options of `embed` and `embedStream` alike: how image files become embeddings. */
export interface EmbedOptions extends FileLimits, QualityGates {
  /**
   * Which part of an image is used: the whole image, or with a detector `detect`.
   * @default 'none', with a detector 'detect'
   */
  align?: Align
  /** For `align: 'points'` and `'detect'`: where the face belongs. The model's own where it is left out. */
  template?: TemplateName
  /**
   * For `align: 'center'`: the part of an image that is used, each way, above 0 and at most 1.
   * @default 0.5
   */
  centerFraction?: number
  /**
   * What finds the faces, for `align: 'detect'`; of `openDetector`, and not disposed. An option that is `undefined` is an error
   * unless `align` is given: whole images would be embedded instead of faces.
   */
  detector?: FaceFinder
  /**
   * For `align: 'detect'`: the largest face of each image, its only one (more are an error), or all of them, which is for
   * `embedStream`.
   * @default 'largest'
   */
  faces?: FaceChoice
  /** For `align: 'detect'`: shorter side of the smallest face that is looked for: pixels, or as `'2%'` a share of the
   * longer side. The detector's own if left out. */
  minSize?: MinSize
  /** For `align: 'detect'`: faces with a lower score are left out, 0..1. The detector's own if left out. */
  scoreThreshold?: number
  /**
   * For `align: 'detect'`: looks at an image turned by 90, 180 and 270 degrees too, where no face is found or none has a score of
   * 0.7. That is for photographs that lie on their side without an EXIF tag that says so; it takes up to four looks instead of one.
   * @default false
   */
  tryRotated?: boolean
  /**
   * Images that are computed together.
   * @default 32
   */
  batchSize?: number
  /**
   * Batches that may be decoded or waiting while one is computed.
   * @default 2
   */
  maxInFlight?: number
  /** Ends the work with ERR_FACENET_ABORTED: it is looked at between layers. */
  signal?: AbortSignal
  /** Called after every batch: how far it is, and what holds it up. */
  onProgress?: (progress: StreamProgress, stages: StageShares) => void
}

/** Options of `embed`, which gives one row for each image. */
export interface EmbedArrayOptions extends EmbedOptions {
  /**
   * For `align: 'detect'`: the largest face of each image, or its only one, more being an error.
   * @default 'largest'
   */
  faces?: Exclude<FaceChoice, 'all'>
  /** For `align: 'points'`: five points for each image. */
  points?: readonly FivePoints[]
  /** N x dimensions floats to write to, instead of a new array. Where the call fails, some of them may be written. */
  out?: Float32Array
}

/** Options of `embedStream`. */
export interface StreamOptions extends EmbedOptions, Pick<SourceOptions, 'exclude' | 'onPassedOver' | 'pathColumn'> {
  /** Called for each image that cannot be used. */
  onError?: (failure: FailedImage) => void
  /** Called for each face that is left out for its quality. */
  onRefused?: (face: FaceLeftOut) => void
}

/** Options of `preparationOf`: those of the call that embeds. */
export interface PreparationOptions extends StreamOptions {
  /** Whether embeddings are averaged with those of the mirrored images, as evaluations can do. */
  flip?: boolean
}

/**
 * The share of the time so far in which each stage was at work, 0..1. They work at the same time, and one near 1 holds up the
 * others. Where no faces are looked for, `decode` includes cutting out.
 */
export type StageShares = Readonly<Partial<Record<'read' | 'decode' | 'detect' | 'align' | 'embed', number>>>

/** How far an embedding of many images is. */
export interface StreamProgress {
  /** Faces embedded so far. */
  done: number
  /** Images that could not be used so far. */
  failed: number
  /** Files and folders of the source that were left out so far; `onPassedOver` says which and why. */
  passedOver: number
}

/** What `embed` and `embedStream` both take, apart from how faces are cut out. */
export const embeddingOptionNames = [
  'faces',
  'minSize',
  'scoreThreshold',
  'tryRotated',
  ...gateNames,
  'batchSize',
  'maxInFlight',
  'limitInputPixels',
  'allowTruncated',
  'maxImageBytes',
  'signal',
  'onProgress',
] as const
const known = ['align', 'template', 'centerFraction', 'detector', ...embeddingOptionNames] as const
/** What `embedStream` alone takes. */
export const streamOptionNames = ['onError', 'onRefused', 'exclude', 'onPassedOver', 'pathColumn'] as const

/** Checks what both take; `others` are the names that only this call knows, `faces` the choices it has. */
export function checkEmbedOptions(
  options: EmbedOptions,
  others: readonly string[],
  faces: readonly FaceChoice[],
): void {
  checkOptions(options, 'options', [...known, ...others])
  checkSignal(options.signal)
  checkFunction(options.onProgress, 'options.onProgress')
  if (options.batchSize !== undefined) checkInteger(options.batchSize, 'options.batchSize', 1)
  if (options.maxInFlight !== undefined) checkInteger(options.maxInFlight, 'options.maxInFlight', 1)
  if (options.limitInputPixels !== undefined) checkInteger(options.limitInputPixels, 'options.limitInputPixels', 1)
  if (options.allowTruncated !== undefined) {
    checkOneOf(options.allowTruncated, 'options.allowTruncated', [true, false])
  }
  if (options.maxImageBytes !== undefined) checkMaxImageBytes(options.maxImageBytes)
  if (options.template !== undefined) checkTemplate(options.template)
  if (options.faces !== undefined) checkOneOf(options.faces, 'options.faces', faces)
  const { centerFraction } = options
  if (centerFraction !== undefined && !(centerFraction > 0 && centerFraction <= 1)) {
    throw invalidArgument('options.centerFraction', 'a number above 0 and at most 1', centerFraction)
  }
  if (options.align === undefined) checkNamed(options, 'detector', 'a detector')
}

/** What is needed to know of a model to bring images to its input. */
export interface ModelInput {
  readonly inputSize: { readonly height: number; readonly width: number }
  readonly metadata: { readonly alignment: string }
}

/** How images are brought to a network, of the options of a call. */
export function embedTarget(model: ModelInput, options: EmbedOptions): FaceTarget {
  const align = options.align ?? (options.detector ? 'detect' : 'none')
  const detection = align === 'detect' ? checkDetection(options, 'largest') : undefined
  const { centerFraction, limitInputPixels, allowTruncated } = options
  return { ...faceTarget(model, align, options.template, detection), centerFraction, limitInputPixels, allowTruncated }
}

/** How image files are brought to a model's input. Where its file names no template, the usual one of its size. */
export function faceTarget(
  { inputSize: { height, width }, metadata }: ModelInput,
  align: Align = 'none',
  template?: TemplateName,
  detection?: Detection,
): FaceTarget {
  const own = metadata.alignment === 'none' ? undefined : (metadata.alignment as TemplateName)
  const cutOut = align === 'detect' || align === 'points'
  if (cutOut && template === undefined && own === undefined && height === 160 && width === 160) {
    throw invalidArgument('template', `one, as this model of 160x160 states no alignment: ${alignmentsOf160}`, 'none')
  }
  const usual = height === 112 && width === 112 ? 'arcface112' : 'dlib'
  return { height, width, align, template: template ?? own ?? usual, detection }
}

/** What decides an embedding besides the model, of the options of a call. */
export function preparationOf(model: ModelInput, options: PreparationOptions): Preparation {
  checkEmbedOptions(options, ['flip', 'onError', 'onRefused', 'out', 'points'], faceChoices)
  checkFlag(options.flip, 'options.flip')
  const { align, template, centerFraction, detection } = embedTarget(model, options)
  return Object.freeze({
    align: align!,
    ...((align === 'points' || align === 'detect') && { template }),
    ...(align === 'center' && { centerFraction: centerFraction ?? defaultCenterFraction }),
    ...(detection && {
      detector: detection.detector.name,
      detectorFingerprint: detection.detector.fingerprint ?? null,
    }),
    flip: options.flip ?? false,
    decode: decodeVersion,
  })
}
