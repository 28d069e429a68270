/** Clusters the rows that it is sent; says when it has begun and when it is done. */
import { parentPort } from 'node:worker_threads'
import { clusterEmbeddings, type Linkage } from '../../lib/index.js'
import { turns } from '../support/aborting.js'

export interface Task {
  embeddings: Float32Array
  options: { dimensions: number; threshold: number; linkage: Linkage }
}

parentPort!.once('message', async ({ embeddings, options }: Task) => {
  const labels = clusterEmbeddings(embeddings, options)
  await turns(1)
  parentPort!.postMessage('begun')
  await labels
  parentPort!.postMessage('done')
})
