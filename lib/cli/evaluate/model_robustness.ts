/** What `evaluate robustness` finds out about one model. */

import type { EmbeddedImages } from '../../evaluation/listed_images.js'
import type { Robustness } from '../../evaluation/robustness.js'
import type { Size } from '../../images/geometry.js'
import type { describeSetup } from './images.js'

export interface DegradedRow extends Robustness {
  /** JPEG quality, or pixels. */
  at: number
}

/** What a model is measured on. */
export interface Judged {
  /** The pairs, in words. */
  pairs: string
  far: number
  /** Pairs that were left out. */
  skipped: number
}

export interface ModelRobustness {
  setup: ReturnType<typeof describeSetup> & { dimensions: number; inputSize: Size; trainingImages?: number }
  line: string
  judged: Judged
  /** Of images as they are. */
  original: Robustness
  jpegQuality: DegradedRow[]
  pixels: DegradedRow[]
  images: number
  failed: number
  fallbacks: EmbeddedImages['fallbacks']
}
