/** The routes over HTTP: what they answer, in which forms photographs come, and what is refused. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { deflateSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fakeDetector } from '../images/fake_detector.js'
import { errorOf, photograph, type Started, startSmall } from './support.js'

let started: Awaited<ReturnType<typeof startSmall>>
let red: Buffer
let three: Buffer
test.before(async () => {
  red = await photograph({ red: 60 })
  three = await photograph({ red: 40, green: 90, blue: 60 })
  const gallery = {
    rows: 2,
    search: async ({ rows }: { rows: number }, k: number) =>
      Array.from({ length: rows }, () =>
        [
          { path: 'anna.jpg', distance: 0.25 },
          { path: 'ben.jpg', distance: 1 },
        ].slice(0, k),
      ),
    close: async () => {},
  }
  started = await startSmall({ maxBodyBytes: 200_000, maxPixels: 100_000, maxFaces: 2 }, gallery)
})
test.after(async () => {
  await started[Symbol.asyncDispose]()
})

const form = (...files: Buffer[]) => {
  const data = new FormData()
  for (const [i, file] of files.entries()) data.append(`file${i}`, new Blob([new Uint8Array(file)]), `${i}.png`)
  return data
}
const png = { 'content-type': 'image/png' }
const json = { 'content-type': 'application/json' }
const raw = (path: string, image: Uint8Array, headers = png) => started.post(path, new Uint8Array(image), headers)

interface Answer {
  faces: {
    box: { width: number }
    score: number
    points: object[]
    embedding: number[]
    neighbors: object[]
    match: string
  }[]
  [key: string]: unknown
}
const answer = async (response: Response): Promise<Answer> => {
  assert.is(response.status, 200, await response.clone().text())
  return (await response.json()) as Answer
}

test('a photograph as a body, in a form and in JSON: one embedding, that of the model', async () => {
  const expected = [...(await started.model.embed([red], { detector: fakeDetector() }))]
  const base64 = JSON.stringify({ image: red.toString('base64') })
  for (const response of [
    await raw('/v1/embed', red),
    await raw('/v1/embed', red, { 'content-type': 'application/octet-stream' }),
    await started.post('/v1/embed', form(red)),
    await started.post('/v1/embed', base64, json),
  ]) {
    const { faces, fingerprint } = await answer(response)
    assert.is(fingerprint, started.model.fingerprint)
    assert.equal(faces[0]!.embedding, expected)
    assert.equal([faces.length, faces[0]!.box.width, faces[0]!.points.length], [1, 60, 5])
  }
})

test('which faces are embedded, the options say', async () => {
  const two = await photograph({ red: 40, green: 90 })
  const widths = async (faces: string) =>
    (await answer(await raw(`/v1/embed?faces=${faces}`, two))).faces.map(({ box }) => box.width)
  assert.equal([await widths('all'), await widths('largest')], [[90, 40], [90]])
  const { code } = await errorOf(await raw('/v1/embed?faces=one', two))
  assert.is(code, 'ERR_FACENET_FACE_COUNT')
  for (const wrong of ['faces=some', 'face=all']) {
    const response = await raw(`/v1/embed?${wrong}`, two)
    assert.equal([response.status, (await errorOf(response)).code], [400, 'ERR_FACENET_INVALID_ARGUMENT'])
  }
})

test('detect, verify and search', async () => {
  const { faces } = await answer(await raw('/v1/detect', red))
  assert.equal(Object.keys(faces[0]!), ['box', 'score', 'points'])
  const images = JSON.stringify({ images: [red, red].map((image) => image.toString('base64')) })
  for (const response of [
    await started.post('/v1/verify', form(red, red)),
    await started.post('/v1/verify', images, json),
  ]) {
    const { distance, threshold, same } = await answer(response)
    assert.equal([distance, threshold, same], [0, 0.5, true])
  }
  const found = await answer(await raw('/v1/search?k=1', red))
  assert.equal([found.faces[0]!.neighbors.length, found.faces[0]!.match], [1, 'anna.jpg'])
  assert.is((await raw('/v1/search?k=0', red)).status, 400)
  assert.is((await raw('/v1/search?k=1000', red)).status, 400)
})

test('an image without a face is an answer to detect, and an error elsewhere', async () => {
  const nobody = await photograph({})
  assert.equal(await answer(await raw('/v1/detect', nobody)), { faces: [] })
  for (const path of ['/v1/embed', '/v1/search']) {
    const response = await raw(path, nobody)
    assert.is(response.status, 422)
    const { code, requestId } = await errorOf(response)
    assert.equal([code, requestId], ['ERR_FACENET_FACE_COUNT', response.headers.get('x-request-id')])
  }
})

/** A PNG of 30,000 x 30,000 pixels in few bytes: its header, and one deflated row. */
function bomb(): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(30_000, 0)
  header.writeUInt32BE(30_000, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    const body = Buffer.concat([Buffer.from(type), data])
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc(body))
    return Buffer.concat([length, body, sum])
  }
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(90_001))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function crc(bytes: Buffer): number {
  let sum = ~0
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  }
  return ~sum >>> 0
}

