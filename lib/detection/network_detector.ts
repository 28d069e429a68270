/** What detectors that are made of networks share: what they are known by, and how they end. */
import { checkDetectOptions } from './detect_options.js'
import { copyOf, detectInPlace } from './own_pixels.js'
import type { SizedNetwork } from './sized_network.js'
import type { DetectedFace, DetectOptions, Detector, RgbImage } from './types.js'

export abstract class NetworkDetector implements Detector {
  abstract readonly name: string
  readonly #networks: readonly SizedNetwork[]
  #closing: Promise<void> | undefined

  constructor(
    networks: readonly SizedNetwork[],
    readonly fingerprint: string,
  ) {
    this.#networks = networks
  }

  abstract smallestFace(image: { width: number; height: number }): number

  abstract [detectInPlace](images: readonly RgbImage[], options: DetectOptions): Promise<DetectedFace[][]>

  async detect(images: readonly RgbImage[], options: DetectOptions = {}): Promise<DetectedFace[][]> {
    const checked = checkDetectOptions(images, options)
    return this[detectInPlace](images.map(copyOf), checked)
  }

  get disposed(): boolean {
    return this.#closing !== undefined
  }

  dispose(): void {
    void this.close()
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#networks.map((network) => network.close())).then(() => {})
    return this.#closing
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
