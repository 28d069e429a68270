/** Results as JSON and as a markdown table. Speed and memory are given as ratios to the peer in the same run. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Machine, printMachine } from '../lib/benchmark/machine.js'
import type { Effort } from '../lib/benchmark/turns.js'
import type { Result } from './measure.js'

export interface Report {
  machine: Machine
  /** ISO 8601. */
  date: string
  effort: Effort
  results: Result[]
}

const columns = [
  'network',
  'dtype',
  'threads',
  'ours, images/s',
  'peer, images/s',
  'ratio (range)',
  'CPU time ratio',
  'peak MB, ours / peer (least)',
  'memory ratio',
  'event loop p99, ms',
  'difference',
  "peer's best",
  'machine',
]

export function markdown(report: Report): string {
  const rows = report.results.map((result) => cells(result, report.machine))
  const lines = [columns, columns.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`)
  const { rounds, turn } = report.effort
  return [
    `Medians of ${rounds} rounds of at least ${turn} ms in which both engines took turns, each in a process of its own, ${report.date}.`,
    'Peer: onnxruntime-node in fp32 with its L2 pooling as square, average pool and root, its best over LRN as an op and',
    'as a convolution and over batches of 1, 8 and 32. It is given normalised floats, we are given bytes.',
    'Ratios are ours / peer; CPU time is that of one image. Memory is that of the whole process, Node included; in brackets',
    "the peer's least over all its forms. Event loop: the p99 of its delay while we embed 256 images in one call, the 1 ms",
    'between two looks included. Difference: max |ours - peer| / max |peer|.',
    '',
    ...lines,
    '',
  ].join('\n')
}

function cells(result: Result, machine: Machine): string[] {
  const { ours, peer, ratioRange } = result
  const { form } = peer
  return [
    result.network,
    result.dtype,
    String(result.threads),
    ours.imagesPerSecond.toFixed(1),
    peer.imagesPerSecond.toFixed(1),
    `**${result.ratio.toFixed(2)}** (${ratioRange.map((ratio) => ratio.toFixed(2)).join('-')})`,
    (ours.cpuMillisecondsPerImage / peer.cpuMillisecondsPerImage).toFixed(2),
    `${megabytes(ours.peakBytes)} / ${megabytes(peer.peakBytes)} (${megabytes(peer.leastPeakBytes)})`,
    result.memoryRatio.toFixed(2),
    result.eventLoopP99.toFixed(1),
    result.difference.toExponential(1),
    `batch ${form.batch}, LRN as ${form.lrn}`,
    `${printMachine(machine)}, load ${result.load.toFixed(1)}`,
  ]
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)

/** `<folder>/<name>-<date>.json` and `.md`. Returns the paths. */
export async function save(report: Report, folder: string, name: string): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const stem = join(folder, `${name}-${report.date.slice(0, 10)}`)
  await writeFile(`${stem}.json`, `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(`${stem}.md`, markdown(report))
  return [`${stem}.json`, `${stem}.md`]
}
