import type { Model } from '../../index.js'
import type { Alignment } from '../common/alignment.js'

/** The embedding of each file, in order. Throws for the first that cannot be used. */
export async function embedFiles(
  model: Model,
  paths: string[],
  alignment: Alignment,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const embeddings: Float32Array[] = []
  const onError = ({ error }: { error: Error }) => {
    throw error
  }
  for await (const { embedding } of model.embedStream(paths, { ...alignment, signal, onError })) {
    embeddings.push(embedding)
  }
  return embeddings
}
