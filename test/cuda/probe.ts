/**
 * A process of its own for what happens once a process: the first look for devices, the loss of one. Does the calls that
 * the arguments name, one after the other, and prints what each came to, a line of JSON a call.
 */
import { newCancel } from '../../lib/native/queue.js'
import { mineTriplets, tripletLoss } from '../mining/on_device.js'
import { columns } from '../mining/oracle.js'
import { cudaAddon, emulate } from '../support/addons.js'
import { images, open, run } from './support.js'

const rows = Float32Array.of(3, 4)
/** Where a call runs: on the device whose index the argument is. */
const on = (index: string) => ({ dimensions: 1, device: 'cuda', ...(index && { deviceIndex: Number(index) }) }) as const

const calls: Record<string, (argument: string) => Promise<unknown>> = {
  settings: async (settings) => emulate(settings),
  info: async () => cudaAddon().info().cuda,
  open: async (index) => {
    const model = await open(index ? { deviceIndex: Number(index) } : {})
    await run(model, images(2))
    model.dispose()
  },
  normalise: (index) => cudaAddon().l2Normalize(rows, { ...on(index), epsilon: 1e-12 }, new Float32Array(2)),
  distances: (index) => cudaAddon().pairwiseDistances(rows, rows, { ...on(index), threads: 1 }, new Float32Array(4)),
  search: (index) => {
    const options = { ...on(index), k: 1, threads: 1 }
    return cudaAddon().findNearest(rows, rows, options, new Int32Array(2), new Float32Array(2), newCancel())
  },
  mine: async (index) => void (await mineTriplets(rows, [0, 1], on(index))),
  loss: async (index) => void (await tripletLoss(rows, columns([[0, 0, 1]]), on(index))),
}

for (const call of process.argv.slice(2)) {
  const [name, ...rest] = call.split(':')
  try {
    console.log(JSON.stringify({ value: (await calls[name!]!(rest.join(':'))) ?? null }))
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    console.log(JSON.stringify({ code, message }))
  }
}
