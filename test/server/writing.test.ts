/** A gallery that clients may write: what is answered is on the disk, also after SIGKILL, and nobody writes without being let. */
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openGallery } from '../../lib/index.js'
import { openKnown } from '../../lib/server/gallery.js'
import { asPngs, openSmall, pixels, withFolder } from '../api/support.js'
import { facenet, start, writeSmallModel } from '../cli/support.js'
import { fakeDetector } from '../images/fake_detector.js'
import { seeded } from '../support/random.js'
import { errorOf, photograph, type Started, startSmall } from './support.js'

const apiKey = 'a key of a test 1'
const headers = { authorization: `Bearer ${apiKey}` }
const route = '/v1/gallery/faces'

/** A server whose gallery is `path`. */
async function withServer(path: string, use: (server: Started) => Promise<void>, settings = {}): Promise<void> {
  const model = await openSmall({})
  const { fingerprint, dimensions } = model
  const preparation = model.preparationOf({ detector: fakeDetector() })
  await model.close()
  const gallery = await openKnown(path, { fingerprint, dimensions, preparation, writable: true })
  try {
    await using server = await startSmall({ apiKey, ...settings }, gallery)
    await use(server)
  } finally {
    await gallery.close()
  }
}

const call = async (server: Started, method: string, path: string, body?: object) => {
  const json = body && { body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } }
  return fetch(`${server.address}${path}`, { method, headers, ...json })
}

test('faces are added, found, named, listed and removed', () =>
  withFolder({}, (folder) =>
    withServer(join(folder, 'people.db'), async (server) => {
      const one = await photograph({ red: 60 })
      const image = { ...headers, 'content-type': 'image/png' }
      const added = await server.post(`${route}?id=a/1&person=Anna`, one, image)
      assert.is(added.status, 201)
      const { faces } = (await added.json()) as { faces: { id: string; person: string; box: object }[] }
      assert.equal(
        [faces[0]!.id, faces[0]!.person, Object.keys(faces[0]!.box)],
        ['a/1', 'Anna', ['x', 'y', 'width', 'height']],
      )
      const both = await server.post(`${route}?id=b&faces=all`, await photograph({ green: 70, blue: 50 }), image)
      assert.equal(
        ((await both.json()) as typeof added & { faces: { id: string }[] }).faces.map(({ id }) => id),
        ['b#0', 'b#1'],
      )

      const search = await server.post('/v1/search?k=1', one, image)
      const [found] = ((await search.json()) as { faces: { neighbors: object[] }[] }).faces
      assert.equal(found!.neighbors, [{ path: 'a/1', person: 'Anna', distance: 0 }])

      assert.is(
        (await call(server, 'PATCH', `${route}?id=${encodeURIComponent('b#0')}`, { person: 'Ben' })).status,
        200,
      )
      assert.is(
        (await call(server, 'PATCH', `${route}?id=${encodeURIComponent('b#1')}`, { person: 'Ben' })).status,
        200,
      )
      const people = async () =>
        (
          (await (await call(server, 'GET', '/v1/gallery/people')).json()) as {
            people: { person: string; faces: number }[]
          }
        ).people
      assert.equal((await people()).map(({ person, faces }) => [person, faces]).sort(), [
        ['Anna', 1],
        ['Ben', 2],
      ])
      assert.equal(await (await call(server, 'DELETE', `${route}?person=Ben`)).json(), { removed: 2 })
      assert.equal(await (await call(server, 'DELETE', `${route}?id=a/1`)).json(), { removed: 1 })
      assert.equal(await people(), [])

      const document = (await (await fetch(`${server.address}/openapi.json`)).json()) as {
        paths: Record<string, object>
      }
      assert.equal(Object.keys(document.paths[route]!), ['post', 'patch', 'delete'])
    }),
  ))

