/**
 * The queue of native work: one job at a time in each JavaScript thread. Waiting here, rather than in the native queue, lets
 * a call that is aborted while it waits end at once.
 */
import { FaceNetError } from '../errors.js'
import { nativeCall } from './addon.js'
import { aborted, throwIfAborted, untilAborted } from './check_arguments.js'

let last: Promise<unknown> = Promise.resolve()

/** Runs `job` once every earlier one has ended. Rejects with ERR_FACENET_ABORTED where `signal` is aborted before that. */
export async function enqueue<T>(signal: AbortSignal | undefined, job: () => Promise<T>): Promise<T> {
  throwIfAborted(signal)
  const before = last
  let end!: () => void
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  last = before.then(() => ended)
  try {
    await untilAborted(before, signal)
    return await job()
  } finally {
    end()
  }
}

/**
 * A queued call into the addon. Where `signal` is aborted meanwhile, `cancel[0]` becomes 1, which native code looks at,
 * and the rejection has the reason of whoever aborted.
 */
export function enqueueCall<T>(signal: AbortSignal | undefined, call: (cancel: Int32Array) => Promise<T>): Promise<T> {
  return enqueue(signal, async () => {
    const cancel = new Int32Array(1)
    const stop = () => void Atomics.store(cancel, 0, 1)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      return await nativeCall(() => call(cancel))
    } catch (error) {
      if (signal?.aborted && error instanceof FaceNetError && error.code === 'ERR_FACENET_ABORTED')
        throw aborted(signal)
      throw error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  })
}

/** Work that whoever frees what it uses waits for. */
export class InFlight {
  readonly #work = new Set<Promise<unknown>>()

  track<T>(work: Promise<T>): Promise<T> {
    const settled = work.catch(() => {}).finally(() => this.#work.delete(settled))
    this.#work.add(settled)
    return work
  }

  /** Resolves when all that is under way now has settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#work)
  }
}
