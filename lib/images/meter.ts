/** Which of the stages of a pipeline holds up the others. */

/** How much of the time a stage is at work: any of it at all. */
export class Meter {
  #running = 0
  #since = 0
  #busy = 0
  readonly #start = performance.now()

  async time<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running++ === 0) this.#since = performance.now()
    try {
      return await work()
    } finally {
      if (--this.#running === 0) this.#busy += performance.now() - this.#since
    }
  }

  /** Its share since the meter was made, 0..1. */
  get share(): number {
    const now = performance.now()
    const busy = this.#busy + (this.#running > 0 ? now - this.#since : 0)
    return now > this.#start ? Math.min(1, busy / (now - this.#start)) : 0
  }
}

/** Of the stages that bring photographs to a network, and of the network. */
export type StageName = 'read' | 'decode' | 'detect' | 'align' | 'embed'

/** A meter a stage, each made when the stage is first at work. */
export class Meters {
  readonly #meters = new Map<StageName, Meter>()

  time<T>(name: StageName, work: () => Promise<T>): Promise<T> {
    if (!this.#meters.has(name)) this.#meters.set(name, new Meter())
    return this.#meters.get(name)!.time(work)
  }

  /** The share of the time in which each was at work, 0..1. */
  get shares(): Partial<Record<StageName, number>> {
    return Object.fromEntries([...this.#meters].map(([name, { share }]) => [name, share]))
  }
}
