// node --import tsx examples/serve.ts 8080
// curl --data-binary @anna.jpg http://localhost:8080/
//
// Embeddings by HTTP, on nothing but node:http. A client that goes away ends its work.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { FaceNetError } from 'facenet-native'
import { openExampleDetector, openExampleModel } from './weights.js'

const [port = '8080'] = process.argv.slice(2)
const model = await openExampleModel()
const detector = await openExampleDetector()

const server = createServer(async (request, response) => {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const answer = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify(body)}\n`)
  }
  try {
    const photograph = await buffer(request)
    const embedding = await model.embed([photograph], { detector, signal: gone.signal })
    answer(200, { embedding: Array.from(embedding), fingerprint: model.fingerprint })
  } catch (error) {
    if (!(error instanceof FaceNetError)) return answer(500, { error: 'internal error' })
    // What is wrong with the photograph is the client's to know, and nothing else.
    const theirs = ['ERR_FACENET_IMAGE_INVALID', 'ERR_FACENET_FACE_COUNT'].includes(error.code)
    answer(theirs ? 422 : 500, { code: error.code, error: theirs ? error.message : 'internal error' })
  }
})
server.listen(Number(port), () => console.log(`listening on ${(server.address() as AddressInfo).port}`))

// Requests under way are answered before the model goes.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => server.close(async () => void (await Promise.all([model.close(), detector.close()]))))
}
