/** Jobs of several calls into the addon, one after the other. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { enqueue } from '../../lib/native/queue.js'

test('a job does not begin once its signal is aborted, at whichever microtask that is', async () => {
  for (let delay = 0; delay < 16; delay++) {
    const controller = new AbortController()
    const { signal } = controller
    let begunAborted = false
    const first = enqueue(undefined, async () => {})
    const second = enqueue(signal, async () => {
      begunAborted = signal.aborted
    }).catch(({ code }) => code)
    for (let i = 0; i < delay; i++) await undefined
    controller.abort()
    await first
    const outcome = await second
    assert.not(begunAborted, `after ${delay} microtasks`)
    assert.ok(outcome === undefined || outcome === 'ERR_FACENET_ABORTED', `${outcome}`)
  }
})

test('jobs run in the order of their calls, after an aborted one too', async () => {
  const order: number[] = []
  const job = (n: number) => async () => void order.push(n)
  const controller = new AbortController()
  const all = [enqueue(undefined, job(1)), enqueue(controller.signal, job(2)), enqueue(undefined, job(3))]
  controller.abort()
  const outcomes = await Promise.allSettled(all)
  assert.equal(order, [1, 3])
  assert.equal(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
})

test.run()
