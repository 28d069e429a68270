/** Fetching from a server of our own: each way in which it or the disk can fail. */
import { createHash } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type DownloadOptions, download, refused } from '../../lib/models/download.js'
import { assertFails } from '../importers/support.js'

const body = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 253))
const sha256 = createHash('sha256').update(body).digest('hex')

type Answer = (request: IncomingMessage, response: ServerResponse) => void
let answer: Answer
let seen: IncomingMessage[] = []
const server = createServer((request, response) => {
  seen.push(request)
  answer(request, response)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.onnx`
for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'])
  delete process.env[name]

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-download-'))
  seen = []
})
test.after.each(() => rm(folder, { recursive: true, force: true }))
test.after(() => {
  server.closeAllConnections()
  server.close()
})

const whole: Answer = (_, response) => response.writeHead(200, { 'content-length': body.length, etag: '"a"' }).end(body)
const path = () => join(folder, 'm.onnx')
const quick: DownloadOptions = { pause: 1, tries: 3, stall: 20_000 }
const get = (options: DownloadOptions = {}, wanted: object = {}) =>
  download({ url, sha256, bytes: body.length, ...wanted }, path(), { ...quick, ...options })
const fails = (message: RegExp, options?: DownloadOptions, wanted?: object) =>
  assertFails(() => get(options, wanted), 'ERR_FACENET_IO', message)

async function arrived(): Promise<void> {
  assert.ok(body.equals(await readFile(path())))
  assert.equal(await readdir(folder), ['m.onnx'])
}

test('a file comes whole, and nothing else stays', async () => {
  answer = whole
  const progress: [number, number | null][] = []
  assert.is(await get({ onProgress: (done, total) => progress.push([done, total]) }), sha256)
  await arrived()
  assert.equal(progress.at(-1), [body.length, body.length])
})

test('a connection that breaks is resumed where it broke', async () => {
  answer = (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from > 0) assert.is(request.headers['if-range'], '"a"')
    const headers = { 'content-length': body.length - from, etag: '"a"' }
    const range = { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }
    response.writeHead(from > 0 ? 206 : 200, from > 0 ? { ...headers, ...range } : headers)
    const part = body.subarray(from, from + 120_000)
    if (from + part.length === body.length) response.end(part)
    else response.write(part, () => setTimeout(() => response.destroy(), 50))
  }
  await get()
  await arrived()
  assert.ok(seen.length >= 3, `${seen.length} requests`)
})

test('a file that changed meanwhile is fetched anew, as one whose server knows no ranges', async () => {
  const part = `${path()}.${hostname()}.${process.pid}.part`
  await writeFile(part, 'old bytes')
  await writeFile(`${part}.json`, JSON.stringify({ etag: '"old"', modified: null }))
  answer = whole
  await get()
  await arrived()
  assert.is(seen[0]!.headers.range, 'bytes=9-')
  assert.is(seen[0]!.headers['if-range'], '"old"')
})

test('what a process left that runs no more is taken over', async () => {
  // No process has the highest number that there can be.
  const left = `${path()}.${hostname()}.4194304.part`
  await writeFile(left, body.subarray(0, 1000))
  await writeFile(`${left}.json`, JSON.stringify({ etag: '"a"', modified: null }))
  answer = (request, response) => {
    assert.is(request.headers.range, 'bytes=1000-')
    const range = `bytes 1000-${body.length - 1}/${body.length}`
    response.writeHead(206, { 'content-range': range, 'content-length': body.length - 1000 }).end(body.subarray(1000))
  }
  await get()
  await arrived()
})

test('busy servers are asked again, and given up in the end', async () => {
  answer = (request, response) => (seen.length < 3 ? void response.writeHead(503).end() : whole(request, response))
  await get()
  await arrived()
  answer = (_, response) => response.writeHead(500).end()
  await fails(/Cannot fetch http.*: the server answered 500, 3 times in a row/)
})

test('another hash, too many bytes, no file and a page are errors, and leave nothing', async () => {
  answer = whole
  await fails(/its sha-256 is [0-9a-f]{64}, but its publisher states 0{64}/, {}, { sha256: '0'.repeat(64) })
  await fails(/more than the 1000 bytes that it should have/, {}, { bytes: 1000 })
  answer = (_, response) => response.writeHead(404).end()
  await fails(/the server answered 404/)
  answer = (_, response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>Log in')
  await fails(/a page \(text\/html\) in the place of the file/)
  assert.equal(await readdir(folder), [])
})

test('a server that stalls, and one that redirects forever, are given up', async () => {
  answer = (_, response) => void response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 10))
  await fails(/sent nothing for too long, 1 times in a row/, { stall: 300, tries: 1 })
  answer = (_, response) => response.writeHead(302, { location: '/again' }).end()
  await fails(/redirects more than 10 times/)
  answer = (request, response) =>
    request.url === '/m.onnx' ? response.writeHead(302, { location: '/there' }).end() : whole(request, response)
  await get()
  await arrived()
})

test('an abort ends it at once', async () => {
  answer = (_, response) => void response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 10))
  const stop = new AbortController()
  const running = get({ signal: stop.signal, onProgress: () => stop.abort() })
  await assertFails(() => running, 'ERR_FACENET_ABORTED', /abort/)
})

test('two at once both get the file', async () => {
  answer = whole
  const other = join(folder, 'b', 'm.onnx')
  await Promise.all([get(), download({ url, sha256, bytes: null }, other, quick)])
  assert.ok(body.equals(await readFile(other)))
})

test('proxies of the environment are used, but not for what NO_PROXY names', async () => {
  answer = whole
  let proxied = 0
  const proxy = createServer((_, response) => {
    proxied++
    whole(_, response)
  }).on('connect', (_, socket) => {
    proxied++
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as AddressInfo
  try {
    process.env.HTTP_PROXY = `http://127.0.0.1:${port}`
    await get({ tries: 1 }, { url: 'http://publisher.invalid/m.onnx' }).catch(() => {})
    assert.is(proxied, 1)
    process.env.NO_PROXY = '127.0.0.1'
    await get()
    assert.is(proxied, 1)
  } finally {
    delete process.env.HTTP_PROXY
    delete process.env.NO_PROXY
    proxy.closeAllConnections()
    proxy.close()
  }
})

test('a cache that cannot be written and a full disk are said to be', async () => {
  answer = whole
  await assertFails(
    () => download({ url, sha256, bytes: null }, join(fileURLToPath(import.meta.url), 'below', 'm.onnx'), quick),
    'ERR_FACENET_IO',
    /the cache cannot be written, or name another with FACENET_CACHE/,
  )
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  assert.match(refused('/c/m.onnx', full).message, /the disk is full: make room, or name another with FACENET_CACHE/)
  if (process.getuid?.() === 0) return // root may write everywhere
  await chmod(folder, 0o500)
  await fails(/the cache cannot be written/)
  await chmod(folder, 0o700)
})

test.run()
