import type { StageShares, StreamProgress } from '../../index.js'
import { clearLine, drawLine } from './terminal_line.js'

export interface Progress {
  update(progress: StreamProgress, stages?: StageShares): void
  stop(): void
}

const silent: Progress = { update() {}, stop() {} }
/** Milliseconds between two states of the line: what comes faster cannot be read. */
const every = 100

/** A line on stderr that counts images; nothing where stderr is no terminal. How many will come is not known. */
export function imageProgress(quiet: boolean): Progress {
  if (quiet || !process.stderr.isTTY) return silent
  const start = performance.now()
  let drawn = -Infinity
  return {
    update({ done, failed }, stages = {}) {
      const now = performance.now()
      if (now - drawn < every) return
      drawn = now
      const rate = (1000 * done) / (now - start)
      const busy = Object.keys(stages).length > 0 ? `; at work: ${sharesText(stages)}` : ''
      drawLine(`${done} images, ${rate.toFixed(0)} a second${failed > 0 ? `, ${failed} failed` : ''}${busy}`)
    },
    stop: clearLine,
  }
}

/** `read 3 %, decode 97 %, embed 60 %` */
export function sharesText(stages: Readonly<Record<string, number>>): string {
  return Object.entries(stages)
    .map(([name, share]) => `${name} ${(100 * share).toFixed(0)} %`)
    .join(', ')
}
