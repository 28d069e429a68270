/**
 * A process of its own for what happens once a process: the first look for devices, the loss of one. Does the calls that
 * the arguments name, one after the other, and prints what each came to, a line of JSON a call.
 */
import { mineTriplets, tripletLoss } from '../mining/on_device.js'
import { columns } from '../mining/oracle.js'
import { cudaAddon, emulate } from '../support/addons.js'
import { images, open, run } from './support.js'

const calls: Record<string, (argument: string) => Promise<unknown>> = {
  settings: async (settings) => emulate(settings),
  info: async () => cudaAddon().info().cuda,
  open: async (index) => {
    const model = await open(index ? { deviceIndex: Number(index) } : {})
    await run(model, images(2))
    model.dispose()
  },
  normalise: async () => {
    await cudaAddon().l2Normalize(Float32Array.of(3, 4), 2, 1e-12, new Float32Array(2), 'cuda')
  },
  mine: async () => {
    await mineTriplets(Float32Array.of(3, 4), [0, 1], { dimensions: 1, device: 'cuda' })
  },
  loss: async () => {
    await tripletLoss(Float32Array.of(3, 4), columns([[0, 0, 1]]), { dimensions: 1, device: 'cuda' })
  },
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
