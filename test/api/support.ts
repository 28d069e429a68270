/** A small model with random weights, and images that are exactly as large as its input. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { type NetworkName, networks } from '../../lib/convert/networks/index.js'
import { initialWeights } from '../../lib/convert/networks/initialize.js'
import { type Model, type OpenModelOptions, openModel } from '../../lib/index.js'

export function inMemory(name: NetworkName = 'nns2', seed = 1) {
  const graph = networks[name].graph()
  return { graph, tensors: initialWeights(graph, seed) }
}

export function openSmall(options: OpenModelOptions = {}): Promise<Model> {
  return openModel(inMemory(), options)
}

/** Deterministic pixels, N x height x width x 3, different in every image. */
export function pixels({ inputSize: { height, width } }: Pick<Model, 'inputSize'>, count: number): Uint8Array {
  const image = height * width * 3
  return Uint8Array.from({ length: count * image }, (_, i) => {
    const [n, at] = [Math.floor(i / image), i % image]
    return (at * (n + 3) + (at >> 7) * 31 + n * 57) & 255
  })
}

/** Each image as PNG: lossless, so decoding gives the same bytes back. */
export function asPngs({ inputSize }: Pick<Model, 'inputSize'>, images: Uint8Array): Promise<Buffer[]> {
  const { height, width } = inputSize
  const size = height * width * 3
  return Promise.all(
    Array.from({ length: images.length / size }, (_, i) =>
      sharp(images.subarray(i * size, (i + 1) * size), { raw: { height, width, channels: 3 } })
        .png()
        .toBuffer(),
    ),
  )
}

/** A folder that is gone after `use`, holding `files`. */
export async function withFolder<T>(files: Record<string, Uint8Array | string>, use: (folder: string) => Promise<T>) {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-'))
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
    }
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The error that `promise` rejects with, as its code and message. */
export async function rejection(promise: Promise<unknown>): Promise<{ name: string; code: string; message: string }> {
  try {
    await promise
  } catch (error) {
    return error as { name: string; code: string; message: string }
  }
  throw new Error('The promise was expected to reject')
}
