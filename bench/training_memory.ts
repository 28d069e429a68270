/**
 * The most memory a process holds that trains on batches of few and of many faces: a process a case, each with its own batch
 * of random images.
 *
 *     node --import tsx bench/training_memory.ts [--networks nns2,nn4,nn2] [--batches 90,1800] [--steps 2]
 *         [--chunks 0,45,90]
 *
 * Writes `bench/results/training-memory-<date>.md` and prints it.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, printMachine } from '../lib/benchmark/machine.js'
import { createTrainer } from '../lib/index.js'
import { positiveInteger } from './options.js'

const { values: options } = parseArgs({
  options: {
    networks: { type: 'string', default: 'nns2,nn4,nn2' },
    batches: { type: 'string', default: '90,1800' },
    steps: { type: 'string', default: '2' },
    /** The most faces of one; 0: as many as the trainer chooses, which cuts 90 and 1800 into chunks of different sizes. */
    chunks: { type: 'string', default: '0,45,90' },
    /** One case alone, in this process. */
    case: { type: 'boolean', default: false },
  },
})
const steps = positiveInteger(options, 'steps')
const chunks = options.chunks.split(',').map(Number)
const networks = options.networks.split(',')
const batches = options.batches.split(',').map(Number)
const mebibyte = 2 ** 20

interface Case {
  network: string
  batch: number
  chunks: string
  triplets: number
  /** All in MiB: of the process at its peak, of the images of its batch, of what the trainer holds by its own account. */
  peak: number
  images: number
  trainer: number
}

async function runCase(network: string, batch: number, chunk: number): Promise<Case> {
  const trainer = await createTrainer(network, { device: 'cpu', learningRate: 1e-4, chunk: chunk || undefined })
  const { height, width } = trainer.inputSize
  const images = new Uint8Array(batch * height * width * 3)
  for (let i = 0, state = 1; i < images.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    images[i] = state >>> 24
  }
  // 45 people, with 40 faces each in a batch of the paper's size.
  const labels = Int32Array.from({ length: batch }, (_, i) => i % 45)
  let report = await trainer.step(images, labels)
  for (let step = 1; step < steps; step++) report = await trainer.step(images, labels)
  return {
    network,
    batch,
    chunks: `${report.chunks.length} of ${Math.max(...report.chunks)}`,
    triplets: report.triplets,
    peak: peakBytes() / mebibyte,
    images: images.length / mebibyte,
    trainer: trainer.memoryBytes / mebibyte,
  }
}

/** The kernel's own mark where it keeps one: `maxRSS` begins with what the parent held when it started this process. */
function peakBytes(): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024
  } catch {
    return process.resourceUsage().maxRSS * 1024
  }
}

function inProcess(network: string, batch: number, chunk: number): Case {
  const words = [
    '--case',
    '--networks',
    network,
    '--batches',
    `${batch}`,
    '--steps',
    `${steps}`,
    '--chunks',
    `${chunk}`,
  ]
  const script = fileURLToPath(import.meta.url)
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, ...words], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${network} with ${batch} faces failed: ${stderr}`)
  return JSON.parse(stdout) as Case
}

async function main(): Promise<void> {
  const kinds = networks.flatMap((network) => chunks.map((chunk) => ({ network, chunk })))
  const rows = kinds.flatMap(({ network, chunk }) => {
    const cases = batches.map((batch) => inProcess(network, batch, chunk))
    return cases.map(({ batch, chunks, triplets, peak, images, trainer }) => {
      const [ratio, without] = [peak / cases[0]!.peak, (peak - images) / (cases[0]!.peak - cases[0]!.images)]
      const figures = [peak, images, trainer].map((value) => value.toFixed(0))
      return `| ${[network, batch, chunks, triplets, ...figures, ratio.toFixed(2), without.toFixed(2)].join(' | ')} |`
    })
  })
  const date = new Date().toISOString().slice(0, 10)
  const report = [
    `Peak resident memory of a process that makes ${steps} steps with random images, fp32, AdaGrad, semi-hard, ${date}.`,
    `${printMachine(describeMachine())}.`,
    '',
    '| network | faces in a batch | chunks | triplets | peak, MiB | images of the batch, MiB | trainer, MiB | ratio | ratio without images |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
  const folder = fileURLToPath(new URL('./results', import.meta.url))
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `training-memory-${date}.md`), report)
  console.log(report)
}

if (options.case) console.log(JSON.stringify(await runCase(networks[0]!, batches[0]!, chunks[0]!)))
else await main()
