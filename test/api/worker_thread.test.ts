/** The addon in worker threads: several at once, and ended in the middle of work. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openSmall, pixels } from './support.js'

const script = new URL('./worker.ts', import.meta.url)

function start(): Worker {
  return new Worker(`import('tsx/esm/api').then(({ register }) => { register(); return import('${script}') })`, {
    eval: true,
  })
}

test('two workers and the main thread embed the same images alike', async () => {
  const model = await openSmall({ threads: 1 })
  const images = pixels(model, 4)
  const workers = [start(), start()]
  const answers = workers.map((worker) => once(worker, 'message'))
  for (const worker of workers) worker.postMessage(images)
  const expected = await model.embed(images)
  for (const [embeddings] of await Promise.all(answers)) assert.equal(embeddings, expected)
  await Promise.all(workers.map((worker) => worker.terminate()))
  model.dispose()
})

test('a worker that is terminated in the middle of a batch leaves the process alive', async () => {
  const model = await openSmall({ threads: 1 })
  const worker = start()
  worker.postMessage('begin')
  await once(worker, 'message')
  await worker.terminate()
  assert.is((await model.embed(pixels(model, 1))).length, model.dimensions)
  model.dispose()
})

test.run()
