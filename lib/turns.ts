/**
 * Native work runs one job at a time in each JavaScript thread. Waiting for that here, rather than in the native queue,
 * lets a call that is aborted while it waits end at once.
 */
import { aborted, throwIfAborted } from './options.js'

let last: Promise<unknown> = Promise.resolve()

/** Runs `job` once every earlier one has ended. Rejects with ERR_FACENET_ABORTED where `signal` is aborted before that. */
export async function takeTurn<T>(signal: AbortSignal | undefined, job: () => Promise<T>): Promise<T> {
  throwIfAborted(signal)
  const before = last
  let leave!: () => void
  const turn = new Promise<void>((resolve) => {
    leave = resolve
  })
  last = before.then(() => turn)
  try {
    await waitFor(before, signal)
    return await job()
  } finally {
    leave()
  }
}

async function waitFor(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return void (await before)
  let stop!: () => void
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(signal))
  })
  signal.addEventListener('abort', stop, { once: true })
  try {
    await Promise.race([before, stopped])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
