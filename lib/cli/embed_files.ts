/** What `embed` and `verify` share. */
import type { Align, Model } from '../index.js'
import type { Context } from './context.js'

export function alignment(context: Context): Align | undefined {
  return context.oneOf('align', ['none', 'center', 'points'])
}

/** The embedding of each file, in order; five points come from the table beside it. Throws for the first bad one. */
export async function embedFiles(
  model: Model,
  paths: string[],
  align: Align | undefined,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const embeddings: Float32Array[] = []
  const onError = ({ error }: { error: Error }) => {
    throw error
  }
  for await (const { embedding } of model.embedStream(paths, { align, signal, onError })) embeddings.push(embedding)
  return embeddings
}
