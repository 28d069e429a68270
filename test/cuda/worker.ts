/** A worker thread: thirty batches on a model of its own. Posts how many came out right. */
import { parentPort, workerData } from 'node:worker_threads'
import { expectedOf, images, open, run } from './support.js'

const model = await open()
let right = 0
for (let round = 0; round < 30; round++) {
  const input = images(1 + (round % 7), 100 * workerData.seed + round)
  const [output, expected] = [await run(model, input), expectedOf(input)]
  if (output.every((value, i) => value === expected[i])) right++
}
model.dispose()
parentPort!.postMessage(right)
