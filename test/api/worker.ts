/** Answers images with their embeddings; at 'begin' it starts a long batch and says so. */
import { parentPort } from 'node:worker_threads'
import { openSmall } from './support.js'

const model = await openSmall({ threads: 1 })
const { height, width } = model.inputSize
parentPort!.on('message', async (images: Uint8Array | 'begin') => {
  if (images === 'begin') {
    const work = model.embed(new Uint8Array(2000 * height * width * 3))
    parentPort!.postMessage('begun')
    await work
  } else parentPort!.postMessage(await model.embed(images))
})
