/** A gallery that was prepared for search gives the bits of one that was not. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { embeddingsOf } from '../../lib/embeddings/embeddings.js'
import { findNearest } from '../../lib/embeddings/neighbors.js'
import { indexOf } from '../../lib/embeddings/search_index.js'
import { indexEmbeddings, nearestNeighbors } from '../../lib/index.js'
import { native } from '../../lib/native/addon.js'
import { ownFloats } from '../../lib/native/own.js'
import { assertFails } from '../importers/support.js'
import { normals, seeded } from '../support/random.js'

for (const [m, dimensions, far] of [
  [1, 1, 0],
  [126, 7, 0],
  [700, 128, 3],
  [1000, 33, 1e6],
] as const) {
  test(`${m} rows of ${dimensions} floats, for one, few and many queries`, async () => {
    const random = seeded(m)
    const of = (count: number) => normals(count * dimensions, random).map((x) => x + far)
    const [queries, gallery] = [of(70), of(m)]
    const index = await indexEmbeddings(gallery, { dimensions, threads: 2 })
    assert.equal([index.rows, index.dimensions, index.fingerprint], [m, dimensions, undefined])
    const bytes = native().indexBytes({ device: 'cpu', rows: m, dimensions })
    assert.is(index.memoryBytes, m * dimensions * 4 + bytes)
    for (const count of [1, 5, 40, 70]) {
      const some = queries.subarray(0, count * dimensions)
      const options = { dimensions, k: Math.min(9, m) }
      const expected = await nearestNeighbors(some, gallery, { ...options, device: 'reference' })
      for (const device of ['cpu', 'reference'] as const) {
        assert.equal(await nearestNeighbors(some, index, { k: options.k, device, threads: 2 }), expected)
      }
    }
  })
}

test('the rows are a copy, which may be changed afterwards', async () => {
  const gallery = normals(300 * 8, seeded(2))
  const queries = gallery.slice(0, 8)
  const index = await indexEmbeddings(gallery, { dimensions: 8 })
  gallery.fill(7)
  const { indices, distances } = await nearestNeighbors(queries, index)
  assert.equal([...indices, ...distances], [0, 0])
})

test('an index grows with its rows', async () => {
  const dimensions = 16
  const random = seeded(3)
  const rows = ownFloats(normals(900 * dimensions, random))
  const queries = normals(3 * dimensions, random)
  let index: Uint8Array | undefined
  let from = 0
  for (const count of [1, 100, 126, 127, 500, 900]) {
    const gallery = rows.subarray(0, count * dimensions)
    index = await indexOf(gallery, from, index, { dimensions, threads: 2 })
    from = count
    const place = { device: 'cpu', threads: 2, dimensions, k: 1 } as const
    assert.equal(
      await findNearest(queries, gallery, { ...place, index }),
      await findNearest(queries, gallery, { ...place, device: 'reference' }),
      `${count} rows`,
    )
  }
})

test('an index carries the model of its rows', async () => {
  const rows = embeddingsOf(normals(20 * 4, seeded(4)), { dimensions: 4, fingerprint: 'one' })
  const index = await indexEmbeddings(rows)
  assert.is(index.fingerprint, 'one')
  assert.equal(await nearestNeighbors(rows, index), await nearestNeighbors(rows, rows))
  const others = { ...rows, fingerprint: 'two' }
  await assertFails(() => nearestNeighbors(others, index), 'ERR_FACENET_INVALID_ARGUMENT', /of one model/)
  const short = embeddingsOf(normals(3, seeded(5)), { dimensions: 3, fingerprint: 'one' })
  await assertFails(() => nearestNeighbors(short, index), 'ERR_FACENET_INVALID_ARGUMENT', /dimensions/)
})

test('bad input is named', async () => {
  const rows = normals(40, seeded(6))
  const refused = (action: () => unknown, message: RegExp) =>
    assertFails(action, 'ERR_FACENET_INVALID_ARGUMENT', message)
  await refused(() => indexEmbeddings(rows, { dimensions: 3 }), /multiple of 3 for rows/)
  await refused(() => indexEmbeddings(rows, {} as never), /options\.dimensions/)
  await refused(() => indexEmbeddings(rows, { dimensions: 4, k: 1 } as never), /options/)
  const broken = rows.slice()
  broken[30] = Number.NaN
  await refused(() => indexEmbeddings(broken, { dimensions: 4 }), /rows but received NaN in row 7/)
  const signal = AbortSignal.abort()
  await assertFails(() => indexEmbeddings(rows, { dimensions: 4, signal }), 'ERR_FACENET_ABORTED', /aborted/)
  const index = await indexEmbeddings(rows, { dimensions: 4 })
  await refused(() => nearestNeighbors(rows.slice(0, 5), index), /multiple of 4 for queries/)
  await refused(() => nearestNeighbors(rows, index, { k: 11 }), /at most the 10 rows/)
  const gone = new Float32Array(2 ** 20)
  const indexing = indexEmbeddings(gone, { dimensions: 4 })
  structuredClone(gone.buffer, { transfer: [gone.buffer] })
  await refused(() => indexing, /rows/)
})

test.run()
