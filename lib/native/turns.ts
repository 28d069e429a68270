/** Work that is done one after the other, in the order of the calls. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }

  /** Resolves when all work so far has ended, well or not. */
  async settled(): Promise<void> {
    await this.#last
  }
}
