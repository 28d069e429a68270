/** What is measured, as data. */
import type { NetworkName } from '../lib/convert/networks/index.js'
import type { StoredDType } from '../types/native.js'

/** One network in one precision with a number of threads, ours against the peer in fp32 at its best. */
export interface Case {
  network: NetworkName
  dtype: StoredDType
  threads: number
  /** Images of one call of ours. */
  batch: number
}

/** The peer's best of these is what we are compared with. */
export const peerBatches = [1, 8, 32] as const

const measured: readonly (readonly [NetworkName, StoredDType])[] = [
  ['nn2', 'f32'],
  ['nn2', 'bf16'],
  ['nn4.small2', 'f32'],
  ['nn4.small2', 'bf16'],
  ['inception-resnet-v1', 'f32'],
  ['inception-resnet-v1', 'bf16'],
]

export function cases(threads: readonly number[]): Case[] {
  return threads.flatMap((count) => measured.map(([network, dtype]) => ({ network, dtype, threads: count, batch: 32 })))
}
