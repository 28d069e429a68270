/** What every detector takes and gives. */
import type { FivePoints } from '../images/geometry.js'
import type { MinSize } from './min_size.js'

/** An image in memory. */
export interface RgbImage {
  /** height x width x 3 bytes, red, green, blue. */
  data: Uint8Array
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
}

/** A rectangle, in pixels of the image. A face at the border may reach over it. */
export interface FaceBox {
  /** Left edge. */
  x: number
  /** Top edge. */
  y: number
  /** From left to right. */
  width: number
  /** From top to bottom. */
  height: number
}

/** A face that was found. */
export interface DetectedFace {
  /** Where the face is. */
  box: FaceBox
  /** How sure the detector is, 0..1. */
  score: number
  /**
   * In pixels of the image: right eye, left eye, nose, right and left corner of the mouth. Empty where the detector finds boxes
   * alone, which go with templates of boxes (`margin:20%`) only.
   */
  points: FivePoints
  /**
   * Degrees by which the photograph has to be turned clockwise to show the face upright, where it was found so (`tryRotated`). Box
   * and points are those of the photograph as it is.
   */
  turn?: 90 | 180 | 270
}

/** What is looked for. */
export interface DetectOptions {
  /** Shorter side of the smallest face that is looked for: pixels, or as `'2%'` a share of the image's longer side. */
  minSize?: MinSize
  /** Faces below it are left out, 0..1. */
  scoreThreshold?: number
  /** Aborts with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

/** What finds faces: a detector of `openDetector`, or your own. */
export interface FaceFinder {
  /** Which one it is. */
  readonly name: string
  /** Of its weights: faces that other weights found are not quite the same places. Your own may leave it out. */
  readonly fingerprint?: string
  /**
   * Faces of each image, the best first.
   *
   * @param images to look at.
   * @param options sizes and scores that are looked for.
   * @returns a list of faces per image.
   */
  detect(images: readonly RgbImage[], options?: DetectOptions): Promise<DetectedFace[][]>
}

/**
 * A detector that is open, of `openDetector`. It holds native memory until it is closed.
 *
 * @example
 * ```ts
 * await using detector = await openDetector('./d.safetensors')
 * const image = { data: new Uint8Array(640 * 480 * 3), width: 640, height: 480 }
 * const [faces] = await detector.detect([image], { minSize: 40 })
 * ```
 */
export interface Detector extends FaceFinder {
  /** A hash of its graphs and weights. */
  readonly fingerprint: string
  /**
   * Shorter side, in pixels, of the smallest face that is looked for in an image of this size unless `minSize` says it.
   *
   * @param image its size.
   */
  smallestFace(image: { width: number; height: number }): number
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
