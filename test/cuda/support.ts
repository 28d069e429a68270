/** Small models on the emulated CUDA device, and what its runtime was asked to do. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newCancel } from '../../lib/native/queue.js'
import type { GraphDescription, GraphNode } from '../../types/graph.js'
import type { NativeModel, OpenOptions } from '../../types/native.js'
import { cudaAddon, emulate } from '../support/addons.js'
import type { Tensors } from '../support/evaluate.js'
import { graphOf, weightSource } from '../support/ops.js'
import { gridValues, seeded } from '../support/random.js'

const channels = 8
const side = 6
/** Of one image: the fp32 input, the tensor between the pools, the output. */
export const imageBytes = side * side * channels * 4
export const outputBytes = channels * 4

/** Two pools over an fp32 image; maxima are exact, so every device gives the same bits. */
export const poolGraph: GraphDescription = graphOf([side, side, channels], [
  {
    name: 'a',
    op: 'max_pool',
    inputs: ['x'],
    attributes: { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] },
  },
  { name: 'y', op: 'global_pool', inputs: ['a'], attributes: { kind: 'max' } },
] satisfies GraphNode[])

export const images = (count: number, seed = 1) => gridValues(count * (imageBytes / 4), seeded(seed))

/** The largest value of each channel of each image: what `poolGraph` gives. */
export function expectedOf(input: Float32Array): Float32Array {
  const count = input.length / (imageBytes / 4)
  const out = new Float32Array(count * channels).fill(Number.NEGATIVE_INFINITY)
  input.forEach((value, i) => {
    const image = Math.floor(i / (imageBytes / 4))
    const place = image * channels + (i % channels)
    out[place] = Math.max(out[place]!, value)
  })
  return out
}

export function open(options: Partial<OpenOptions> = {}, graph = poolGraph, tensors: Tensors = {}) {
  return cudaAddon().openModel(graph, weightSource(tensors), { device: 'cuda', threads: 2, ...options })
}

export async function run(model: NativeModel, input: Float32Array, cancel = newCancel()): Promise<Float32Array> {
  const count = input.length / (imageBytes / 4)
  const out = new Float32Array(count * channels)
  await model.run(input, count, [out], cancel)
  return out
}

/** Does `work` on the machine that `settings` describe and returns what the runtime was asked to do, a line a call. */
export async function traced(settings: string, work: () => Promise<void>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'facenet-'))
  const path = join(folder, 'trace')
  emulate(`${settings} trace=${path}`)
  try {
    await work()
    return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
  } finally {
    emulate('')
    rmSync(folder, { recursive: true })
  }
}

/** How many lines contain `part`. */
export const countOf = (lines: readonly string[], part: string) => lines.filter((line) => line.includes(part)).length

/** What a call throws that has to. */
export async function failure(call: () => Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await call()
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('The call was expected to fail')
}
