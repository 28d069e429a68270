/** Ends the process where one input keeps it busy for longer than inputs may: nothing within the process could interrupt it. */
import { Worker } from 'node:worker_threads'

/** `name`: what is at work, for the report. */
export function watch(mostTime: number): { at(name: string): void; input(): void; end(): Promise<unknown> } {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(
    `const { parentPort, workerData: { beats, mostTime } } = require('node:worker_threads')
     let name = ''; let [last, since] = [-1, Date.now()]
     parentPort.on('message', (text) => { name = text })
     setInterval(() => {
       const now = Atomics.load(beats, 0)
       if (now !== last) { last = now; since = Date.now() }
       else if (Date.now() - since > mostTime) {
         require('node:fs').writeSync(2, 'An input of ' + name + ' took longer than ' + mostTime + ' ms\\n')
         process.kill(process.pid, 'SIGKILL')
       }
     }, 500)`,
    { eval: true, workerData: { beats, mostTime } },
  )
  worker.unref()
  return {
    at: (name) => worker.postMessage(name),
    input: () => void Atomics.add(beats, 0, 1),
    end: () => worker.terminate(),
  }
}
