/** One body for a gallery and the stores of many machines: what is added is found again, and what goes wrong is said. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openGallery } from '../../lib/index.js'
import { type GalleryStore, openPgvector, openQdrant, type PgClient } from '../../lib/stores/index.js'
import { uuidOf } from '../../lib/stores/qdrant.js'
import { rejection, withFolder } from '../api/support.js'
import { model, randomRows, rowOf } from '../gallery/support.js'
import { startPostgres } from './postgres.js'
import { QdrantStandIn } from './qdrant_stand_in.js'

const key = 'a-key-that-nobody-may-read'
let database: PGlite
let qdrant: QdrantStandIn
let address = ''
let tables = 0

test.before(async () => {
  database = await PGlite.create({ extensions: { vector } })
  qdrant = new QdrantStandIn(key)
  address = await qdrant.listen()
})
test.after(async () => {
  await database.close()
  await qdrant.close()
})

const fresh = () => `faces_${++tables}`
const stores: Record<string, (use: (open: (how?: object) => Promise<GalleryStore>) => Promise<void>) => Promise<void>> =
  {
    gallery: (use) => withFolder({}, (folder) => use((how = { model }) => openGallery(join(folder, 'g.db'), how))),
    async pgvector(use) {
      const table = fresh()
      await use((how = { model }) => openPgvector(database as PgClient, { table, index: 'none', ...how }))
    },
    async 'pgvector with hnsw'(use) {
      const table = fresh()
      await use((how = { model }) => openPgvector(database as PgClient, { table, ...how }))
    },
    async Qdrant(use) {
      const collection = fresh()
      await use((how = { model }) => openQdrant(address, { collection, apiKey: key, ...how }))
    },
  }

const rows = randomRows(20)
const face = { box: { x: 1.5, y: 2, width: 30, height: 40 }, score: 0.875, points: [] }
const quality = { size: 30, sharpness: 12.5, yaw: null, pitch: null, roll: null }
const about = { person: "Anna's", image: '/p/a"b.jpg', face, quality, metadata: { album: 'Söder', n: [1, null] } }

for (const [name, withStore] of Object.entries(stores)) {
  test(`${name}: what is added is there, is found, changed and removed`, () =>
    withStore(async (open) => {
      await using store = await open()
      assert.is(await store.add({ id: 'f0', embedding: rowOf(rows, 0), ...about }), 'f0')
      const others = Array.from({ length: 19 }, (_, i) => ({ id: `f${i + 1}`, embedding: rowOf(rows, i + 1) }))
      assert.equal((await store.addMany(others)).length, 19)
      const { embedding, ...known } = (await store.get('f0'))!
      assert.equal(known, { id: 'f0', ...about })
      assert.equal(embedding, rowOf(rows, 0))
      assert.is(await store.get('nobody'), undefined)

      const found = await store.search(rowOf(rows, 3), { k: 4 })
      assert.equal([found.length, found[0]!.id, found[0]!.distance < 1e-9], [4, 'f3', true])
      const squared = (a: number, b: number) =>
        rowOf(rows, a).reduce((sum, value, j) => sum + (value - rowOf(rows, b)[j]!) ** 2, 0)
      const expected = [...Array(20).keys()].sort((a, b) => squared(3, a) - squared(3, b)).slice(0, 4)
      assert.equal(
        found.map(({ id }) => id),
        expected.map((i) => `f${i}`),
      )
      for (const [i, { distance }] of found.entries()) {
        assert.ok(Math.abs(distance - squared(3, expected[i]!)) < 1e-5, `${distance}`)
      }
      const near = await store.search(rowOf(rows, 3), { k: 4, threshold: found[2]!.distance - 1e-7 })
      assert.is(near.length, 2)
      const byId = await store.search({ id: 'f3' }, { k: 3 })
      assert.equal(
        byId.map(({ id }) => id),
        found.slice(1).map(({ id }) => id),
      )
      const many = await store.searchMany(rows.slice(0, 16), { k: 1 })
      assert.equal(
        many.map(([match]) => match!.id),
        ['f0', 'f1'],
      )

      await store.update('f1', { person: "Anna's" })
      await store.update('f2', { person: 'Ben', metadata: { n: 2 } })
      await store.update('f2', { metadata: null })
      assert.equal(
        (await store.people()).map(({ person, faces }) => [person, faces]),
        [
          ["Anna's", 2],
          ['Ben', 1],
        ],
      )
      const counts = await store.counts()
      assert.equal([counts.faces, counts.assigned, counts.people], [20, 3, 2])
      const listed: string[] = []
      for await (const each of store.faces({ person: "Anna's" })) listed.push(each.id)
      assert.equal(listed.sort(), ['f0', 'f1'])

      await store.replace({ id: 'f0', embedding: rowOf(rows, 3), image: 'other.jpg' })
      const replaced = (await store.get('f0'))!
      assert.equal([replaced.image, replaced.person, replaced.metadata], ['other.jpg', "Anna's", about.metadata])
      assert.equal(replaced.embedding, rowOf(rows, 3))
      assert.is(await store.remove(['f4', 'f5']), 2)
      assert.is(await store.remove({ person: "Anna's" }), 2)
      assert.is((await store.counts()).faces, 16)
    }))

  test(`${name}: bad input is refused, and changes nothing`, () =>
    withStore(async (open) => {
      assert.match((await rejection(open({}))).message, /options\.model/)
      await using store = await open()
      await store.add({ id: 'f0', embedding: rowOf(rows, 0) })
      const refused = async (call: Promise<unknown>, pattern: RegExp) => {
        const { code, message } = await rejection(call)
        assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT', message)
        assert.match(message, pattern)
      }
      const twice = [1, 0].map((i) => ({ id: `f${i}`, embedding: rowOf(rows, i) }))
      await refused(store.addMany(twice), /"f0", which is there already/)
      await refused(store.addMany([twice[0]!, twice[0]!]), /"f1", which is there already/)
      await refused(store.add({ embedding: new Float32Array(7) }), /8 floats/)
      await refused(
        store.add({ embedding: new Float32Array(8).fill(Number.NaN) }).catch((error) => {
          throw Object.assign(error, { code: 'ERR_FACENET_INVALID_ARGUMENT' })
        }),
        /NaN|finite/,
      )
      const foreign = { data: rowOf(rows, 1), rows: 1, dimensions: 8, fingerprint: 'f'.repeat(64) }
      await refused(store.add({ embedding: foreign }), /two models mean/)
      await refused(store.search(foreign), /two models mean/)
      await refused(store.remove(['f0', 'nobody']), /"nobody"/)
      await refused(store.update('nobody', { person: 'A' }), /"nobody"/)
      await refused(store.replace({ id: 'nobody', embedding: rowOf(rows, 0) }), /"nobody"/)
      await refused(store.search(rowOf(rows, 0), { k: 0 }), /options\.k/)
      await refused(store.search(rowOf(rows, 0), { threshold: -1 }), /options\.threshold/)
      assert.is((await store.counts()).faces, 1)
      await refused(open({ model: { ...model, fingerprint: 'f'.repeat(64) } }), /two models mean/)
      await using again = await open({})
      assert.equal([again.fingerprint, again.threshold, again.dimensions], [model.fingerprint, 0.5, 8])
      await store.close()
      assert.is((await rejection(store.counts())).code, 'ERR_FACENET_DISPOSED')
    }))
}

test('PostgreSQL that goes away is an error, without what is secret', async () => {
  let fails = false
  const secret = 'postgres://me:hunter2@host/db'
  const client: PgClient = {
    query: async (text, values) => {
      if (fails)
        throw Object.assign(new Error(`connect ECONNREFUSED ${secret} password=hunter2`), { code: 'ECONNREFUSED' })
      return database.query(text, values)
    },
  }
  await using store = await openPgvector(client, { model, table: fresh() })
  fails = true
  for (const call of [
    () => store.add({ embedding: rowOf(rows, 0) }),
    () => store.search(rowOf(rows, 0)),
    () => store.counts(),
    () => openPgvector(client, { model }),
  ]) {
    const error = await rejection(call())
    assert.is(error.code, 'ERR_FACENET_IO')
    assert.match(error.message, /ECONNREFUSED/)
    const everything = `${error.message} ${(error as { stack?: string }).stack} ${(error as { cause?: Error }).cause?.stack}`
    assert.not.match(everything, /hunter2/)
  }
  assert.match((await rejection(openPgvector({} as never))).message, /client/)
  for (const table of ['a; drop', 'Faces', '']) {
    assert.match((await rejection(openPgvector(client, { table, model }))).message, /options\.table/)
  }
})

test('Qdrant that goes away, refuses or is something else is an error, without the key', async () => {
  const collection = fresh()
  await using store = await openQdrant(address, { collection, apiKey: key, model, timeout: 400 })
  await store.add({ id: 'f0', embedding: rowOf(rows, 0) })
  const failures: [string, QdrantStandIn['onRequest'], RegExp][] = [
    ['closed', (request) => Boolean(request.socket.destroy()), /fetch failed|socket|other side/],
    [
      'half an answer',
      (_, response) => Boolean(response.writeHead(200, { 'content-length': 100 }).end('{"res').destroy()),
      /./,
    ],
    ['silent', () => true, /timeout|aborted/],
    [
      'echo',
      (request, response) => Boolean(response.writeHead(500).end(`proxy: ${request.headers['api-key']}`)),
      /500.*proxy: \*\*\*/,
    ],
    [
      'redirect',
      (_, response) => Boolean(response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()),
      /redirect|fetch failed/,
    ],
  ]
  for (const [what, onRequest, pattern] of failures) {
    qdrant.onRequest = onRequest
    for (const call of [() => store.add({ embedding: rowOf(rows, 1) }), () => store.search(rowOf(rows, 0))]) {
      const error = await rejection(call())
      assert.is(error.code, 'ERR_FACENET_IO', what)
      assert.match(error.message, pattern, what)
      assert.not.match(`${error.message}${(error as { cause?: Error }).cause?.stack}`, new RegExp(key))
    }
  }
  qdrant.onRequest = () => false
  assert.is((await store.counts()).faces, 1)
  const wrong = await rejection(openQdrant(address, { collection, apiKey: 'wrong-key', model }))
  assert.match(wrong.message, /401.*Must provide an API key/)
  for (const bad of ['ftp://x', 'http://me:hunter2@host:6333', 'nonsense']) {
    const { code, message } = await rejection(openQdrant(bad, { model }))
    assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.not.match(message, /hunter2/)
  }
  assert.match(uuidOf('x'), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.ok(qdrant.asked.includes(`POST /collections/${collection}/points/query/batch`))
})

const root = process.env.FACENET_POSTGRES
if (root === undefined || !existsSync(root)) {
  test.skip('a real PostgreSQL with pgvector: FACENET_POSTGRES names no root that scripts/postgres-root.sh has made', () => {})
} else {
  test('a real PostgreSQL with pgvector', async () => {
    await using server = await startPostgres(root)
    for (const index of ['hnsw', 'none'] as const) {
      await using store = await openPgvector(server.client, { model, table: fresh(), index })
      await store.addMany(Array.from({ length: 20 }, (_, i) => ({ id: `f${i}`, embedding: rowOf(rows, i), ...about })))
      const [match] = await store.search(rowOf(rows, 3), { k: 1, exact: index === 'hnsw' })
      assert.is(match!.id, 'f3')
      assert.equal([(await store.get('f3'))!.embedding, match!.face], [rowOf(rows, 3), face])
      assert.match(
        (await rejection(store.add({ id: 'f3', embedding: rowOf(rows, 3) }))).message,
        /"f3", which is there/,
      )
      assert.is(await store.remove({ image: about.image }), 20)
    }
  })
}

test.run()
