/** What detectors that are made of networks share: what they are known by, and how they end. */
import { CallLimit } from '../native/batching.js'
import { checkDetectOptions } from './detect_options.js'
import { admit, copyOf, detectInPlace } from './own_pixels.js'
import type { SizedNetwork } from './sized_network.js'
import type { DetectedFace, DetectOptions, Detector, RgbImage } from './types.js'

export abstract class NetworkDetector implements Detector {
  abstract readonly name: string
  readonly #networks: readonly SizedNetwork[]
  #closing: Promise<void> | undefined
  #limit = new CallLimit()

  constructor(
    networks: readonly SizedNetwork[],
    readonly fingerprint: string,
  ) {
    this.#networks = networks
  }

  /** Calls that may be under way at a time, from now on. */
  limitCalls(most: number): void {
    this.#limit = new CallLimit(most)
  }

  [admit]<T>(work: () => Promise<T>): Promise<T> {
    return this.#limit.admit(work)
  }

  abstract smallestFace(image: { width: number; height: number }): number

  abstract [detectInPlace](images: readonly RgbImage[], options: DetectOptions): Promise<DetectedFace[][]>

  async detect(images: readonly RgbImage[], options: DetectOptions = {}): Promise<DetectedFace[][]> {
    const checked = checkDetectOptions(images, options)
    return this[admit](() => this[detectInPlace](images.map(copyOf), checked))
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