test('what is refused changes nothing', () =>
  withFolder({}, (folder) =>
    withServer(join(folder, 'people.db'), async (server) => {
      const one = await photograph({ red: 60 })
      const image = { ...headers, 'content-type': 'image/png' }
      assert.is((await server.post(`${route}?id=a`, one, image)).status, 201)
      const wrong: [status: number, Promise<Response>][] = [
        [409, server.post(`${route}?id=a`, one, image)],
        [422, server.post(route, await photograph({ red: 60, blue: 50 }), image)],
        [422, server.post(route, await photograph({}), image)],
        [400, server.post(`${route}?id=`, one, image)],
        [400, server.post(`${route}?face=all`, one, image)],
        [401, server.post(`${route}?id=b`, one, { 'content-type': 'image/png' })],
        [404, call(server, 'DELETE', `${route}?id=b`)],
        [409, call(server, 'DELETE', `${route}?person=Nobody`)],
        [400, call(server, 'DELETE', route)],
        [400, call(server, 'DELETE', `${route}?id=a&person=Anna`)],
        [404, call(server, 'PATCH', `${route}?id=b`, { person: 'Anna' })],
        [400, call(server, 'PATCH', `${route}?id=a`, { name: 'Anna' })],
        [409, call(server, 'PATCH', `${route}?id=a`, { person: ' ' })],
        [401, fetch(`${server.address}${route}?id=a`, { method: 'DELETE' })],
      ]
      for (const [i, [status, answer]] of wrong.entries()) {
        assert.is((await answer).status, status, `request ${i}: ${JSON.stringify(await errorOf(await answer))}`)
      }
      await using gallery = await openGallery(join(folder, 'people.db'), { readOnly: true })
      assert.equal([(await gallery.counts()).faces, (await gallery.get('a'))!.person], [1, null])
    }),
  ))

test('one request too many is refused before it writes', () =>
  withFolder({}, (folder) =>
    withServer(
      join(folder, 'people.db'),
      async (server) => {
        const one = await photograph({ red: 60 })
        const image = { ...headers, 'content-type': 'image/png' }
        const answers = await Promise.all(
          Array.from({ length: 12 }, (_, i) => server.post(`${route}?id=${i}`, one, image)),
        )
        const taken = answers.flatMap(({ status }, i) => (status === 201 ? [`${i}`] : []))
        for (const answer of answers) {
          if (answer.status !== 201) assert.equal([answer.status, answer.headers.get('retry-after')], [503, '1'])
        }
        assert.ok(taken.length >= 1)
        await using gallery = await openGallery(join(folder, 'people.db'), { readOnly: true })
        const there: string[] = []
        for await (const { id } of gallery.faces()) there.push(id)
        assert.equal(there.sort(), taken.sort())
      },
      { maxRequests: 2 },
    ),
  ))

test('the command: SIGKILL loses nothing that was answered; without a key nobody writes', async () => {
  const size = { inputSize: { height: 165, width: 165 } }
  const [png] = await asPngs(size, pixels(size, 1))
  await withFolder({}, async (folder) => {
    const [model, path] = [join(folder, 'm.safetensors'), join(folder, 'people.db')]
    await writeSmallModel(model, 0.1)
    const args = [
      'serve',
      '--port',
      '0',
      '--gallery',
      path,
      '--writable',
      '--json',
      '--quiet',
      '--align',
      'none',
      '--model',
      model,
    ]
    const refused = await facenet(...args)
    assert.equal([refused.code, /--writable needs an API key/.test(refused.stderr)], [2, true])

    const random = seeded(7)
    const answered: string[] = []
    const { process: child, outcome } = start(args, { FACENET_API_KEY: apiKey })
    const [line] = (await once(createInterface(child.stdout!), 'line')) as [string]
    const { address } = JSON.parse(line) as { address: string }
    const last = random.integer(20, 40)
    const caller = async (name: string) => {
      for (let i = 0; ; i++) {
        const id = `${name}-${i}`
        const image = { ...headers, 'content-type': 'image/png' }
        const body = new Uint8Array(png!)
        const answer = await fetch(`${address}${route}?faces=all&id=${id}&person=${name}`, {
          method: 'POST',
          body,
          headers: image,
        }).catch(() => undefined)
        if (answer?.status !== 201) return
        answered.push(`${id}#0`)
        if (answered.length === last) child.kill('SIGKILL')
      }
    }
    await Promise.all(['x', 'y', 'z'].map(caller))
    await outcome
    await using gallery = await openGallery(path, { readOnly: true })
    assert.equal((await gallery.verify()).problems, [])
    const there = new Set<string>()
    for await (const { id } of gallery.faces()) there.add(id)
    assert.equal(
      answered.filter((id) => !there.has(id)),
      [],
    )
    assert.ok(answered.length >= last)
  })
})

test.run()
