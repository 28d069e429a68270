/**
 * Whole training steps: forward, mining, backward and optimiser on a batch of random images. Networks take turns by round, in fp32 and in
 * bf16, and with them PyTorch, where a Python has it, in fp32 and under autocast to bf16.
 *
 *     npm run bench -- training [--networks nn2,nn4,nns2] [--batch 32] [--faces 4] [--rounds 5] [--python python3]
 *
 * Writes `bench/results/training-<date>.md` and prints it.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { median } from '../lib/benchmark/statistics.js'
import { initialWeights } from '../lib/convert/networks/initialize.js'
import { writeModel } from '../lib/files/model/model_file.js'
import { createTrainer, networks, type StepResult } from '../lib/index.js'
import { keepMemory } from './keep_memory.js'
import { positiveInteger } from './options.js'
import { type Peer, startPeer } from './peers/answering.js'

const { values: options } = parseArgs({
  options: {
    networks: { type: 'string', default: 'nn2,nn4,nns2' },
    batch: { type: 'string', default: '32' },
    faces: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: 'python3' },
  },
})

const count = (name: 'batch' | 'faces' | 'rounds') => positiveInteger(options, name)
const [batch, faces, rounds] = [count('batch'), count('faces'), count('rounds')]

type Precision = 'f32' | 'bf16'
type Parts = StepResult['seconds']

/** Who trains what: a peer is one more of these. */
interface Contender {
  network: string
  who: 'facenet-native' | `PyTorch ${string}`
  dtype: Precision
  threads: number
  /** Images of it at a time, and bytes that it holds, where they are known. */
  chunk?: number
  memoryBytes?: number
  /** One step; its parts where they are known. */
  step: () => Promise<Parts | undefined>
  finish: () => void
}

async function ours(network: string, threads: number, dtype: Precision): Promise<Contender> {
  // Every strategy takes the same time in proportion to a step; with `all` no batch of random images is skipped.
  const trainer = await createTrainer(network, { device: 'cpu', threads, dtype, strategy: 'all', learningRate: 1e-4 })
  const { height, width } = trainer.inputSize
  let state = 1
  const byte = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state >>> 24
  }
  const images = Uint8Array.from({ length: batch * height * width * 3 }, byte)
  const labels = Int32Array.from({ length: batch }, (_, i) => Math.floor(i / faces))
  const { chunk } = trainer.plan
  return {
    network,
    who: 'facenet-native',
    dtype,
    threads,
    chunk: Math.min(chunk, batch),
    memoryBytes: trainer.memoryBytes,
    step: async () => {
      const report = await trainer.step(images, labels)
      if (report.skipped) throw new Error(`${network} found no triplet: give it more than one face an identity`)
      return report.seconds
    },
    finish: () => trainer.dispose(),
  }
}

/** PyTorch, with the same network and as many triplets; undefined where this Python has none. */
async function torch(network: string, threads: number, dtype: Precision, model: string) {
  const script = fileURLToPath(new URL('./peers/torch_steps.py', import.meta.url))
  const numbers = ['--batch', `${batch}`, '--faces', `${faces}`, '--threads', `${threads}`, '--dtype', dtype]
  const peer: Peer<{ torch: string }, { seconds: number }> | undefined = await startPeer(
    [options.python, script, model, ...numbers],
    { OMP_NUM_THREADS: `${threads}`, ...keepMemory },
  )
  if (!peer) return undefined
  const contender: Contender = {
    network,
    who: `PyTorch ${peer.hello.torch}`,
    dtype,
    threads,
    step: async () => void (await peer.ask({})),
    finish: () => peer.close(),
  }
  return contender
}

interface Turn {
  seconds: number
  parts: Parts | undefined
}

/** The first step of each turn warms up: another network was just in the caches. */
async function turnOf({ step }: Contender): Promise<Turn> {
  await step()
  const start = performance.now()
  const parts = await step()
  return { seconds: (performance.now() - start) / 1000, parts }
}

const names = options.networks.split(',')
const threadCounts = [...new Set([1, availableParallelism()])]
const contenders: Contender[] = []
const temporary = await mkdtemp(join(tmpdir(), 'facenet-training-'))
for (const network of names) {
  const graph = networks[network as keyof typeof networks].graph()
  const model = join(temporary, `${network}.safetensors`)
  await writeModel(model, { graph, tensors: initialWeights(graph, 1) })
  for (const threads of threadCounts) {
    for (const dtype of ['f32', 'bf16'] as const) {
      contenders.push(await ours(network, threads, dtype))
      const peer = await torch(network, threads, dtype, model)
      if (peer) contenders.push(peer)
    }
  }
}

// Until each has all the memory that it will hold.
for (const { step } of contenders) for (let i = 0; i < 3; i++) await step()
const turns = new Map<Contender, Turn[]>(contenders.map((contender) => [contender, []]))
for (let round = 0; round < rounds; round++) {
  for (const contender of contenders) turns.get(contender)!.push(await turnOf(contender))
}
for (const { finish } of contenders) finish()
await rm(temporary, { recursive: true })

const share = (all: Turn[], part: keyof Parts) =>
  all[0]?.parts === undefined
    ? '-'
    : `${(100 * median(all.map(({ seconds, parts }) => parts![part] / seconds))).toFixed(1)} %`

const secondsOf = (contender: Contender) => median(turns.get(contender)!.map(({ seconds }) => seconds))
/** How many times as fast we are in the peer's type. */
function ratio(contender: Contender): string {
  const { network, threads, who, dtype } = contender
  if (who === 'facenet-native') return ''
  const own = contenders.find(
    (other) =>
      other.who === 'facenet-native' && other.network === network && other.threads === threads && other.dtype === dtype,
  )!
  return (secondsOf(contender) / secondsOf(own)).toFixed(2)
}

const rows = [...turns].map(([contender, all]) => {
  const seconds = median(all.map((turn) => turn.seconds))
  const rates = all.map((turn) => batch / turn.seconds)
  return [
    contender.network,
    contender.who,
    contender.dtype,
    contender.threads,
    `${(batch / seconds).toFixed(1)} (${Math.min(...rates).toFixed(1)}-${Math.max(...rates).toFixed(1)})`,
    (1 / seconds).toFixed(2),
    share(all, 'forward'),
    share(all, 'backward'),
    share(all, 'mining'),
    share(all, 'optimizer'),
    contender.chunk ?? '-',
    contender.memoryBytes === undefined ? '-' : (contender.memoryBytes / 2 ** 20).toFixed(0),
    ratio(contender),
  ].join(' | ')
})
const columns =
  'network | who | type | threads | images/s (range) | steps/s | forward | backward | mining and loss | optimiser | chunk | MiB held | ours to it, in its type'

const date = new Date().toISOString()
const report = [
  `Training steps on batches of ${batch} random images, ${faces} an identity, AdaGrad; medians of ${rounds} rounds in turns, ${date}.`,
  `${printMachine(describeMachine())}, load ${load().toFixed(1)}.`,
  '',
  `| ${columns} |`,
  `|${' --- |'.repeat(columns.split('|').length)}`,
  ...rows.map((row) => `| ${row} |`),
  '',
].join('\n')
const folder = fileURLToPath(new URL('./results', import.meta.url))
await mkdir(folder, { recursive: true })
await writeFile(join(folder, `training-${date.slice(0, 10)}.md`), report)
console.log(report)
