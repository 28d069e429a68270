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

/** A face that was found. */
export interface DetectedFace {
  box: FaceBox
  /** 0..1 */
  score: number
  /** In pixels of the image: right eye, left eye, nose, right and left corner of the mouth. */
  points: FivePoints
}

/** What is looked for. */
export interface DetectOptions {
  /** Shorter side of the smallest face that is looked for, in pixels. */
  minSize?: number
  /** Faces below it are left out, 0..1. */
  scoreThreshold?: number
  signal?: AbortSignal
}

/** What finds faces: a detector of `openDetector`, or your own. */
export interface FaceFinder {
  /** Which one it is. */
  readonly name: string
  /** Faces of each image, the best first. */
  detect(images: readonly RgbImage[], options?: DetectOptions): Promise<DetectedFace[][]>
}

/**
 * A detector that is open, of `openDetector`. It holds native memory until it is closed.
 *
 * @example
 * ```ts
 * await using detector = await openDetector('./d.safetensors')
 * const [faces] = await detector.detect([{ data, width, height }], { minSize: 40 })
 * ```
 */
export interface Detector extends FaceFinder {
  /** Whether the detector was closed. */
  readonly disposed: boolean
  /** Frees what the detector holds, once calls that are under way have ended. May be called more than once. */
  dispose(): void
  /** The same, to be waited for. */
  close(): Promise<void>
  /** `dispose`, for `using`. */
  [Symbol.dispose](): void
  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
