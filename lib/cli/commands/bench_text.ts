/** A benchmark's report, and its comparison with an earlier one, for people. */
import { type BenchmarkReport, type Comparison, printMachine } from '../../benchmark/index.js'
import { table } from '../common/table.js'

export function reportLines({ network, settings, machine, load, ceilings, results }: BenchmarkReport): string[] {
  const { device, dtype, threads, effort } = settings
  const rows = results.flatMap(({ batch, ours, peers }) => [
    cells(batch, 'facenet-native', ours, ours.rooflineShare === null ? '' : percent(ours.rooflineShare), ''),
    ...peers.map((peer) => {
      const [least, most] = peer.ratio.range.map((value) => value.toFixed(2))
      return cells(batch, peer.against, peer, '', `${peer.ratio.median.toFixed(2)} (${least}-${most})`)
    }),
  ])
  const header = ['batch', 'engine', 'images/s', 'p50 ms', 'p90 ms', 'p99 ms', 'peak MB', 'of roofline', 'ours / peer']
  return [
    `${network.name}, ${(network.multiplyAdds / 1e6).toFixed(0)} M multiply-adds, ${dtype}, ${device}, ${threads} threads; ` +
      `${effort.rounds} rounds of ${effort.turn} ms in turns`,
    `${printMachine(machine)}, load ${load.toFixed(1)}`,
    ...(ceilings
      ? [`at most ${giga(ceilings.multiplyAdds)} G multiply-adds and ${giga(ceilings.copiedBytes)} GB copied a second`]
      : []),
    table([header, ...rows], 2),
  ]
}

export function comparisonLines({ warnings, changes }: Comparison): string[] {
  const rows = changes.map(({ batch, imagesPerSecond, latency, peakBytes, ratios }) => [
    `${batch}`,
    times(imagesPerSecond),
    times(latency.p50),
    times(latency.p99),
    times(peakBytes),
    ratios.map(({ against, change }) => `${against} ${times(change)}`).join(', '),
  ])
  const header = ['batch', 'images/s', 'p50', 'p99', 'peak', 'ours / peer']
  return [
    'now / before:',
    ...warnings.map((warning) => `warning: ${warning}`),
    changes.length > 0 ? table([header, ...rows], 1) : 'no batch size is in both',
  ]
}

type Row = BenchmarkReport['results'][number]['peers'][number] | BenchmarkReport['results'][number]['ours']

const cells = (batch: number, engine: string, row: Row, share: string, ratio: string) => [
  `${batch}`,
  engine,
  row.imagesPerSecond.toFixed(1),
  ...[row.latency.p50, row.latency.p90, row.latency.p99].map((ms) => ms.toFixed(2)),
  (row.peakBytes / 1e6).toFixed(0),
  share,
  ratio,
]
const percent = (share: number) => `${(100 * share).toFixed(0)} %`
const giga = (value: number) => (value / 1e9).toFixed(1)
const times = (value: number) => value.toFixed(2)
