/** embeddingLoss for every device under test; CUDA comes from the addon that support/addons.ts chooses. */

import { checkLoss } from '../../lib/embeddings/losses.js'
import * as library from '../../lib/index.js'
import { newCancel } from '../../lib/native/queue.js'
import { cudaAddon } from '../support/addons.js'

export async function embeddingLoss(
  embeddings: Float32Array,
  labels: readonly number[] | Int32Array,
  options: library.EmbeddingLossOptions,
): Promise<library.EmbeddingLoss> {
  if (options.device !== 'cuda') return await library.embeddingLoss(embeddings, labels, options)
  const { dimensions = 0, loss, classes } = options
  const settings = {
    dimensions,
    threads: 1,
    device: 'cuda',
    loss: checkLoss(loss),
    ...(classes && { classes }),
  } as const
  const [gradient, classGradient] = [new Float32Array(embeddings.length), new Float32Array(classes?.length ?? 0)]
  const found = await cudaAddon().embeddingLoss(
    embeddings,
    Int32Array.from(labels),
    settings,
    gradient,
    classGradient,
    newCancel(),
  )
  return { ...found, gradient, classGradient }
}
