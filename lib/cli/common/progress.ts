import { SingleBar } from 'cli-progress'
import type { StreamProgress } from '../../index.js'

export interface Progress {
  update(progress: StreamProgress): void
  stop(): void
}

const silent: Progress = { update() {}, stop() {} }

/** A line on stderr that counts images; nothing where stderr is no terminal. How many will come is not known. */
export function imageProgress(quiet: boolean): Progress {
  if (quiet || !process.stderr.isTTY) return silent
  const start = performance.now()
  const bar = new SingleBar({
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    format: (_options, _params, { done, failed }: StreamProgress) => {
      const rate = (1000 * done) / (performance.now() - start)
      return `${done} images, ${rate.toFixed(0)} a second${failed > 0 ? `, ${failed} failed` : ''}`
    },
  })
  bar.start(0, 0, { done: 0, failed: 0 })
  return { update: (progress) => bar.update(progress.done, progress), stop: () => bar.stop() }
}
