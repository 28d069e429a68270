/** What a benchmark of a model found, as data; and how two such reports differ. */
import { FaceNetError, invalidArgument } from '../errors.js'
import { readText } from '../files/read.js'
import type { Ceilings } from './ceilings.js'
import type { EngineName } from './engine.js'
import type { Machine } from './machine.js'
import type { Effort, Ratio, Speed } from './turns.js'

/** Raised where a reader of older reports would be misled. */
export const reportFormat = 'facenet-bench 1'

/** What is measured; a report can be taken again by it. */
export interface BenchmarkSettings {
  /** As it was named: a file, or the name of a model or of a network. */
  model: string
  device: 'auto' | 'cpu' | 'cuda' | 'reference'
  dtype: 'f32' | 'bf16' | 'f16'
  threads: number
  batches: readonly number[]
  against: readonly ('onnxruntime' | 'self')[]
  effort: Effort
}

export interface EngineResult extends Speed {
  engine: EngineName
  peakBytes: number
  notes: string
}

export interface BatchResult {
  batch: number
  ours: EngineResult & {
    multiplyAddsPerSecond: number
    /** Of what the ceilings allow, 0..1; null where they were not measured. */
    rooflineShare: number | null
  }
  peers: (EngineResult & {
    against: 'onnxruntime' | 'self'
    /** Ours to the peer in images a second. */
    ratio: Ratio
    /** max |ours - peer| / max |peer| over the embeddings of the same images. */
    difference: number
  })[]
}

export interface BenchmarkReport {
  format: typeof reportFormat
  /** ISO 8601. */
  date: string
  /** Of this package. */
  version: string
  machine: Machine
  /** Of the machine at the start: processes that wanted to run. */
  load: number
  settings: BenchmarkSettings
  network: { name: string; fingerprint: string; multiplyAdds: number; parameters: number }
  ceilings: Ceilings | null
  results: BatchResult[]
}

/** One batch size now and before: above 1 is more, so less memory and less time are below 1. */
export interface Change {
  batch: number
  imagesPerSecond: number
  latency: { p50: number; p99: number }
  peakBytes: number
  /** Of each peer that both have: how our ratio to it changed, which what else the machine did changes less. */
  ratios: { against: string; change: number }[]
}

export interface Comparison {
  /** Why the two say little of each other; empty where they may be compared. */
  warnings: string[]
  changes: Change[]
}

export function compareReports(before: BenchmarkReport, now: BenchmarkReport): Comparison {
  const warnings: string[] = []
  const differ = (what: string, a: unknown, b: unknown) => {
    if (JSON.stringify(a) !== JSON.stringify(b)) warnings.push(`another ${what}: ${say(a)} before, ${say(b)} now`)
  }
  differ('machine', before.machine, now.machine)
  differ('network', before.network.fingerprint, now.network.fingerprint)
  for (const key of ['device', 'dtype', 'threads'] as const) differ(key, before.settings[key], now.settings[key])
  const changes = now.results.flatMap((result): Change[] => {
    const old = before.results.find(({ batch }) => batch === result.batch)
    if (!old) return []
    const { ours } = result
    return [
      {
        batch: result.batch,
        imagesPerSecond: ours.imagesPerSecond / old.ours.imagesPerSecond,
        latency: {
          p50: ours.latency.p50 / old.ours.latency.p50,
          p99: ours.latency.p99 / old.ours.latency.p99,
        },
        peakBytes: ours.peakBytes / old.ours.peakBytes,
        ratios: result.peers.flatMap(({ against, ratio }) => {
          const other = old.peers.find((peer) => peer.against === against)
          return other ? [{ against, change: ratio.median / other.ratio.median }] : []
        }),
      },
    ]
  })
  return { warnings, changes }
}

const say = (value: unknown) => (typeof value === 'string' ? value.slice(0, 12) : JSON.stringify(value))

/** Throws ERR_FACENET_INVALID_ARGUMENT for another file. */
export async function readReport(path: string): Promise<BenchmarkReport> {
  const text = await readText(path)
  try {
    const report = JSON.parse(text) as BenchmarkReport
    if (report?.format !== reportFormat)
      throw invalidArgument(path, `a report of format ${reportFormat}`, report?.format)
    return report
  } catch (cause) {
    if (cause instanceof FaceNetError) throw cause
    throw invalidArgument(path, 'a report that bench --out wrote', (cause as Error).message)
  }
}
