/** Calls that are aborted while they work, at moments that turns of the event loop set and no clock. */
import { setImmediate } from 'node:timers/promises'
import * as assert from 'uvu/assert'

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate()
}

interface Aborted {
  code?: string
  cause?: unknown
}

/**
 * Makes a call again and again and aborts it later each time, with the reason 'enough', until it is done before that. Every
 * earlier call has to be aborted, and `check` is called after each.
 */
export async function abortLaterAndLater(
  call: (signal: AbortSignal) => Promise<unknown>,
  check: () => void | Promise<void>,
): Promise<void> {
  for (let wait = 1; ; wait *= 4) {
    const controller = new AbortController()
    const outcome = call(controller.signal).then(
      () => undefined,
      (error: Aborted) => error,
    )
    await turns(wait)
    controller.abort('enough')
    const error = await outcome
    if (!error) return assert.ok(wait > 1, 'the call was done before it could be aborted')
    assert.is(error.code, 'ERR_FACENET_ABORTED')
    assert.is(error.cause, 'enough')
    await check()
  }
}
