/** The pipeline of stages, with work that ends when the test says so: counts and orders, no times. */
import { setImmediate } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Meter } from '../../lib/images/meter.js'
import { type Feed, feedOf, Room, stage } from '../../lib/sources/stages.js'
import { seeded } from '../support/random.js'

async function* numbers(count: number) {
  for (let i = 0; i < count; i++) yield i
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate()
}

/** All that a feed gives; each item leaves the room when it is taken. */
async function all<T>(feed: Feed<T>, room: Room): Promise<T[]> {
  const list: T[] = []
  for (;;) {
    const items = await feed.take(3)
    if (items.length === 0) return list
    list.push(...items)
    room.leave(items.length)
  }
}

/** Work that takes a random number of turns, and says how much of it ran at once. */
function slow(seed: number) {
  const random = seeded(seed)
  const counts = { running: 0, most: 0, largest: 0 }
  const work = async (items: number[]) => {
    counts.most = Math.max(counts.most, ++counts.running)
    counts.largest = Math.max(counts.largest, items.length)
    await turns(random.integer(0, 9))
    counts.running--
    return items.map((item) => item + 1)
  }
  return { counts, work }
}

test('results come in order, with no more at a time than each stage may have', async () => {
  const room = new Room(20)
  const [first, second, third] = [slow(1), slow(2), slow(3)]
  const read = stage(feedOf(numbers(200), room), first.work, { concurrency: 3, batch: 1 })
  const decode = stage(read, second.work, { concurrency: 2, batch: 5 })
  const last = stage(decode, third.work, { concurrency: 1, batch: 8 })
  assert.equal(
    await all(last, room),
    Array.from({ length: 200 }, (_, i) => i + 3),
  )
  assert.is(first.counts.most, 3)
  assert.is(first.counts.largest, 1)
  assert.is(second.counts.most, 2)
  assert.ok(second.counts.largest > 1 && second.counts.largest <= 5)
  assert.is(third.counts.most, 1)
  assert.ok(third.counts.largest > 1 && third.counts.largest <= 8)
})

test('all stages are at work at the same time', async () => {
  const room = new Room(8)
  let [firstRuns, both] = [0, 0]
  const read = stage(
    feedOf(numbers(50), room),
    async (items: number[]) => {
      firstRuns++
      await turns(5)
      firstRuns--
      return items
    },
    { concurrency: 1, batch: 1 },
  )
  const next = stage(
    read,
    async (items: number[]) => {
      await turns(5)
      if (firstRuns > 0) both++
      return items
    },
    { concurrency: 1, batch: 1 },
  )
  assert.is((await all(next, room)).length, 50)
  assert.ok(both > 25, `${both} of 50 while the stage before was at work`)
})

test('no more items are in the pipeline than there is room for', async () => {
  const room = new Room(6)
  let asked = 0
  async function* counted() {
    for (let i = 0; i < 60; i++) {
      asked++
      yield i
    }
  }
  const read = stage(feedOf(counted(), room), async (items: number[]) => items, { concurrency: 4, batch: 1 })
  const next = stage(read, async (items: number[]) => items, { concurrency: 2, batch: 4 })
  for (let taken = 0; taken < 60; ) {
    const items = await next.take(2)
    await turns(20)
    assert.ok(asked <= taken + 6, `${asked} asked for when ${taken} had been taken`)
    taken += items.length
    room.leave(items.length)
  }
})

test('an error comes behind the results before it, and nothing runs on', async () => {
  for (const broken of ['the source', 'the work']) {
    async function* source() {
      yield* numbers(10)
      if (broken === 'the source') throw new Error('broken')
      yield 10
    }
    const room = new Room(100)
    const work = async (items: number[]) => {
      await turns(items[0]! % 3)
      if (items[0] === 10) throw new Error('broken')
      return items
    }
    const feed = stage(feedOf(source(), room), work, { concurrency: 4, batch: 1 })
    const list: number[] = []
    try {
      for (;;) list.push(...(await feed.take(3)))
    } catch (error) {
      assert.is((error as Error).message, 'broken')
    }
    assert.is(list.length, 10, broken)
    await feed.close()
  }
})

test('once it is closed nothing begins, and what was at work has ended', async () => {
  const room = new Room(10)
  let [begun, running, closed] = [0, 0, false]
  async function* source() {
    try {
      yield* numbers(100)
    } finally {
      closed = true
    }
  }
  const work = async (items: number[]) => {
    begun++
    running++
    await turns(20)
    running--
    return items
  }
  const feed = stage(feedOf(source(), room), work, { concurrency: 3, batch: 1 })
  assert.equal(await feed.take(1), [0])
  await feed.close()
  assert.is(running, 0)
  assert.ok(closed)
  const then = begun
  await turns(50)
  assert.is(begun, then)
})

test('a source that never answers does not keep it from closing, nor from ending at an abort', async () => {
  async function* silent(): AsyncGenerator<number> {
    yield 1
    await new Promise(() => {})
  }
  const abort = new AbortController()
  const feed = stage(feedOf(silent(), new Room(5), abort.signal), async (items: number[]) => items, {
    concurrency: 2,
    batch: 1,
  })
  assert.equal(await feed.take(5), [1])
  const next = feed.take(5).catch((error) => error.code)
  abort.abort()
  assert.is(await next, 'ERR_FACENET_ABORTED')
  await feed.close()
})

test('a meter counts the time in which anything is at work once', async () => {
  const meter = new Meter()
  assert.is(meter.share, 0)
  await Promise.all([meter.time(() => turns(3)), meter.time(() => turns(9))])
  assert.ok(meter.share > 0 && meter.share <= 1)
})

test.run()
