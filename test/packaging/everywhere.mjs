// What a program does with facenet-native, run by each runtime that it should work in. Prints one line of JSON, the same everywhere.
import { createRequire } from 'node:module'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { FaceNetError, openDetector, openModel } from 'facenet-native'

/** The embedding of the face in face.jpg. */
async function embed() {
  const model = await openModel()
  const detector = await openDetector()
  const { data } = await model.embedRows(['face.jpg'], { detector })
  await model.close()
  await detector.close()
  return data
}

const message = (worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
const startWorker = (task) => new Worker(new URL(import.meta.url), { workerData: task })

const codeOf = (call) =>
  call().then(
    () => 'none',
    (error) => (error instanceof FaceNetError ? error.code : String(error)),
  )

async function main() {
  const data = await embed()
  const fromWorkers = await Promise.all([startWorker('embed'), startWorker('embed')].map(message))
  const interrupted = startWorker('begin')
  await message(interrupted)
  await interrupted.terminate()
  const model = await openModel()
  const embeddings = []
  for await (const { embedding } of model.embedStream(['face.jpg', 'face.jpg'], { align: 'center' }))
    embeddings.push(embedding)
  const commonjs = createRequire(import.meta.url)('facenet-native')
  console.log(
    JSON.stringify({
      sha256: await sha256(data),
      workers: await Promise.all(fromWorkers.map(sha256)),
      streamed: embeddings.length,
      missing: await codeOf(() => openModel('missing.safetensors')),
      aborted: await codeOf(() => model.embed(['face.jpg'], { align: 'center', signal: AbortSignal.abort() })),
      commonjs: typeof commonjs.openModel,
    }),
  )
  await model.close()
}

async function sha256(floats) {
  const digest = await crypto.subtle.digest('SHA-256', floats)
  return Buffer.from(digest).toString('hex')
}

if (isMainThread) await main()
else if (workerData === 'embed') parentPort.postMessage(await embed())
else {
  const model = await openModel()
  const { height, width } = model.inputSize
  const work = model.embed(new Uint8Array(500 * height * width * 3))
  parentPort.postMessage('begun')
  await work
}
