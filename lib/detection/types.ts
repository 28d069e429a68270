/** What every detector takes and gives. */
import type { FivePoints } from '../images/geometry.js'

/** H x W x 3 bytes. */
export interface RgbImage {
  data: Uint8Array
  width: number
  height: number
}

/** In pixels of the image; x and y are the top left corner, and a face cut by the border may reach over it. */
export interface FaceBox {
  x: number
  y: number
  width: number
  height: number
}

export interface DetectedFace {
  box: FaceBox
  /** 0..1 */
  score: number
  /** In pixels of the image: right eye, left eye, nose, right and left corner of the mouth. */
  points: FivePoints
}

export interface DetectOptions {
  /** Shorter side of the smallest face that is looked for, in pixels. */
  minSize?: number
  /** Faces below it are left out, 0..1. */
  scoreThreshold?: number
  signal?: AbortSignal
}

export interface Detector {
  readonly name: string
  /** Faces of each image, the best first. */
  detect(images: readonly RgbImage[], options?: DetectOptions): Promise<DetectedFace[][]>
  dispose(): void
}
