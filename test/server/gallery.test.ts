/** Where a server searches: galleries that grow meanwhile, and files of embeddings; those of another model or preparation are refused. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openGallery } from '../../lib/index.js'
import { openKnown } from '../../lib/server/gallery.js'
import { rejection, withFolder } from '../api/support.js'
import { facesOf, model, randomRows, rowOf } from '../gallery/support.js'

const preparation = { align: 'none', flip: false, decode: 2 } as const
const way = { ...model, preparation }
const { signal } = new AbortController()
const rows = randomRows(3)
const query = { data: rowOf(rows, 2), rows: 1, ...way }

test('a gallery: faces with their people, also those that are added meanwhile', () =>
  withFolder({}, async (folder) => {
    const path = join(folder, 'people.db')
    await using gallery = await openGallery(path, { model: way })
    const [first, second, third] = facesOf(rows)
    await gallery.add({ ...first!, person: 'Anna' })
    await gallery.add(second!)
    const known = await openKnown(path, way)
    assert.is(known.rows, 2)
    assert.is((await known.search(query, 9, signal))[0]!.length, 2)
    await gallery.add({ ...third!, person: 'Ben' })
    const [[nearest]] = (await known.search(query, 1, signal)) as [[object]]
    assert.equal(nearest, { path: 'f2', person: 'Ben', distance: 0 })
    await known.close()
    const other = await rejection(openKnown(path, { ...way, fingerprint: 'b'.repeat(64) }))
    assert.is(other.code, 'ERR_FACENET_INVALID_ARGUMENT')
  }))

test('a file of embeddings', () =>
  withFolder({}, async (folder) => {
    const path = join(folder, 'faces.jsonl')
    const lines = facesOf(rows).map(({ id, embedding }) => {
      const { fingerprint, dimensions } = model
      return JSON.stringify({ path: id, embedding: [...embedding], fingerprint, dimensions, preparation })
    })
    await writeFile(path, `${lines.join('\n')}\n`)
    const known = await openKnown(path, way)
    assert.equal(await known.search(query, 1, signal), [[{ path: 'f2', distance: 0 }]])
    assert.is((await known.search(query, 9, signal))[0]!.length, 3)
    await known.close()
    for (const wrong of [
      { fingerprint: 'b'.repeat(64) },
      { preparation: { ...preparation, align: 'center' } as never },
    ]) {
      assert.is((await rejection(openKnown(path, { ...way, ...wrong }))).code, 'ERR_FACENET_INVALID_ARGUMENT')
    }
    assert.is((await rejection(openKnown(join(folder, 'none.npy'), way))).code, 'ERR_FACENET_IO')
  }))

test.run()
