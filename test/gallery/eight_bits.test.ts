/** A gallery that keeps a byte a value: within half a step, a quarter of the bytes, and all that a gallery does. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rowsOfBlock } from '../../lib/gallery/blocks.js'
import { eightBitBytes, fromEightBits, toEightBits } from '../../lib/gallery/eight_bits.js'
import { connect } from '../../lib/gallery/sqlite.js'
import { openGallery } from '../../lib/index.js'
import { rejection } from '../api/support.js'
import { facesOf, model, randomRows, rowOf, withGallery } from './support.js'

test('values are off by half a step at most; zeros, the largest and tiny rows come back', () => {
  const rows = Float32Array.of(0, 0, 0, 1, -1, 0.5, 3e-38, -3e-38, 0, 1e30, 5e29, -1e30)
  const bytes = toEightBits(rows, 3)
  assert.is(bytes.length, eightBitBytes(4, 3))
  const back = fromEightBits(bytes, 4, 3)!
  for (const [i, value] of rows.entries()) {
    const largest = Math.max(...Array.from(rows.subarray(i - (i % 3), i - (i % 3) + 3), Math.abs))
    assert.ok(Math.abs(back[i]! - value) <= largest * (0.5 / 127 + 1e-6), `${value}: ${back[i]}`)
  }
  assert.is(fromEightBits(bytes, 3, 3), undefined)
})

test('added, found, replaced, removed, in blocks and alone, and told by all who open it', () =>
  withGallery(
    async (gallery, path) => {
      const n = rowsOfBlock(large.dimensions) + 5
      const rows = randomRows(n, 3, large.dimensions)
      const row = (i: number) => rowOf(rows, i, large.dimensions)
      await gallery.addMany(Array.from({ length: n }, (_, i) => ({ id: `f${i}`, embedding: row(i) })))
      for (const i of [0, n - 1]) {
        const { embedding } = (await gallery.get(`f${i}`))!
        assert.ok(embedding.every((value, j) => Math.abs(value - row(i)[j]!) < 2e-4))
        const [match] = await gallery.search(row(i), { k: 1 })
        assert.ok(match!.id === `f${i}` && match!.distance < 1e-3)
      }
      await gallery.replace({ id: 'f1', embedding: row(2) })
      await gallery.remove('f2')
      assert.is((await gallery.search(row(2), { k: 1 }))[0]!.id, 'f1')
      assert.equal(await gallery.verify(), { faces: n - 1, problems: [] })
      const db = await connect(path)
      const { bytes } = db.sql('SELECT sum(length(embeddings)) AS bytes FROM blocks').get()!
      db.close()
      assert.ok(Number(bytes) <= n * (large.dimensions + 4))
      await using again = await openGallery(path)
      assert.is(again.storage, 'i8')
      assert.match((await rejection(openGallery(path, { storage: 'f32' }))).message, /i8, as .*options\.storage/s)
      assert.match((await rejection(openGallery(path, { storage: 'f16' as never }))).message, /options\.storage/)
    },
    { model: large, storage: 'i8' },
  ))

const large = { ...model, dimensions: 4096 }

test('others stay as they are', () =>
  withGallery(async (gallery) => {
    await gallery.addMany(facesOf(randomRows(2)))
    assert.equal([gallery.storage, (await gallery.get('f1'))!.embedding], ['f32', rowOf(randomRows(2), 1)])
  }))

test.run()
