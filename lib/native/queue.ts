/**
 * Calls into the addon. It runs one job at a time for each JavaScript thread, in the order of the calls. A call that is aborted
 * while it waits ends at once.
 */
import type { Cancel } from '../../types/native.js'
import { FaceNetError } from '../errors.js'
import { nativeCall } from './addon.js'
import { aborted, throwIfAborted, untilAborted } from './check_arguments.js'
import { onAbort } from './on_abort.js'

/** What stops a call into the addon, as `types/native.d.ts` says; `stopped`: 1 stops it before it begins. */
export const newCancel = (stopped = 0): Cancel => new Int32Array(new SharedArrayBuffer(8)).fill(stopped, 0, 1)

/**
 * Calls the addon, at once: it has copied what the caller handed over when this function returns, so the caller may change or
 * transfer it from then on. Where `signal` is aborted, the rejection has the reason of whoever aborted.
 *
 * The addon is given two numbers. It looks at the first as it works, and ends where that is not 0; it sets the second when it
 * begins. So either it sees the first before it has done anything, or the second is seen here and its end is waited for: a call
 * that was aborted has changed nothing by the time it rejects.
 */
export async function enqueueCall<T>(
  signal: AbortSignal | undefined,
  call: (cancel: Cancel) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal)
  const cancel = newCancel()
  const work = nativeCall(() => call(cancel))
  if (!signal) return work
  let stop!: () => void
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      Atomics.store(cancel, 0, 1)
      if (Atomics.load(cancel, 1) === 0) reject(aborted(signal))
    }
  })
  const leave = onAbort(signal, stop)
  try {
    return await Promise.race([work, stopped])
  } catch (error) {
    if (signal.aborted && error instanceof FaceNetError && error.code === 'ERR_FACENET_ABORTED') throw aborted(signal)
    throw error
  } finally {
    leave()
  }
}

let last: Promise<unknown> = Promise.resolve()

/**
 * Runs a job of several calls once every earlier one has ended. Rejects with ERR_FACENET_ABORTED where `signal` is aborted before
 * that.
 */
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
    throwIfAborted(signal)
    return await job()
  } finally {
    end()
  }
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
