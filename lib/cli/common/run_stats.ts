/** How fast a run was, and what held it up. */
import { Meter } from '../../images/meter.js'
import type { StageShares } from '../../index.js'
import type { Context } from '../context.js'
import { sharesText } from './progress.js'

export class RunStats {
  readonly #start = performance.now()
  #write: Meter | undefined
  #stages: StageShares = {}

  update(stages: StageShares): void {
    this.#stages = stages
  }

  /** Times what is written, which is a stage too. */
  writing<T>(work: () => Promise<T>): Promise<T> {
    this.#write ??= new Meter()
    return this.#write.time(work)
  }

  /** On stderr, with --json as a line on stdout. */
  async print(context: Context, images: number): Promise<void> {
    const seconds = (performance.now() - this.#start) / 1000
    const stages = { ...this.#stages, ...(this.#write && { write: this.#write.share }) }
    const imagesPerSecond = images / seconds
    if (context.json) await context.print(JSON.stringify({ stats: { images, seconds, imagesPerSecond, stages } }))
    else context.say(`${imagesPerSecond.toFixed(0)} images a second; at work: ${sharesText(stages)}`)
  }
}
