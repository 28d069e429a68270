/**
 * Time and memory of `evaluate pairs` on all pairs of many embeddings, each size in a process of its own.
 *
 *     node --import tsx bench/evaluation.ts [--rows 20000,50000,100000] [--name evaluation]
 *
 * The embeddings are unit vectors of people around random directions, ten images a person. Writes
 * `bench/results/<name>-<date>.json` and `.md`.
 */
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { evaluateAllPairs } from '../lib/evaluation/evaluate_all_pairs.js'
import { makeFaces } from './synthetic_faces.js'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '20000,50000,100000' },
    name: { type: 'string', default: 'evaluation' },
    /** Of a child: how many rows. */
    only: { type: 'string' },
  },
})
const dimensions = 128

interface Measured {
  rows: number
  pairs: number
  seconds: number
  /** Of all threads together, which other processes do not lengthen. */
  cpuSeconds: number
  /** Of the whole process, and before pairs were looked at. */
  peakBytes: number
  startBytes: number
  val: { far: number; val: number | null }[]
}

async function measure(rows: number): Promise<Measured> {
  const { embeddings, identities } = makeFaces({ rows, people: rows / 10, dimensions, spread: 0.65 })
  const people = Array.from(identities, String)
  const input = { embeddings, dimensions, people, paths: people }
  const startBytes = process.resourceUsage().maxRSS * 1024
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  const { pairs, val } = await evaluateAllPairs(input, { far: 1e-6 })
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const peakBytes = process.resourceUsage().maxRSS * 1024
  return {
    rows,
    pairs: pairs.same + pairs.different,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakBytes,
    startBytes,
    val,
  }
}

function inChild(rows: number): Measured {
  const self = fileURLToPath(import.meta.url)
  const output = execFileSync(process.execPath, ['--import', 'tsx', self, '--only', String(rows)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(String(output))
}

function markdown(results: Measured[]): string {
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(2)
  const lines = results.map(({ rows, pairs, seconds, cpuSeconds, peakBytes, startBytes }) => {
    return `| ${rows} | ${(pairs / 1e6).toFixed(0)} | ${seconds.toFixed(1)} | ${cpuSeconds.toFixed(1)} | ${gib(startBytes)} | ${gib(peakBytes)} |`
  })
  return [
    `# VAL and FAR over all pairs of embeddings of ${dimensions} floats`,
    '',
    `${printMachine(describeMachine())}. Load ${load().toFixed(1)}. Memory is the whole process's, embeddings included. Standard errors are over 5 splits.`,
    '',
    '| embeddings | million pairs | seconds | CPU seconds | GiB before | peak GiB |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}

if (options.only) {
  console.log(JSON.stringify(await measure(Number(options.only))))
} else {
  const results = options.rows.split(',').map((rows) => inChild(Number(rows)))
  const folder = fileURLToPath(new URL('./results', import.meta.url))
  await mkdir(folder, { recursive: true })
  const date = new Date().toISOString()
  const path = join(folder, `${options.name}-${date.slice(0, 10)}`)
  await writeFile(`${path}.json`, `${JSON.stringify({ machine: describeMachine(), date, results }, null, 2)}\n`)
  await writeFile(`${path}.md`, markdown(results))
  console.log(markdown(results))
}
