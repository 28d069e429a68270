/** One network on inputs of many sizes: it is planned anew for each size, and the plans used last are kept. */
import type { GraphDescription } from '../../types/graph.js'
import type { DeviceKind, DType, NativeModel, WeightSource } from '../../types/native.js'
import { atSize } from '../convert/networks/resize.js'
import { disposed } from '../errors.js'
import { native, nativeCall } from '../native/addon.js'
import { Batcher } from '../native/batcher.js'
import type { Batching } from '../native/batching.js'
import { enqueue, enqueueCall } from '../native/queue.js'
import { sharedFloats } from '../native/shared_memory.js'

export interface NetworkOptions {
  device: DeviceKind
  /** Of CUDA; the first device that can be used where it is left out. */
  deviceIndex?: number
  dtype: DType
  threads: number
  /** Inputs of one size that concurrent calls bring go through the network together. */
  batching?: Batching
}

/** Bytes of inputs that go through a network together where calls are batched. */
const batchBytes = 8 << 20

/** Sizes whose plans are kept. Photographs come in few shapes, and a plan takes milliseconds to make again. */
const keptPlans = 6

export class SizedNetwork {
  /** By `height x width`, the one used last at the end. */
  readonly #plans = new Map<string, NativeModel>()
  #disposed = false
  readonly #options: Omit<NetworkOptions, 'batching'>
  /** Its kinds are `height x width`. */
  readonly #batcher: Batcher<string> | undefined

  constructor(
    readonly graph: GraphDescription,
    private readonly weights: WeightSource,
    { batching, ...options }: NetworkOptions,
  ) {
    this.#options = options
    if (!batching) return
    this.#batcher = new Batcher({ ...batching, maxBytes: batchBytes }, (images, count, size, signal) => {
      const [height, width] = size.split('x').map(Number)
      return this.#run(images, count, [height!, width!], signal)
    })
  }

  /**
   * `count` images of height x width x 3 bytes, or of floats where the graph takes them. Resolves to one array an output,
   * count x height x width x channels of that output, in the order of the graph's outputs. `images` are nobody else's.
   */
  run(
    images: Uint8Array | Float32Array,
    count: number,
    size: readonly [height: number, width: number],
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    return this.#batcher?.run(images, count, size.join('x'), signal) ?? this.#run(images, count, size, signal)
  }

  #run(
    images: Uint8Array | Float32Array,
    count: number,
    [height, width]: readonly [height: number, width: number],
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    // Plans are made, used and dropped in turns, so none is dropped while it runs.
    return enqueue(signal, async () => {
      const plan = await this.#planFor(height, width)
      const outputs = plan.outputs.map(([h, w, c]) => sharedFloats(count * h * w * c))
      await enqueueCall(signal, (cancel) => plan.run(images, count, outputs, cancel))
      return outputs
    })
  }

  async #planFor(height: number, width: number): Promise<NativeModel> {
    if (this.#disposed) throw disposed('detector')
    const key = `${height}x${width}`
    const open = () => native().openModel(atSize(this.graph, height, width), this.weights, this.#options)
    const plan = this.#plans.get(key) ?? (await nativeCall(open))
    this.#plans.delete(key)
    this.#plans.set(key, plan)
    for (const [oldest, unused] of this.#plans) {
      if (this.#plans.size <= keptPlans) break
      this.#plans.delete(oldest)
      unused.dispose()
    }
    return plan
  }

  dispose(): void {
    void this.close()
  }

  /** Frees the plans once what runs has ended. */
  close(): Promise<void> {
    this.#disposed = true
    return enqueue(undefined, async () => {
      for (const plan of this.#plans.values()) plan.dispose()
      this.#plans.clear()
    })
  }
}
