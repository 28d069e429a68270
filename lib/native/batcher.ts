/**
 * Batches that form across calls. One batch is computed at a time; what comes meanwhile waits and goes into the next one. Where
 * nothing is under way, a call goes at the end of the turn of the event loop in which it came, with all others of that turn.
 */
import { gather, type Images, type Part, scatter, takeParts, type WaitingCall } from './batch_parts.js'
import type { Batching } from './batching.js'
import { aborted, throwIfAborted } from './check_arguments.js'
import { onAbort } from './on_abort.js'

/** Computes `count` images of one kind: an array of count x elements for each output. */
export type Compute<Kind> = (images: Images, count: number, kind: Kind, signal: AbortSignal) => Promise<Float32Array[]>

interface Call<Kind> extends WaitingCall {
  readonly kind: Kind
  /** Of `performance.now()`. */
  readonly arrived: number
  readonly resolve: (outputs: Float32Array[]) => void
  readonly reject: (error: unknown) => void
  settled: boolean
}

export interface BatcherOptions extends Pick<Batching, 'maxDelay' | 'maxBatch' | 'onBatch'> {
  /** Bytes of images in a batch, unless one image has more. */
  maxBytes?: number
}

/** `Kind` says which images can be computed together: those of equal kinds (`===`). */
export class Batcher<Kind> {
  /** In the order in which they get their next images. */
  #waiting: Call<Kind>[] = []
  #running: { parts: Part<Call<Kind>>[]; stop: AbortController } | undefined
  #soon: NodeJS.Immediate | undefined
  #held: NodeJS.Timeout | undefined
  /** While calls are held back: how many more may come from callers that were just answered. */
  #expected = 0

  constructor(
    private readonly options: BatcherOptions,
    private readonly compute: Compute<Kind>,
  ) {}

  /** `images` are nobody else's until the promise settles. */
  async run(images: Images, count: number, kind: Kind, signal?: AbortSignal): Promise<Float32Array[]> {
    throwIfAborted(signal)
    let leave = () => {}
    const result = new Promise<Float32Array[]>((resolve, reject) => {
      const state = { taken: 0, outputs: undefined, settled: false }
      const call = { images, count, kind, arrived: performance.now(), resolve, reject, ...state }
      this.#waiting.push(call)
      leave = () => this.#leave(call, aborted(signal!))
    })
    const forget = signal && onAbort(signal, leave)
    this.#came()
    try {
      return await result
    } finally {
      forget?.()
    }
  }

  #came(): void {
    if (this.#running) return
    if (this.#held) {
      this.#expected--
      if (this.#expected <= 0 || this.#isFull()) this.#begin()
    } else {
      this.#soon ??= setImmediate(() => this.#begin())
    }
  }

  /** Images of the kind that is next. */
  #next(): Call<Kind>[] {
    return this.#waiting.filter(({ kind }) => kind === this.#waiting[0]!.kind)
  }

  #most({ images, count }: WaitingCall): number {
    const { maxBatch, maxBytes = Infinity } = this.options
    return Math.max(1, Math.min(maxBatch, Math.floor(maxBytes / (images.byteLength / count))))
  }

  #isFull(): boolean {
    const next = this.#next()
    return next.reduce((sum, { count, taken }) => sum + count - taken, 0) >= this.#most(next[0]!)
  }

  #begin(): void {
    clearImmediate(this.#soon)
    clearTimeout(this.#held)
    this.#soon = undefined
    this.#held = undefined
    if (this.#waiting.length === 0) return
    const next = this.#next()
    const parts = takeParts(next, this.#most(next[0]!))
    // Calls that want more go to the end, behind those that have had nothing yet.
    const served = new Set(parts.map(({ call }) => call))
    const unfinished = parts.map(({ call }) => call).filter(({ taken, count }) => taken < count)
    this.#waiting = [...this.#waiting.filter((call) => !served.has(call)), ...unfinished]
    this.#running = { parts, stop: new AbortController() }
    void this.#computeAll(parts, this.#running.stop.signal).then((answered) => {
      this.#running = undefined
      this.#goOn(answered)
    })
  }

  /** Begins the next batch, or waits for those who were just answered to come again. */
  #goOn(answered: number): void {
    if (this.#waiting.length === 0) return
    const oldest = Math.min(...this.#waiting.map(({ arrived }) => arrived))
    const left = this.options.maxDelay - (performance.now() - oldest)
    if (answered === 0 || left <= 0 || this.#isFull()) {
      this.#begin()
    } else {
      this.#expected = answered
      this.#held = setTimeout(() => this.#begin(), left)
    }
  }

  /** How many calls were answered. Never rejects. */
  async #computeAll(parts: Part<Call<Kind>>[], signal: AbortSignal): Promise<number> {
    const failure = await this.#computeParts(parts, signal)
    if (failure) {
      // Each call gets the error that is its own, or its result where another's images were at fault.
      for (const part of parts) {
        if (part.call.settled) continue
        const own = parts.length === 1 ? failure : await this.#computeParts([part], signal)
        if (own) this.#leave(part.call, own.error)
      }
    }
    let answered = 0
    for (const { call } of parts) {
      if (call.settled || call.taken < call.count) continue
      call.settled = true
      call.resolve(call.outputs!)
      answered++
    }
    return answered
  }

  async #computeParts(parts: Part<Call<Kind>>[], signal: AbortSignal): Promise<{ error: unknown } | undefined> {
    try {
      const { images, count } = gather(parts)
      this.options.onBatch?.(count)
      scatter(parts, await this.compute(images, count, parts[0]!.call.kind, signal))
      return undefined
    } catch (error) {
      return { error }
    }
  }

  /** Takes a call out of the queue. Its images in the batch under way are computed, for the sake of the others, if there are any. */
  #leave(call: Call<Kind>, error: unknown): void {
    if (call.settled) return
    call.settled = true
    this.#waiting = this.#waiting.filter((other) => other !== call)
    if (this.#waiting.length === 0 && !this.#running) this.#begin()
    if (this.#running?.parts.every(({ call: { settled } }) => settled)) this.#running.stop.abort()
    call.reject(error)
  }
}