test('images that cannot be used: damaged, no image, too many pixels or faces', async () => {
  const jpeg = await photograph({ red: 60 }, 'jpeg')
  for (const [image, code, message] of [
    [jpeg.subarray(0, 400), 'ERR_FACENET_IMAGE_INVALID', /complete image file for image/],
    [Buffer.from('no image at all'), 'ERR_FACENET_IMAGE_INVALID', /complete image file for image/],
    [bomb(), 'ERR_FACENET_IMAGE_INVALID', /at most 0\.1 megapixels/],
    [three, 'ERR_FACENET_FACE_COUNT', /at most 2 faces in image but found 3/],
  ] as const) {
    for (const path of ['/v1/detect', '/v1/embed']) {
      const response = await raw(path, image)
      assert.is(response.status, 422)
      const error = await errorOf(response)
      assert.is(error.code, code)
      assert.match(error.message, message)
    }
  }
})

test('requests that are wrong: type, size, form, JSON, address', async () => {
  const empty = form(red)
  empty.append('faces', 'all')
  for (const [response, status] of [
    [started.post('/v1/embed', 'x', { 'content-type': 'text/plain' }), 415],
    [started.post('/v1/embed', 'x', { 'content-type': 'text/html' }), 415],
    [raw('/v1/verify', red), 415],
    [raw('/v1/embed', new Uint8Array(200_001)), 413],
    [started.post('/v1/embed', form(Buffer.alloc(200_001))), 413],
    [started.post('/v1/embed', empty), 400],
    [started.post('/v1/embed', form(red, red)), 400],
    [started.post('/v1/verify', form(red)), 400],
    [started.post('/v1/verify', form(red, red, red)), 400],
    [started.post('/v1/embed', '{', json), 400],
    [started.post('/v1/embed', '[]', json), 400],
    [started.post('/v1/embed', JSON.stringify({ image: 7 }), json), 400],
    [raw('/v1/embed', Buffer.alloc(0)), 400],
    [fetch(`${started.address}/v1/embed`), 404],
    [raw('/v1/train', red), 404],
  ] as const) {
    const found = await response
    const { code, message, requestId } = await errorOf(found)
    assert.is(found.status, status, `${code} ${message}`)
    assert.ok(code && message && requestId)
  }
})

