/**
 * Many callers of one image each, whose calls are computed together, beside one caller of batches: both in turns on one model each.
 *
 *     npm run bench -- batching [--network nn4.small2] [--callers 64] [--batch 32] [--threads 2] [--rounds 7] [--turn 1000]
 *
 * Prints a table in Markdown. Ratios are medians over the rounds.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { median } from '../lib/benchmark/statistics.js'
import { type NetworkName, network, networks } from '../lib/convert/networks/index.js'
import { initialWeights } from '../lib/convert/networks/initialize.js'
import { type Model, openModel } from '../lib/index.js'
import { positiveInteger } from './options.js'

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', multiple: true, default: ['nns2', 'nn4.small2', 'nn2'] },
    callers: { type: 'string', default: '64' },
    batch: { type: 'string', default: '32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '7' },
    turn: { type: 'string', default: '1000' },
  },
})
const [callers, batch, threads, rounds, turn] = ['callers', 'batch', 'threads', 'rounds', 'turn'].map((name) =>
  positiveInteger(options, name),
) as [number, number, number, number, number]

/** Images a second that `count` callers get who make their next call when the last has ended, for at least `turn` ms. */
async function throughput(model: Model, images: Uint8Array, count: number): Promise<number> {
  const each = images.length / (model.inputSize.height * model.inputSize.width * 3)
  const start = performance.now()
  let done = 0
  const caller = async () => {
    while (performance.now() - start < turn) {
      await model.embed(images)
      done += each
    }
  }
  await Promise.all(Array.from({ length: count }, caller))
  return (done * 1000) / (performance.now() - start)
}

async function measure(name: NetworkName): Promise<string> {
  const graph = networks[name].graph()
  const source = { graph, tensors: initialWeights(graph, 1) }
  const sizes: number[] = []
  await using plain = await openModel(source, { device: 'cpu', threads })
  await using shared = await openModel(source, {
    device: 'cpu',
    threads,
    batching: { maxBatch: batch, onBatch: (images) => sizes.push(images) },
  })
  const bytes = plain.inputSize.height * plain.inputSize.width * 3
  const [one, several] = [1, batch].map((count) => new Uint8Array(count * bytes).fill(100)) as [Uint8Array, Uint8Array]
  const ways = {
    batches: () => throughput(plain, several, 1),
    together: () => throughput(shared, one, callers),
    alone: () => throughput(plain, one, callers),
  }
  for (const way of Object.values(ways)) await way()
  sizes.length = 0
  const found = { batches: [] as number[], together: [] as number[], alone: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const way of ['batches', 'together', 'alone'] as const) found[way].push(await ways[way]())
  }
  const ratio = median(found.together.map((value, i) => value / found.batches[i]!))
  const cells = [found.batches, found.together, found.alone].map((of) => median(of).toFixed(1))
  return `| ${name} | ${cells.join(' | ')} | ${ratio.toFixed(2)} | ${median(sizes)} |`
}

console.log(
  `${printMachine(describeMachine())}, load ${load().toFixed(1)}, fp32, ${threads} threads, ${rounds} rounds.\n`,
)
console.log(
  `| network | batches of ${batch}, images/s | ${callers} callers of one, batched, images/s | not batched, images/s | batched / batches | median batch |`,
)
console.log('| --- | --- | --- | --- | --- | --- |')
for (const name of options.network) console.log(await measure(network(name).name as NetworkName))
