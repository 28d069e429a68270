/** Batches that form across calls: what is computed together, in which order, and what ends early. No test looks at a clock. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Batcher, type BatcherOptions } from '../../lib/native/batcher.js'
import { rejection } from '../api/support.js'
import { seeded } from '../support/random.js'

/** Longer than any test: whoever waits for it does not end. */
const forever = 60_000

/** A device that adds one to each value, once it is told to. An image is two values; 13 cannot be computed. */
function device(options: Partial<BatcherOptions> = {}) {
  const batches: { values: number[]; kind: string; signal: AbortSignal }[] = []
  const ends: (() => void)[] = []
  const batcher = new Batcher<string>({ maxDelay: 0, maxBatch: 8, ...options }, async (images, count, kind, signal) => {
    assert.is(images.length, 2 * count)
    batches.push({ values: [...images].filter((_, i) => i % 2 === 0), kind, signal })
    await new Promise<void>((resolve) => ends.push(resolve))
    signal.throwIfAborted()
    if (images.includes(13)) throw new Error('13 cannot be computed')
    return [Float32Array.from(images, (value) => value + 1)]
  })
  return {
    batches,
    values: () => batches.map(({ values }) => values),
    embed: (values: number[], { kind = 'a', signal }: { kind?: string; signal?: AbortSignal } = {}) => {
      const images = Uint8Array.from(values.flatMap((value) => [value, value]))
      return batcher.run(images, values.length, kind, signal).then(([out]) => [...out!].filter((_, i) => i % 2 === 0))
    },
    /** Ends the batch under way, and lets all that follows of it happen. */
    async end() {
      while (ends.length === 0) await turn()
      ends.shift()!()
      await turn()
      await turn()
    },
    /** Ends batches as they come. */
    async endAll(work: Promise<unknown>[]) {
      let open = true
      const all = Promise.allSettled(work).then(() => {
        open = false
      })
      while (open) {
        ends.shift()?.()
        await turn()
      }
      await all
    },
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a call alone is computed at once, however long the delay may be', async () => {
  const { embed, end, values } = device({ maxDelay: forever })
  for (const value of [1, 2, 3]) {
    const result = embed([value])
    await end()
    assert.equal(await result, [value + 1])
  }
  assert.equal(values(), [[1], [2], [3]])
})

test('calls of one turn are computed together, and those that come meanwhile are the next batch', async () => {
  const { embed, end, values } = device()
  const first = [embed([1]), embed([2, 3]), embed([4])]
  await turn()
  const second = [embed([5]), embed([6])]
  await end()
  assert.equal(await Promise.all(first), [[2], [3, 4], [5]])
  await end()
  assert.equal(await Promise.all(second), [[6], [7]])
  assert.equal(values(), [
    [1, 2, 3, 4],
    [5, 6],
  ])
})

test('a large call does not hold up small ones, and gets what they leave', async () => {
  const { embed, endAll, values } = device({ maxBatch: 4 })
  const order: string[] = []
  const large = embed([10, 11, 12, 14, 15, 16, 17, 18, 19, 20]).then((result) => {
    order.push('large')
    return result
  })
  const small = [1, 2].map((value) => embed([value]).then(() => order.push(`${value}`)))
  await endAll([large, ...small])
  assert.equal(await large, [11, 12, 13, 15, 16, 17, 18, 19, 20, 21])
  assert.equal(order, ['1', '2', 'large'])
  assert.equal(values(), [
    [10, 11, 1, 2],
    [12, 14, 15, 16],
    [17, 18, 19, 20],
  ])
})

test('two large calls take turns, and one that comes later is not behind both', async () => {
  const { embed, end, endAll, values } = device({ maxBatch: 4 })
  const large = [embed([1, 2, 3, 4, 5, 6]), embed([21, 22, 23, 24, 25, 26])]
  await turn()
  const late = embed([40])
  await end()
  await endAll([...large, late])
  assert.equal(values()[0], [1, 2, 21, 22])
  assert.ok(values()[1]!.includes(40), `${values()[1]}`)
  assert.is(values().flat().length, 13)
})

test('more calls than a batch has places are served in their order', async () => {
  const { embed, endAll, values } = device({ maxBatch: 2 })
  await endAll([1, 2, 3, 4, 5].map((value) => embed([value])))
  assert.equal(values(), [[1, 2], [3, 4], [5]])
})

test('a call is held back for those who were just answered, until as many have come', async () => {
  const { embed, end, values, batches } = device({ maxDelay: forever })
  const first = [embed([1]), embed([2])]
  await turn()
  const waiting = embed([3])
  await end()
  await Promise.all(first)
  const again = embed([4])
  await turn()
  assert.is(batches.length, 1, 'one of two has come again')
  const last = embed([5])
  await end()
  assert.equal(await Promise.all([waiting, again, last]), [[4], [5], [6]])
  assert.equal(values(), [
    [1, 2],
    [3, 4, 5],
  ])
})

test('none is held back where the batch is full, where nobody was answered, or without a delay', async () => {
  const full = device({ maxDelay: forever, maxBatch: 2 })
  const some = [1, 2, 3, 4].map((value) => full.embed([value]))
  await full.endAll(some)
  const long = device({ maxDelay: forever, maxBatch: 2 })
  await long.endAll([long.embed([1, 2, 3])])
  const none = device({ maxDelay: 0 })
  const first = none.embed([1])
  await turn()
  const second = none.embed([2])
  await none.endAll([first, second])
  assert.equal(
    [full.values(), long.values(), none.values()],
    [
      [
        [1, 2],
        [3, 4],
      ],
      [[1, 2], [3]],
      [[1], [2]],
    ],
  )
})

