/** A small model for the addon itself, without the API above it. */
import { native } from '../../lib/native/addon.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import type { NativeModel, OpenOptions, WeightSource } from '../../types/native.js'

export { newCancel } from '../../lib/native/queue.js'

export const channels = 32

/** `depth` convolutions of 3x3 on a `size` x `size` image, then the average of each channel. */
export function chain(size: number, depth: number): GraphDescription {
  const window = { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] } as const
  const convolutions = Array.from(
    { length: depth },
    (_, i): GraphNode => ({
      name: `conv${i}`,
      op: 'conv2d',
      inputs: [i === 0 ? 'x' : `conv${i - 1}`],
      attributes: { ...window, outChannels: channels },
      tensors: { weight: 'w' },
    }),
  )
  const pool: GraphNode = {
    name: 'y',
    op: 'global_pool',
    inputs: [`conv${depth - 1}`],
    attributes: { kind: 'avg' },
  }
  return {
    name: 'chain',
    input: { name: 'x', height: size, width: size, channels, dtype: 'f32' },
    nodes: [...convolutions, pool],
    outputs: ['y'],
  }
}

const shape = [channels, channels, 3, 3]
export const weightBytes = channels * channels * 9 * 4

/** Weights of `chain`, from a buffer: each output channel is the input channel of the same number, shifted by nothing. */
export function identityWeights(): WeightSource {
  const data = new Float32Array(weightBytes / 4)
  for (let c = 0; c < channels; c++) data[(c * channels + c) * 9 + 4] = 1
  return {
    tensors: [{ name: 'w', dtype: 'f32', shape, offset: 0, bytes: weightBytes }],
    buffer: new Uint8Array(data.buffer),
  }
}

/** The fast backend of every machine. */
export const device = 'cpu'

export function open(graph: GraphDescription, options: Partial<OpenOptions> = {}): Promise<NativeModel> {
  return native().openModel(graph, identityWeights(), { device, threads: 1, ...options })
}

export const inputOf = (graph: GraphDescription, count: number) =>
  new Float32Array(count * graph.input.height * graph.input.width * channels).fill(1)

export interface Failure extends Error {
  code?: string
  argument?: string
  expected?: string
  received?: string
}

/** What `call` throws or rejects with. */
export async function failure(call: () => unknown): Promise<Failure> {
  try {
    await call()
  } catch (error) {
    return error as Failure
  }
  throw new Error('The call was expected to fail')
}
