/** How many pixels are decoded at a time: what memory a server needs does not depend on what clients send it. */
import { untilAborted } from '../native/check_arguments.js'

export class PixelBudget {
  #left: number
  readonly #waiting: { pixels: number; go: () => void }[] = []

  constructor(private readonly most: number) {
    this.#left = most
  }

  /** Runs the work once there is room for `pixels`, in the order of the calls; more than there ever is count as all of it. */
  async run<T>(pixels: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const share = Math.min(pixels, this.most)
    await this.#take(share, signal)
    try {
      return await work()
    } finally {
      this.#give(share)
    }
  }

  async #take(pixels: number, signal: AbortSignal): Promise<void> {
    if (this.#waiting.length === 0 && pixels <= this.#left) {
      this.#left -= pixels
      return
    }
    let entry!: { pixels: number; go: () => void }
    let taken = false
    const room = new Promise<void>((resolve) => {
      entry = {
        pixels,
        go() {
          taken = true
          resolve()
        },
      }
    })
    this.#waiting.push(entry)
    try {
      await untilAborted(room, signal)
    } catch (error) {
      if (taken) this.#give(pixels)
      else this.#waiting.splice(this.#waiting.indexOf(entry), 1)
      this.#give(0)
      throw error
    }
  }

  #give(pixels: number): void {
    this.#left += pixels
    while (this.#waiting.length > 0 && this.#waiting[0]!.pixels <= this.#left) {
      const { pixels: share, go } = this.#waiting.shift()!
      this.#left -= share
      go()
    }
  }
}
