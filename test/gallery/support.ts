/** Galleries of small random embeddings. */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import {
  type FaceNetError,
  type Gallery,
  type Model,
  type OpenGalleryOptions,
  openGallery,
  type Preparation,
  type SourceImage,
  type StreamOptions,
} from '../../lib/index.js'
import { mulberry32 } from '../../lib/training/random.js'
import { withFolder } from '../api/support.js'

export const model = { fingerprint: 'a'.repeat(64), dimensions: 8, threshold: 0.5 }

/** n x `dimensions` floats of unit length, the same for one seed. */
export function randomRows(n: number, seed = 1, dimensions = model.dimensions): Float32Array {
  const random = mulberry32(seed)
  const rows = Float32Array.from({ length: n * dimensions }, () => random() - 0.5)
  for (let i = 0; i < n; i++) {
    const row = rows.subarray(i * dimensions, (i + 1) * dimensions)
    const length = Math.hypot(...row)
    for (let j = 0; j < dimensions; j++) row[j]! /= length
  }
  return rows
}

export const rowOf = (rows: Float32Array, i: number, dimensions = model.dimensions) =>
  rows.slice(i * dimensions, (i + 1) * dimensions)

/** Faces `f0`, `f1`, ... */
export const facesOf = (rows: Float32Array, first = 0) =>
  Array.from({ length: rows.length / model.dimensions }, (_, i) => ({ id: `f${first + i}`, embedding: rowOf(rows, i) }))

export async function withGallery(
  use: (gallery: Gallery, path: string) => Promise<void>,
  options?: OpenGalleryOptions,
) {
  await withFolder({}, async (folder) => {
    const path = join(folder, 'g.db')
    await using gallery = await openGallery(path, { model, ...options })
    await use(gallery, path)
  })
}

/** A model of 12 dimensions whose embeddings are made of the bytes of files, a face after the other. */
export function standInModel({ delay = 0, dimensions = 12, threshold = 0.5 as number | null } = {}): Model {
  const fingerprint = 'b'.repeat(64)
  const standIn = {
    fingerprint,
    dimensions,
    threshold,
    inputSize: { height: 112, width: 112 },
    metadata: { alignment: 'arcface112' },
    preparationOf: ({ align, template }: { align: Preparation['align']; template?: string }) => ({
      align,
      ...(template && { template }),
      flip: false,
      decode: 1,
    }),
    async *embedStream(source: AsyncIterable<SourceImage>, { onProgress, onError }: StreamOptions) {
      let done = 0
      for await (const { path, read } of source) {
        if (delay > 0) await setTimeout(delay)
        try {
          const bytes = await read()
          yield { path, image: path, embedding: randomRows(1, bytes[0], dimensions) }
        } catch (error) {
          onError?.({ path, error: error as FaceNetError })
        }
        onProgress?.({ done: ++done, failed: 0, passedOver: 0 }, {})
      }
    },
  }
  return standIn as unknown as Model
}
