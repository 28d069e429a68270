/**
 * How long one image takes: our networks with one thread and with several, and onnxruntime-node with several, in turns.
 *
 *     npm run bench -- latency [--network nn2] [--threads 2] [--rounds 7] [--turn 500] [--batch 1]
 *
 * Prints a table in Markdown. The peer's form of LRN is whichever is faster. Ratios are medians over the rounds.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Child } from '../lib/benchmark/child.js'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { largestDifference, median } from '../lib/benchmark/statistics.js'
import { takeTurns } from '../lib/benchmark/turns.js'
import { type NetworkName, network, networkNames } from '../lib/convert/networks/index.js'
import { positiveInteger } from './options.js'
import { prepare } from './prepare.js'
import { type WorkerOptions, workerScript } from './worker.js'

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', multiple: true },
    threads: { type: 'string', default: String(availableParallelism()) },
    rounds: { type: 'string', default: '7' },
    turn: { type: 'string', default: '500' },
    batch: { type: 'string', default: '1' },
  },
})
const [threads, rounds, turn, batch] = ['threads', 'rounds', 'turn', 'batch'].map((name) =>
  positiveInteger(options, name),
) as [number, number, number, number]
const wanted = options.network?.map((name): string => network(name).name)
const names = networkNames.filter((name) => wanted?.includes(name) ?? true)

/** Milliseconds for an image, a median over the rounds, and of each round. */
interface Timed {
  of: number[]
  milliseconds: number
}

async function measure(name: NetworkName, folder: string): Promise<string> {
  const files = await prepare(name, folder)
  const common = { network: name, dtype: 'f32', batch } as const
  const workers: WorkerOptions[] = [
    { ...common, engine: 'facenet', model: files.facenet, threads: 1 },
    { ...common, engine: 'facenet', model: files.facenet, threads },
    ...Object.values(files.onnx).map((model) => ({ ...common, engine: 'onnxruntime' as const, model, threads })),
  ]
  const children: Child<WorkerOptions>[] = []
  for (const options of workers) children.push(await Child.start(workerScript, options))
  const measured = await takeTurns(children, { rounds, turn })
  const turns = measured.map((of) => of.map(({ imagesPerSecond }) => 1000 / imagesPerSecond))
  const [one, several, ...peers] = turns.map((of): Timed => ({ of, milliseconds: median(of) })) as [Timed, Timed, Timed]
  const peer = peers.reduce((best, other) => (other.milliseconds < best.milliseconds ? other : best))
  const difference = largestDifference(await children[1]!.embed(), await children.at(-1)!.embed())
  for (const child of children) await child.finish()
  const ratio = (a: Timed, b: Timed) => median(a.of.map((value, i) => value / b.of[i]!)).toFixed(2)
  const cells = [one, several, peer].map(({ milliseconds }) => milliseconds.toFixed(2))
  return `| ${name} | ${cells.join(' | ')} | ${ratio(one, several)} | ${ratio(several, peer)} | ${difference.toExponential(0)} |`
}

const folder = await mkdtemp(join(tmpdir(), 'facenet-bench-'))
try {
  console.log(
    `${printMachine(describeMachine())}, load ${load().toFixed(1)}. Calls of ${batch}, fp32, ${rounds} rounds of ${turn} ms.\n`,
  )
  console.log(
    `| network | 1 thread, ms | ${threads} threads, ms | onnxruntime-node, ${threads} threads, ms | 1 / ${threads} threads | ours / peer | difference |`,
  )
  console.log('| --- | --- | --- | --- | --- | --- | --- |')
  for (const name of names) console.log(await measure(name, folder))
} finally {
  await rm(folder, { recursive: true, force: true })
}
