/** What callers say of batches that form across their calls. */
import { FaceNetError } from '../errors.js'
import { checkFunction, checkInteger, checkOptions } from './check_arguments.js'

/**
 * Calls that are made at the same time, from anywhere in the process, are computed together. A call that comes while nothing is
 * under way begins at once; those that come while the device works form the next batch. Results are the same to the last bit.
 */
export interface BatchingOptions {
  /**
   * Milliseconds, counted from its arrival, that a call may be held back for a fuller batch once the device is free. It is held back
   * only where the batch before it answered other callers, who may come again, and until as many calls have come. With 0 none is.
   * @default 5
   */
  maxDelay?: number
  /**
   * Images of one batch. A call of more is computed in parts, and calls share a batch evenly: a large one does not hold up small ones.
   * @default 32
   */
  maxBatch?: number
  /**
   * Calls that may be under way at a time: decoded, waiting or computed. One more is refused with ERR_FACENET_OVERLOADED. Streams
   * are not counted, since they wait for their turn.
   * @default 1024
   */
  maxQueue?: number
  /** Called as each batch begins, with its images. */
  onBatch?: (images: number) => void
}

/** With every default filled in. */
export type Batching = Required<Omit<BatchingOptions, 'onBatch'>> & Pick<BatchingOptions, 'onBatch'>

/** Undefined where nothing is asked for. */
export function checkBatching(options: BatchingOptions | undefined): Batching | undefined {
  if (options === undefined) return undefined
  const name = 'options.batching'
  checkOptions(options, name, ['maxDelay', 'maxBatch', 'maxQueue', 'onBatch'])
  const { maxDelay = 5, maxBatch = 32, maxQueue = 1024, onBatch } = options
  checkFunction(onBatch, `${name}.onBatch`)
  return {
    maxDelay: checkInteger(maxDelay, `${name}.maxDelay`, 0, 60_000),
    maxBatch: checkInteger(maxBatch, `${name}.maxBatch`, 1, 4096),
    maxQueue: checkInteger(maxQueue, `${name}.maxQueue`, 1),
    onBatch,
  }
}

/** How many calls may be under way at a time. */
export class CallLimit {
  #underWay = 0

  constructor(private readonly most = Infinity) {}

  /** Begins the work, or throws ERR_FACENET_OVERLOADED where there is too much of it already. */
  async admit<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.most) throw overloaded(this.most)
    this.#underWay++
    try {
      return await work()
    } finally {
      this.#underWay--
    }
  }
}

function overloaded(most: number): FaceNetError {
  const [argument, expected] = ['options.batching.maxQueue', `at most ${most} calls under way`]
  const message = `Expected ${expected} (${argument}) but received one more: make it again when an earlier one has ended`
  return new FaceNetError('ERR_FACENET_OVERLOADED', message, { argument, expected, received: 'one more' })
}