test('a call that is held back goes after its delay', async () => {
  const { embed, endAll, values } = device({ maxDelay: 20 })
  const first = embed([1])
  await turn()
  await endAll([first, embed([2])])
  assert.equal(values(), [[1], [2]])
})

test('an aborted call leaves the queue, and its batch goes on for the others', async () => {
  const { embed, end, values, batches } = device({ maxBatch: 3 })
  const reason = new Error('gone')
  const [computed, waiting] = [new AbortController(), new AbortController()]
  const [kept, leaves] = [embed([1]), embed([2, 3, 4, 5], computed)]
  await turn()
  const [other, dropped] = [embed([6]), embed([7], waiting)]
  computed.abort(reason)
  waiting.abort()
  const { code, cause } = (await rejection(leaves)) as { code: string; cause?: unknown }
  assert.equal([code, cause], ['ERR_FACENET_ABORTED', reason])
  assert.is((await rejection(dropped)).code, 'ERR_FACENET_ABORTED')
  assert.not(batches[0]!.signal.aborted)
  await end()
  assert.equal(await kept, [2])
  await end()
  assert.equal(await other, [7])
  assert.equal(values(), [[1, 2, 3], [6]])
  assert.is((await rejection(embed([8], computed))).code, 'ERR_FACENET_ABORTED')
})

test('a batch that nobody waits for is stopped, and what waits goes on', async () => {
  const { embed, end, batches } = device()
  const controller = new AbortController()
  const all = [embed([1], controller), embed([2], controller)]
  await turn()
  const next = embed([3])
  controller.abort()
  for (const one of all) assert.is((await rejection(one)).code, 'ERR_FACENET_ABORTED')
  assert.ok(batches[0]!.signal.aborted)
  await end()
  await end()
  assert.equal(await next, [4])
})

test('the last call that is held back leaves nothing behind when it is aborted', async () => {
  const { embed, end, values } = device({ maxDelay: forever })
  const controller = new AbortController()
  const first = embed([1])
  await turn()
  const held = embed([2], controller)
  await end()
  controller.abort()
  assert.is((await rejection(held)).code, 'ERR_FACENET_ABORTED')
  const next = embed([3])
  await end()
  assert.equal([await first, await next, values()], [[2], [4], [[1], [3]]])
})

test('where a batch fails, each call gets its own result or its own error', async () => {
  const { embed, endAll, values } = device()
  const calls = [embed([1]), embed([13]), embed([3])]
  await endAll(calls)
  assert.equal(
    (await Promise.allSettled(calls)).map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message,
    ),
    [[2], '13 cannot be computed', [4]],
  )
  assert.equal(values(), [[1, 13, 3], [1], [13], [3]])
})

test('images of different kinds are never in one batch, and neither kind waits for ever', async () => {
  const { embed, endAll, batches } = device()
  await endAll([1, 2, 3, 4].map((value) => embed([value], { kind: value % 2 ? 'odd' : 'even' })))
  assert.equal(
    batches.map(({ kind, values }) => [kind, ...values]),
    [
      ['odd', 1, 3],
      ['even', 2, 4],
    ],
  )
})

test('a batch has no more bytes than it may, but at least an image', async () => {
  const { embed, endAll, values } = device({ maxBytes: 5 })
  await endAll([embed([1, 2, 3])])
  const tiny = device({ maxBytes: 1 })
  await tiny.endAll([tiny.embed([1, 2])])
  assert.equal(
    [values(), tiny.values()],
    [
      [[1, 2], [3]],
      [[1], [2]],
    ],
  )
})

test('every call gets its own rows or its own end, whatever is aborted or fails, and whenever', async () => {
  const random = seeded(5)
  const chance = (share: number) => random.uniform() < share
  for (let round = 0; round < 60; round++) {
    const options = { maxDelay: round % 3, maxBatch: random.integer(1, 6) }
    const batcher = new Batcher<number>(options, async (images, _, __, signal) => {
      for (let i = random.integer(0, 3); i > 0; i--) {
        await turn()
        signal.throwIfAborted()
      }
      if (chance(0.1)) throw new Error('broken')
      return [Float32Array.from(images)]
    })
    const outcomes: Promise<string>[] = []
    for (let i = 0; i < 40; i++) {
      const controller = new AbortController()
      const count = random.integer(1, 5)
      const call = batcher.run(new Uint8Array(count).fill(i), count, random.integer(0, 1), controller.signal)
      const own = ([rows]: Float32Array[]) =>
        rows!.length === count && rows!.every((value) => value === i) ? 'own' : 'wrong'
      outcomes.push(call.then(own, ({ code, message }) => code ?? message))
      if (chance(0.5)) {
        const turns = random.integer(0, 7)
        void (async () => {
          for (let t = 0; t < turns; t++) await turn()
          controller.abort()
        })()
      }
      if (chance(0.3)) await turn()
    }
    const seen = new Set(await Promise.all(outcomes))
    for (const outcome of seen) assert.ok(['own', 'broken', 'ERR_FACENET_ABORTED'].includes(outcome), outcome)
  }
})

test.run()
