/** Engines that take turns, so that whatever else a machine does meets all of them. */
import { median, percentile } from './statistics.js'
import type { Measured } from './worker.js'

export interface Effort {
  /** Turns of each engine. */
  rounds: number
  /** Least length of a turn in ms. */
  turn: number
}

/** Milliseconds of calls. */
export interface Latency {
  p50: number
  p90: number
  p99: number
}

/** Medians over the rounds; latency of all calls of them. */
export interface Speed {
  imagesPerSecond: number
  cpuMillisecondsPerImage: number
  latency: Latency
}

/** The turns of each child, in their order. */
export async function takeTurns(
  children: readonly { measure(milliseconds: number): Promise<Measured> }[],
  { rounds, turn }: Effort,
  signal?: AbortSignal,
): Promise<Measured[][]> {
  const turns = children.map((): Measured[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, child] of children.entries()) {
      signal?.throwIfAborted()
      turns[i]!.push(await child.measure(turn))
    }
  }
  return turns
}

export function speedOf(turns: readonly Measured[]): Speed {
  const calls = turns.flatMap((turn) => turn.calls)
  return {
    imagesPerSecond: median(turns.map(({ imagesPerSecond }) => imagesPerSecond)),
    cpuMillisecondsPerImage: median(turns.map(({ cpuMillisecondsPerImage }) => cpuMillisecondsPerImage)),
    latency: { p50: percentile(calls, 50), p90: percentile(calls, 90), p99: percentile(calls, 99) },
  }
}

/** Images a second of one to another, round by round: the median and the extremes. */
export interface Ratio {
  median: number
  range: [least: number, most: number]
}

export function ratioOf(ours: readonly Measured[], theirs: readonly Measured[]): Ratio {
  const ratios = ours.map((turn, i) => turn.imagesPerSecond / theirs[i]!.imagesPerSecond)
  return { median: median(ratios), range: [Math.min(...ratios), Math.max(...ratios)] }
}