test('no text of a client is taken for a path or an address', async () => {
  for (const image of [
    '/etc/passwd0',
    'file:///etc/passwd',
    'http://127.0.0.1/x.png',
    '../../etc/passwd',
    'etc/passwd00',
  ]) {
    const response = await started.post('/v1/embed', JSON.stringify({ image }), json)
    assert.ok([400, 422].includes(response.status), `${image}: ${response.status}`)
    assert.not.match(await response.text(), /root:/)
  }
  const { port } = new URL(started.address)
  for (const path of [
    '/../../etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/page.js/../../package.json',
    '//etc/passwd',
    '/%2e%2e/package.json',
  ]) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.end(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`)
    assert.match(await text(socket), /^HTTP\/1\.1 404 /, path)
  }
})

test('health, figures, the description and the pages', async () => {
  const get = (path: string) => fetch(`${started.address}${path}`)
  assert.equal([(await get('/healthz')).status, (await get('/readyz')).status], [200, 200])
  await raw('/v1/embed', red)
  const figures = await (await get('/metrics')).text()
  assert.match(figures, /facenet_requests_total\{route="\/v1\/embed",status="200"\} \d+/)
  assert.match(figures, /facenet_requests_under_way \d/)
  assert.match(figures, /nodejs_eventloop_lag_p99_seconds/)
  const document = (await (await get('/openapi.json')).json()) as {
    paths: Record<string, { post?: { parameters: object[] } }>
  }
  assert.equal(Object.keys(document.paths), ['/v1/info', '/v1/detect', '/v1/embed', '/v1/verify', '/v1/search'])
  assert.is(document.paths['/v1/search']!.post!.parameters.length, 2)
  for (const path of ['/', '/docs', '/page.js', '/page.css']) {
    const response = await get(path)
    assert.is(response.status, 200)
    assert.match(response.headers.get('content-security-policy')!, /^default-src 'none'; script-src 'self'/)
  }
})

test('the log has a line for each answer, and nothing of an image, its name or its sender', async () => {
  const named = new FormData()
  named.append('file', new Blob([new Uint8Array(red)]), 'anna-secret.png')
  await answer(await started.post('/v1/embed?faces=all', named))
  await raw('/v1/embed', Buffer.from('private bytes'))
  while (!started.log.at(-1)?.includes('"status":422')) await new Promise((resolve) => setTimeout(resolve, 5))
  const [last, failed] = started.log.slice(-2).map((line) => JSON.parse(line))
  assert.equal([last.route, last.method, last.status, last.faces], ['/v1/embed', 'POST', 200, 1])
  assert.is(failed.status, 422)
  const lines = started.log.filter((line) => line.includes('"status"'))
  for (const line of lines) assert.not.match(line, /secret|private|127\.0\.0\.1|embedding/)
})

test('with a key, nobody else is answered', async () => {
  const apiKey = 'correct horse battery'
  await using closed: Started = await startSmall({ apiKey })
  const ask = (headers: Record<string, string>) =>
    closed.post('/v1/detect', new Uint8Array(red), { ...png, ...headers })
  for (const headers of [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: apiKey },
    { 'x-api-key': `${apiKey}x` },
  ]) {
    const response = await ask(headers as Record<string, string>)
    assert.equal([response.status, (await errorOf(response)).code], [401, 'ERR_HTTP_UNAUTHORIZED'])
  }
  assert.is((await ask({ authorization: `Bearer ${apiKey}` })).status, 200)
  assert.is((await ask({ 'x-api-key': apiKey })).status, 200)
  const status = async (path: string) => (await fetch(`${closed.address}${path}`)).status
  assert.equal(
    await Promise.all(['/metrics', '/v1/info', '/healthz', '/readyz', '/'].map(status)),
    [401, 401, 200, 200, 200],
  )
})

test('web pages of other origins are refused unless they were named, and strange names of this machine', async () => {
  const ask = (to: Started, headers: Record<string, string>) =>
    to.post('/v1/detect', new Uint8Array(red), { ...png, ...headers })
  const strange = await ask(started, { origin: 'https://evil.example' })
  assert.equal([strange.status, strange.headers.get('access-control-allow-origin')], [403, null])
  assert.is((await ask(started, { origin: started.address })).status, 200)
  await using open: Started = await startSmall({ corsOrigins: ['https://good.example'] })
  const named = await ask(open, { origin: 'https://good.example' })
  assert.equal([named.status, named.headers.get('access-control-allow-origin')], [200, 'https://good.example'])
  const preflight = await fetch(`${open.address}/v1/detect`, {
    method: 'OPTIONS',
    headers: { origin: 'https://good.example' },
  })
  assert.is(preflight.status, 204)
  const { port } = new URL(started.address)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('GET /v1/info HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n')
  assert.match(await text(socket), /^HTTP\/1\.1 403 /)
})

test.run()
