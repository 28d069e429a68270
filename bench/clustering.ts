/**
 * Time and memory of clustering 100,000 embeddings, each linkage in a process of its own.
 *
 *     node --import tsx bench/clustering.ts [--rows 100000] [--threads 2] [--name clustering]
 *
 * - people: 10,000 people of up to about 1,000 images each, around random directions; same people are 0.6 apart, others 2.
 * - no people: a fifth of the rows, random directions and a threshold that connects them all: every round of average linkage
 *   compares with everything that is left, its worst case.
 *
 * Writes `bench/results/<name>-<date>.json` and `.md`.
 */
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, load, printMachine } from '../lib/benchmark/machine.js'
import { clusterEmbeddings, type Linkage, linkages, scoreClusters } from '../lib/index.js'
import { makeFaces } from './synthetic_faces.js'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    threads: { type: 'string', default: String(availableParallelism()) },
    name: { type: 'string', default: 'clustering' },
    /** Of a child: `people` or `none`, and the linkage. */
    data: { type: 'string' },
    linkage: { type: 'string' },
  },
})
const dimensions = 128
const allRows = Number(options.rows)
const threads = Number(options.threads)

interface Case {
  data: 'people' | 'none'
  linkage: Linkage
}
interface Measured extends Case {
  rows: number
  threshold: number
  seconds: number
  peakBytes: number
  clusters: number
  /** Against the people that the rows were made of; null where there are none. */
  bcubed: number | null
}

async function measure({ data, linkage }: Case): Promise<Measured> {
  const rows = data === 'people' ? allRows : Math.ceil(allRows / 5)
  const people = data === 'people' ? Math.ceil(rows / 10) : rows
  const threshold = data === 'people' ? 1 : 1.45
  const { embeddings, identities } = makeFaces({ rows, people, dimensions, spread: 0.65 })
  const start = performance.now()
  const labels = await clusterEmbeddings(embeddings, { dimensions, threshold, linkage, threads })
  const seconds = (performance.now() - start) / 1000
  const peakBytes = process.resourceUsage().maxRSS * 1024
  const bcubed = data === 'people' ? scoreClusters(labels, identities).bcubed.f : null
  return { data, linkage, rows, threshold, seconds, peakBytes, clusters: new Set(labels).size, bcubed }
}

function inChild({ data, linkage }: Case): Measured {
  const self = fileURLToPath(import.meta.url)
  const words = ['--rows', String(allRows), '--threads', String(threads), '--data', data, '--linkage', linkage]
  const output = execFileSync(process.execPath, ['--import', 'tsx', self, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(String(output))
}

function markdown(results: Measured[]): string {
  const lines = results.map(
    ({ data, linkage, rows, threshold, seconds, peakBytes, clusters, bcubed }) =>
      `| ${data === 'people' ? 'people' : 'no people'} | ${rows} | ${linkage} | ${threshold} | ${seconds.toFixed(1)} | ` +
      `${(peakBytes / 2 ** 30).toFixed(2)} | ${clusters} | ${bcubed?.toFixed(4) ?? ''} |`,
  )
  return [
    `# Clustering ${allRows} embeddings of ${dimensions} floats, ${threads} threads`,
    '',
    `${printMachine(describeMachine())}. Load ${load().toFixed(1)}. Peak memory is the whole process's, embeddings included.`,
    '',
    '| data | rows | linkage | threshold | seconds | peak GiB | clusters | BCubed F |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}

if (options.data) {
  console.log(JSON.stringify(await measure({ data: options.data, linkage: options.linkage } as Case)))
} else {
  const results: Measured[] = []
  for (const data of ['people', 'none'] as const) {
    for (const linkage of linkages) results.push(inChild({ data, linkage }))
  }
  const folder = fileURLToPath(new URL('./results', import.meta.url))
  await mkdir(folder, { recursive: true })
  const date = new Date().toISOString()
  const path = join(folder, `${options.name}-${date.slice(0, 10)}`)
  await writeFile(
    `${path}.json`,
    `${JSON.stringify({ machine: describeMachine(), date, threads, results }, null, 2)}\n`,
  )
  await writeFile(`${path}.md`, markdown(results))
  console.log(markdown(results))
}
