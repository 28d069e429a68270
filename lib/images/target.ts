/** What a network takes, and how a face of a photograph is chosen and brought there. */
import type { MinSize } from '../detection/min_size.js'
import type { FaceFinder } from '../detection/types.js'
import type { DecodeLimits } from './decode.js'
import type { Size } from './geometry.js'
import type { QualityGates } from './quality.js'
import type { TemplateName } from './templates.js'

/**
 * - `none`: the whole image, resized to cover the network's input and cropped at the centre where the shapes differ.
 * - `center`: the same of the middle of the image, `centerFraction` of it each way. The paper's fixed centre crop.
 * - `points`: rotated, scaled and shifted so that five points of the face lie on the template.
 * - `detect`: the same with the points of each face that a detector finds; see `faces.ts`.
 */
export type Align = 'none' | 'center' | 'points' | 'detect'

/** In Labeled Faces in the Wild the detected face fills 1 / 2.2. */
export const defaultCenterFraction = 0.5

export interface AlignOptions extends DecodeLimits {
  align?: Align
  /**
   * For `center`; above 0, at most 1.
   * @default 0.5
   */
  centerFraction?: number
  /** For `points` and `detect`: the template the network was trained with. */
  template?: TemplateName
}

/** Which of a photograph's faces are used: the largest, every one, or the only one, more than that being an error. */
export type FaceChoice = 'largest' | 'all' | 'one'
export const faceChoices: readonly FaceChoice[] = ['largest', 'all', 'one']

export interface Detection {
  detector: FaceFinder
  faces: FaceChoice
  /** Shorter side of the smallest face that is looked for, in pixels of the image. */
  minSize?: MinSize
  /** Faces below it are left out, 0..1. */
  scoreThreshold?: number
  /** Looks at the image turned by 90, 180 and 270 degrees too, where no face is found or none that is sure. */
  tryRotated?: boolean
  /** Of what is chosen, these are left out. */
  gates?: QualityGates
}

/** What a network takes, and how a face is brought there. */
export interface FaceTarget extends Size, AlignOptions {
  /** For `detect`. */
  detection?: Detection
}
