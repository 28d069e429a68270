/** What a run writes down of its steps: `progress.jsonl`, which reports read, and an event file for TensorBoard. */
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { cannotWrite } from '../errors.js'
import { Lock } from '../files/lock.js'
import { progressFile } from '../report/training_progress.js'
import { EventWriter } from './tensorboard.js'

/** Says which process trains in the folder. */
const lockFile = 'train.lock'

/** One line of `progress.jsonl`: what a step did. */
export interface ProgressLine {
  /** Number of the step, 1 for the first. */
  step: number
  /** How often everybody has had a turn. */
  epoch: number
  /** Mean hinge of the triplets. */
  loss: number
  /** Triplets that were learned from. */
  triplets: number
  /** How many of them have a hinge above zero. */
  active: number
  /** Mean squared distance of anchors and positives. */
  meanPositive: number
  /** Mean squared distance of anchors and negatives. */
  meanNegative: number
  /** Mean squared distance to the teacher's embeddings, where there is a teacher. */
  teacherLoss?: number
  /** L2 norm of the gradient before clipping. */
  gradientNorm: number
  /** The learning rate of this step. */
  learningRate: number
  /** Images of the batch. */
  images: number
  /** Images of the batch per second of the whole step. */
  imagesPerSecond: number
  /** Seconds of training so far. */
  seconds: number
  /** The batch had no triplet, and the weights are as before. */
  skipped?: boolean
  /** Mean squared distance between faces of the batch, on steps at which the collapse guard looks. */
  meanDistance?: number
  /** How many dimensions the embeddings of the batch really use, on the same steps. */
  effectiveRank?: number
  /** On steps that validate: accuracy 0..1, VAL 0..1 at the given FAR, and the threshold (squared L2). */
  validation?: { accuracy: number; val: number | null; far: number | null; threshold: number }
}

/** The validation of the network that training starts from. */
export interface BaselineLine {
  /** Before the first step. */
  step: 0
  /** As in `ProgressLine`. */
  validation: ProgressLine['validation'] & object
}

/**
 * Writes `progress.jsonl` and an event file for TensorBoard into the folder of a run.
 *
 * @example
 * ```ts
 * const log = await ProgressLog.open('run')
 * await log.write({ step: 0, validation: { accuracy: 0.61, val: null, far: null, threshold: 0.9 } })
 * await log.close()
 * ```
 */
export class ProgressLog {
  private constructor(
    readonly path: string,
    private readonly lines: FileHandle,
    private readonly events: EventWriter,
    private readonly lock: { release(): Promise<void> },
  ) {}

  /**
   * Opens the log of a run, or goes on with it where the file is there already; a last line that was cut short is cut
   * off. Until it is closed no other can be opened in the folder, by this process or another: two trainers would replace
   * each other's checkpoints.
   *
   * @param folder of the run; it has to be there.
   * @throws FaceNetError ERR_FACENET_IO where the disk refuses, or another process trains there.
   */
  static async open(folder: string): Promise<ProgressLog> {
    return ProgressLog.openLocked(folder, await lockRun(folder))
  }

  /**
   * The same where the caller has the lock already.
   *
   * @param folder of the run.
   * @param lock of `lockRun(folder)`; closing the log releases it.
   * @throws FaceNetError ERR_FACENET_IO where the disk refuses.
   * @internal
   */
  static async openLocked(folder: string, lock: { release(): Promise<void> }): Promise<ProgressLog> {
    const path = join(folder, progressFile)
    let lines: FileHandle | undefined
    try {
      lines = await open(path, 'a+')
      const text = await lines.readFile()
      await lines.truncate(text.lastIndexOf(0x0a) + 1)
      return new ProgressLog(path, lines, await EventWriter.create(folder), lock)
    } catch (cause) {
      await lines?.close()
      await lock.release()
      return fail(path, cause)
    }
  }

  /**
   * Adds one line to `progress.jsonl`, and its numbers to TensorBoard's file.
   *
   * @param line what a step or the first validation found.
   * @throws FaceNetError ERR_FACENET_IO where the disk refuses.
   */
  async write(line: ProgressLine | BaselineLine): Promise<void> {
    const values: Partial<ProgressLine> = line
    const { step = 0, triplets, active = 0, validation, skipped, epoch, images, seconds, ...scalars } = values
    await this.lines.appendFile(`${JSON.stringify(line)}\n`).catch((cause) => fail(this.path, cause))
    const activeShare = triplets ? active / triplets : undefined
    const { accuracy, val } = validation ?? {}
    await this.events.write(step, {
      ...scalars,
      triplets,
      activeShare,
      'validation/accuracy': accuracy,
      'validation/val': val,
    })
  }

  /** Closes both files, and lets others train in the folder. */
  async close(): Promise<void> {
    await this.lines.close()
    await this.events.close()
    await this.lock.release()
  }
}

/** Keeps other trainers out of the folder of a run. @throws FaceNetError ERR_FACENET_IO where one is there. */
export const lockRun = (folder: string): Promise<Lock> => Lock.take(join(folder, lockFile))

function fail(path: string, cause: unknown): never {
  throw cannotWrite(path, 'a file that can be written', cause)
}
