/** Images of a network's size to embeddings: each call into the addon for one caller, or with `batching` for several. */
import type { NativeModel } from '../../types/native.js'
import { Batcher } from '../native/batcher.js'
import { type Batching, CallLimit } from '../native/batching.js'
import { enqueueCall, InFlight } from '../native/queue.js'

export class Computing {
  readonly #native: NativeModel
  readonly #running = new InFlight()
  readonly #batcher: Batcher<undefined> | undefined
  readonly #limit: CallLimit

  constructor(native: NativeModel, dimensions: number, batching: Batching | undefined) {
    this.#native = native
    this.#limit = new CallLimit(batching?.maxQueue)
    this.#batcher =
      batching &&
      new Batcher(batching, async (images, count, _, signal) => {
        const out = new Float32Array(count * dimensions)
        await this.#running.track(this.#call(images as Uint8Array, count, out, signal))
        return [out]
      })
  }

  /** Whether images wait here before the addon copies them: they must be nobody else's then. */
  get keepsImages(): boolean {
    return this.#batcher !== undefined
  }

  /** A caller's work, which is refused where there is too much, and is waited for before the model is freed. */
  admit<T>(work: () => Promise<T>): Promise<T> {
    return this.#running.track(this.#limit.admit(work))
  }

  /** `count` images to `count` embeddings. */
  run(images: Uint8Array, count: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    return this.#running.track(
      this.#batcher ? this.#batched(images, count, out, signal) : this.#call(images, count, out, signal),
    )
  }

  async #batched(images: Uint8Array, count: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    const [rows] = await this.#batcher!.run(images, count, undefined, signal)
    out.set(rows!)
  }

  #call(images: Uint8Array, count: number, out: Float32Array, signal?: AbortSignal): Promise<void> {
    return enqueueCall(signal, (cancel) => this.#native.run(images, count, [out], cancel))
  }

  /** Frees the model once what is under way has ended. */
  async close(): Promise<void> {
    await this.#running.settled()
    this.#native.dispose()
  }
}
