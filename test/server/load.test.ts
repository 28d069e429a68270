/** A server that has much to do, or has to stop: what it takes on it answers, and the rest it refuses. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FaceService } from '../../lib/server/faces.js'
import { PixelBudget } from '../../lib/server/pixel_budget.js'
import { errorOf, startServer } from './support.js'

/** A service whose calls end when they are told to. */
function slowService() {
  const calls: { end: () => void; signal: AbortSignal }[] = []
  const arrived: (() => void)[] = []
  const service: FaceService = {
    detect: (_, signal) =>
      new Promise((resolve, reject) => {
        calls.push({ signal, end: () => resolve([]) })
        signal.addEventListener('abort', () => reject(signal.reason))
        for (const go of arrived.splice(0)) go()
      }),
    embed: async () => [],
    verify: async () => ({ distance: 0, threshold: null, same: null, probability: null }),
    search: async () => [],
  }
  return {
    service,
    calls,
    /** Resolves when there are `count` calls. */
    async until(count: number) {
      while (calls.length < count) await new Promise<void>((resolve) => arrived.push(resolve))
    },
  }
}

const image = { 'content-type': 'image/png' }

test('one request too many is refused with 503 and Retry-After, and the next is taken', async () => {
  const { service, calls, until } = slowService()
  await using server = await startServer(service, { maxRequests: 2 })
  const two = [server.post('/v1/detect', 'x', image), server.post('/v1/detect', 'x', image)]
  await until(2)
  const refused = await server.post('/v1/detect', 'x', image)
  assert.equal([refused.status, refused.headers.get('retry-after')], [503, '1'])
  assert.is((await errorOf(refused)).code, 'ERR_FACENET_OVERLOADED')
  assert.is((await fetch(`${server.address}/healthz`)).status, 200)
  for (const { end } of calls) end()
  for (const response of await Promise.all(two)) assert.is(response.status, 200)
  const next = server.post('/v1/detect', 'x', image)
  await until(3)
  calls[2]!.end()
  assert.is((await next).status, 200)
})

test('a client that leaves ends its work, and makes room', async () => {
  const { service, calls, until } = slowService()
  await using server = await startServer(service, { maxRequests: 1 })
  const { port } = new URL(server.address)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('POST /v1/detect HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/png\r\ncontent-length: 1\r\n\r\nx')
  await until(1)
  const aborted = once(calls[0]!.signal, 'abort')
  socket.destroy()
  await aborted
  // In the middle of its body, too.
  const half = connect(Number(port), '127.0.0.1')
  half.write('POST /v1/detect HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/png\r\ncontent-length: 100\r\n\r\nx')
  await once(half, 'connect')
  half.destroy()
  let response: Response | undefined
  do {
    const work = server.post('/v1/detect', 'x', image)
    await Promise.race([work, until(2)])
    calls[1]?.end()
    response = await work
  } while (response.status === 503)
  assert.is(response.status, 200)
  assert.ok(server.log.some((line) => line.includes('"status":499')))
})

test('told to stop, it answers what it accepted, refuses what comes, and ends', async () => {
  const { service, calls, until } = slowService()
  await using server = await startServer(service)
  const { port } = new URL(server.address)
  const accepted = server.post('/v1/detect', 'x', image)
  // A second one whose body is still under way.
  const slow = connect(Number(port), '127.0.0.1')
  slow.write(
    'POST /v1/detect HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: image/png\r\ncontent-length: 2\r\n\r\nx',
  )
  await until(1)
  while (!(await (await fetch(`${server.address}/metrics`)).text()).includes('facenet_requests_under_way 2')) {}
  const stopped = server.server.stop(60_000)
  slow.write('x')
  const answer = text(slow)
  await until(2)
  for (const { end } of calls) end()
  assert.is((await accepted).status, 200)
  assert.match(await answer, /^HTTP\/1\.1 200 /)
  await stopped
  const refused = await fetch(`${server.address}/healthz`).catch((error) => error.cause.code)
  assert.is(refused, 'ECONNREFUSED')
})

test('what is not answered in time is ended', async () => {
  const { service, calls, until } = slowService()
  await using server = await startServer(service)
  const never = server.post('/v1/detect', 'x', image).catch((error: Error) => error)
  await until(1)
  await server.server.stop(1)
  assert.instance(await never, Error)
  if (!calls[0]!.signal.aborted) await once(calls[0]!.signal, 'abort')
})

test('who sends too slowly is sent away', async () => {
  const { service } = slowService()
  await using server = await startServer(service, { requestTimeout: 200, maxRequests: 1 })
  const { port } = new URL(server.address)
  for (const sent of [
    'POST /v1/detect HTTP/1.1\r\nhost: ',
    'POST /v1/detect HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\r\nx',
  ]) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(sent)
    assert.match(await text(socket), /^HTTP\/1\.1 408 .*"code":"ERR_HTTP_TIMEOUT"/s)
  }
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('no request\r\n\r\n')
  assert.match(await text(socket), /^HTTP\/1\.1 400 .*"code":"ERR_HTTP_BAD_REQUEST"/s)
})

test('pixels are decoded as there is room for them, in order, and an abort makes room', async () => {
  const budget = new PixelBudget(10)
  const { signal } = new AbortController()
  const leaves = new AbortController()
  const begun: string[] = []
  const ends: Record<string, () => void> = {}
  const run = (name: string, pixels: number, stop = signal) =>
    budget.run(pixels, stop, () => {
      begun.push(name)
      return new Promise<void>((resolve) => {
        ends[name] = resolve
      })
    })
  const first = run('a', 6)
  const gone = run('gone', 9, leaves.signal).catch(({ code }) => code)
  const all = [run('b', 4), run('huge', 99), run('c', 1)]
  await undefined
  assert.equal(begun, ['a'])
  leaves.abort()
  assert.is(await gone, 'ERR_FACENET_ABORTED')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(begun, ['a', 'b'])
  ends.a!()
  await first
  ends.b!()
  await all[0]
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(begun, ['a', 'b', 'huge'])
  ends.huge!()
  await all[1]
  await new Promise((resolve) => setImmediate(resolve))
  ends.c!()
  await all[2]
  assert.equal(begun, ['a', 'b', 'huge', 'c'])
})

test.run()
