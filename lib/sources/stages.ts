/**
 * A pipeline of stages, each with a concurrency of its own: a stage takes from the one before it what is ready there, so all of
 * them work at the same time, and results come in the order of the items however long each takes. How many items are in the
 * pipeline altogether is bounded by `Room`: whoever takes its results says when there is room for more.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { untilAborted } from '../native/check_arguments.js'

/** What a stage takes from. One `take` at a time. */
export interface Feed<T> {
  /** Up to `most` items, the next ones: what is ready, or else the first once it is. None: the end. */
  take(most: number): Promise<T[]>
  /** Nothing begins from then on. Resolves when what is at work has ended. */
  close(): Promise<void>
}

/** Milliseconds in which a source that is asked for its next item may end. */
const grace = 50

/** Waits for the next change of something. */
class Change {
  #resolve!: () => void
  #next = this.#renew()

  wait(): Promise<void> {
    return this.#next
  }

  happened(): void {
    const resolve = this.#resolve
    this.#next = this.#renew()
    resolve()
  }

  #renew(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }
}

/** So many items may be in a pipeline. */
export class Room {
  #free: number
  readonly #change = new Change()

  constructor(items: number) {
    this.#free = items
  }

  async enter(isClosed: () => boolean): Promise<void> {
    while (this.#free === 0 && !isClosed()) await this.#change.wait()
    this.#free--
  }

  leave(items: number): void {
    this.#free += items
    this.#change.happened()
  }
}

/** The items of a source, each of which enters the room when it is asked for. */
export function feedOf<T>(source: AsyncIterable<T>, room: Room, signal?: AbortSignal): Feed<T> {
  const items = source[Symbol.asyncIterator]()
  let closed = false
  let asking: Promise<unknown> = Promise.resolve()
  return {
    async take() {
      await room.enter(() => closed)
      if (closed) return []
      const next = items.next()
      asking = next
      const { done, value } = await untilAborted(next, signal)
      return done ? [] : [value]
    },
    async close() {
      closed = true
      room.leave(0)
      const ended = asking.catch(() => {}).then(() => items.return?.())
      ended.catch(() => {})
      await Promise.race([ended, wait(grace)])
    },
  }
}

interface StageOptions {
  /** Jobs at a time. */
  concurrency: number
  /** The most items of a job; fewer are no reason to wait. */
  batch: number
}

interface Job<B> {
  done: boolean
  results: B[]
  error?: unknown
}

/**
 * The results of `work`, one for each item. Where it rejects, so does `take`, behind the results of all items before; the same
 * holds where the input fails.
 */
export function stage<A, B>(
  input: Feed<A>,
  work: (items: A[]) => Promise<B[]>,
  { concurrency, batch }: StageOptions,
): Feed<B> {
  const jobs: Job<B>[] = []
  const change = new Change()
  let [running, ended, closed] = [0, false, false]

  const begin = (items: A[]) => {
    const job: Job<B> = { done: false, results: [] }
    jobs.push(job)
    running++
    void work(items)
      .then(
        (results) => {
          job.results = results
        },
        (error) => {
          job.error = error
        },
      )
      .finally(() => {
        job.done = true
        running--
        change.happened()
      })
  }

  const pump = async () => {
    try {
      while (!closed) {
        while (running >= concurrency) await change.wait()
        if (closed) return
        const items = await input.take(batch)
        if (items.length === 0 || closed) return
        begin(items)
      }
    } catch (error) {
      jobs.push({ done: true, results: [], error })
    } finally {
      ended = true
      change.happened()
    }
  }

  let pumping = false
  return {
    async take(most) {
      if (!pumping) {
        pumping = true
        void pump()
      }
      for (;;) {
        while (!jobs[0]?.done && !(ended && jobs.length === 0)) await change.wait()
        const results: B[] = []
        while (jobs[0]?.done && results.length < most) {
          const [{ results: ready, error }] = jobs as [Job<B>]
          if (error !== undefined) {
            if (results.length > 0) return results
            throw error
          }
          results.push(...ready.splice(0, most - results.length))
          if (ready.length === 0) jobs.shift()
        }
        if (results.length > 0 || (ended && jobs.length === 0)) return results
      }
    },
    async close() {
      closed = true
      await input.close()
      while (running > 0) await change.wait()
    },
  }
}
