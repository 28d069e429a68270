/** One case: find the peer's best form, then let both engines take turns. */

import { Child } from '../lib/benchmark/child.js'
import { load } from '../lib/benchmark/machine.js'
import { largestDifference } from '../lib/benchmark/statistics.js'
import { type Effort, ratioOf, type Speed, speedOf, takeTurns } from '../lib/benchmark/turns.js'
import type { Measured } from '../lib/benchmark/worker.js'
import type { Case } from './cases.js'
import { peerBatches } from './cases.js'
import type { LrnForm, ModelFiles } from './prepare.js'
import { type WorkerOptions, workerScript } from './worker.js'

export interface PeerForm {
  lrn: LrnForm
  batch: number
}

export interface PeerChoice {
  /** That of most images a second. */
  form: PeerForm
  /** Of whichever form takes least memory, which may be a slow one. */
  leastPeakBytes: number
}

export interface Result extends Case {
  /** Medians over the rounds. */
  ours: Speed & { peakBytes: number; notes: string }
  peer: Speed & { peakBytes: number; notes: string } & PeerChoice
  /** Median over the rounds of ours / peer in images a second, and the rounds' extremes. */
  ratio: number
  ratioRange: [least: number, most: number]
  /** ours / peer in its fastest form. */
  memoryRatio: number
  /** p99 of the event loop's delay in ms while `delayImages` images are embedded in one call. */
  eventLoopP99: number
  /** max |ours - peer| / max |peer| over the embeddings of the same images. */
  difference: number
  /** Of the machine while the case ran, this benchmark's own included. */
  load: number
}

const delayImages = 256

/**
 * Lets every form of the peer take turns, and keeps the one with the fastest turn: whatever else the machine does can only
 * slow one down.
 */
export async function choosePeer(item: Case, files: ModelFiles, effort: Effort): Promise<PeerChoice> {
  const forms = (Object.keys(files.onnx) as LrnForm[]).flatMap((lrn) => peerBatches.map((batch) => ({ lrn, batch })))
  const tried: { form: PeerForm; peer: Child<WorkerOptions>; speed: number; peakBytes: number }[] = []
  for (const form of forms) tried.push({ form, peer: await startPeer(item, files, form), speed: 0, peakBytes: 0 })
  for (let round = 0; round < effort.rounds; round++) {
    for (const one of tried) {
      one.speed = Math.max(one.speed, (await one.peer.measure(effort.turn)).imagesPerSecond)
    }
  }
  for (const one of tried) {
    one.peakBytes = await one.peer.peak()
    await one.peer.finish()
  }
  const { form } = tried.reduce((best, other) => (other.speed > best.speed ? other : best))
  return { form, leastPeakBytes: Math.min(...tried.map(({ peakBytes }) => peakBytes)) }
}

export async function measureCase(item: Case, files: ModelFiles, choice: PeerChoice, effort: Effort): Promise<Result> {
  const ours = await Child.start<WorkerOptions>(workerScript, { ...item, engine: 'facenet', model: files.facenet })
  const peer = await startPeer(item, files, choice.form)
  const [ourTurns, peerTurns] = (await takeTurns([ours, peer], effort)) as [Measured[], Measured[]]
  const difference = largestDifference(await ours.embed(), await peer.embed())
  const [ourPeak, peerPeak] = [await ours.peak(), await peer.peak()]
  await peer.finish()
  const eventLoopP99 = await ours.delay(delayImages)
  await ours.finish()
  const ratio = ratioOf(ourTurns, peerTurns)
  return {
    ...item,
    ours: { ...speedOf(ourTurns), peakBytes: ourPeak, notes: ours.notes },
    peer: { ...speedOf(peerTurns), peakBytes: peerPeak, notes: peer.notes, ...choice },
    ratio: ratio.median,
    ratioRange: ratio.range,
    memoryRatio: ourPeak / peerPeak,
    eventLoopP99,
    difference,
    load: load(),
  }
}

function startPeer(
  { network, threads }: Case,
  files: ModelFiles,
  { lrn, batch }: PeerForm,
): Promise<Child<WorkerOptions>> {
  return Child.start<WorkerOptions>(workerScript, {
    engine: 'onnxruntime',
    model: files.onnx[lrn]!,
    network,
    dtype: 'f32',
    threads,
    batch,
  })
}
