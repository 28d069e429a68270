/** What a run writes down of its steps: `progress.jsonl`, which reports read, and an event file for TensorBoard. */
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { cannotWrite } from '../errors.js'
import { progressFile } from '../report/training_progress.js'
import { EventWriter } from './tensorboard.js'

export interface ProgressLine {
  step: number
  epoch: number
  loss: number
  triplets: number
  active: number
  meanPositive: number
  meanNegative: number
  gradientNorm: number
  learningRate: number
  images: number
  imagesPerSecond: number
  /** Of training so far. */
  seconds: number
  skipped?: boolean
  meanDistance?: number
  effectiveRank?: number
  validation?: { accuracy: number; val: number | null; far: number | null; threshold: number }
}

/** The validation of the network that training starts from. */
export interface BaselineLine {
  step: 0
  validation: ProgressLine['validation'] & object
}

export class ProgressLog {
  private constructor(
    readonly path: string,
    private readonly lines: FileHandle,
    private readonly events: EventWriter,
  ) {}

  /** Goes on where the file is there already; a last line that was cut short is cut off. */
  static async open(folder: string): Promise<ProgressLog> {
    const path = join(folder, progressFile)
    const lines = await open(path, 'a+').catch((cause) => fail(path, cause))
    try {
      const text = await lines.readFile()
      await lines.truncate(text.lastIndexOf(0x0a) + 1)
      return new ProgressLog(path, lines, await EventWriter.create(folder))
    } catch (cause) {
      await lines.close()
      return fail(path, cause)
    }
  }

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

  async close(): Promise<void> {
    await this.lines.close()
    await this.events.close()
  }
}

function fail(path: string, cause: unknown): never {
  throw cannotWrite(path, 'a file that can be written', cause)
}
