/**
 * What this machine does at most, measured: multiply-adds in the layer that is easiest to compute (a 1x1 convolution of many channels,
 * whose operands stay in caches), and bytes a second of copies that no cache holds. A network's share of these is its roofline share.
 */
import type { GraphDescription } from '../../types/graph.js'
import type { DeviceKind, DType } from '../../types/native.js'
import { native, nativeCall } from '../native/addon.js'
import { enqueueCall } from '../native/queue.js'

export interface Ceilings {
  /** A second, by the threads of the run. */
  multiplyAdds: number
  /** Read and written a second, by one thread. */
  copiedBytes: number
}

const channels = 512
const side = 16
const batch = 8
/** Milliseconds for the tries of each ceiling. */
const tried = 300
/** More than any cache. */
const bytesPerCopy = 2 ** 27

const denseGraph: GraphDescription = {
  name: 'dense',
  input: { name: 'data', height: side, width: side, channels, dtype: 'f32' },
  nodes: [
    {
      name: 'layer',
      op: 'conv2d',
      inputs: ['data'],
      attributes: { kernel: [1, 1], stride: [1, 1], padding: [0, 0, 0, 0], outChannels: channels },
      tensors: { weight: 'weight' },
    },
  ],
  outputs: ['layer'],
}

export interface CeilingOptions {
  threads: number
  dtype: DType
  device: DeviceKind
}

/** The best of several tries each. */
export async function measureCeilings(options: CeilingOptions): Promise<Ceilings> {
  return { multiplyAdds: await multiplyAddCeiling(options), copiedBytes: await copyCeiling() }
}

async function multiplyAddCeiling(options: CeilingOptions): Promise<number> {
  const values = new Uint8Array(new Float32Array(channels * channels).fill(1 / channels).buffer)
  const shape = [channels, channels, 1, 1]
  const tensors = [{ name: 'weight', dtype: 'f32' as const, shape, offset: 0, bytes: values.length }]
  const model = await nativeCall(() => native().openModel(denseGraph, { buffer: values, tensors }, options))
  try {
    const input = new Float32Array(batch * side * side * channels).fill(0.5)
    const output = new Float32Array(input.length)
    const milliseconds = await best(() => enqueueCall(undefined, (cancel) => model.run(input, batch, [output], cancel)))
    return (batch * side * side * channels * channels) / (milliseconds / 1000)
  } finally {
    model.dispose()
  }
}

async function copyCeiling(): Promise<number> {
  const [from, to] = [new Uint8Array(bytesPerCopy).fill(1), new Uint8Array(bytesPerCopy).fill(2)]
  const milliseconds = await best(async () => to.set(from))
  return (2 * bytesPerCopy) / (milliseconds / 1000)
}

async function best(work: () => Promise<unknown>): Promise<number> {
  let least = Infinity
  const start = performance.now()
  do {
    const before = performance.now()
    await work()
    least = Math.min(least, performance.now() - before)
  } while (performance.now() - start < tried)
  return least
}

/** A call's work, and how much of it the machine's ceilings allow. */
export interface CallWork {
  multiplyAdds: number
  /** Weights, images and embeddings: what has to be moved at least, each once. */
  bytes: number
}

/** The share of what the ceilings allow of calls that take so many seconds, 0..1. */
export function rooflineShare({ multiplyAdds, bytes }: CallWork, seconds: number, ceilings: Ceilings): number {
  const least = Math.max(multiplyAdds / ceilings.multiplyAdds, bytes / ceilings.copiedBytes)
  return least / seconds
}
