/** A gallery in a file: what is added is found again, by this process and by others. */
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readStored } from '../../lib/files/index.js'
import { rowsOfBlock } from '../../lib/gallery/blocks.js'
import { nearestNeighbors, openGallery } from '../../lib/index.js'
import { rejection, withFolder } from '../api/support.js'
import { facesOf, model, randomRows, rowOf, withGallery } from './support.js'

/** Blocks of few rows. */
const large = { ...model, dimensions: 4096 }
const rowsOfLength = randomRows

const { dimensions } = model
const idsOf = (matches: readonly { id: string }[]) => matches.map(({ id }) => id)

test('what is added is there, with all that was said of it, and after closing too', () =>
  withFolder({}, async (folder) => {
    const path = join(folder, 'g.db')
    const rows = randomRows(3)
    const face = { box: { x: 1, y: 2, width: 3, height: 4 }, score: 0.9, points: [] }
    const quality = { size: 3, sharpness: 20, yaw: 1, pitch: null, roll: 0 }
    {
      await using gallery = await openGallery(path, { model })
      const about = { person: 'Anna', image: 'a.jpg', face, quality, metadata: { album: 'Summer', n: [1, null] } }
      assert.is(await gallery.add({ id: 'one', embedding: rowOf(rows, 0), ...about }), 'one')
      const made = { data: rowOf(rows, 1), rows: 1, ...model }
      assert.match(await gallery.add({ embedding: made }), /^[0-9a-f-]{36}$/)
    }
    await using gallery = await openGallery(path)
    assert.equal([gallery.fingerprint, gallery.dimensions, gallery.threshold], [model.fingerprint, dimensions, 0.5])
    const found = await gallery.get('one')
    const known = {
      id: 'one',
      person: 'Anna',
      image: 'a.jpg',
      face,
      quality,
      metadata: { album: 'Summer', n: [1, null] },
    }
    assert.equal(found, { ...known, embedding: rowOf(rows, 0) })
    assert.is(await gallery.get('two'), undefined)
    assert.equal(await gallery.counts(), { faces: 2, assigned: 1, people: 1, images: 1, missing: 0 })
    assert.equal(await gallery.people(), [
      { person: 'Anna', number: 1, name: 'Anna', faces: 1, locked: false, hidden: false },
    ])
  }))

test('search finds what nearestNeighbors finds, through blocks, additions, replacements and removals', () =>
  withGallery(
    async (gallery, path) => {
      const { dimensions } = large
      const block = rowsOfBlock(dimensions)
      const n = 2 * block + 40
      const randomRows = (n: number, seed?: number) => rowsOfLength(n, seed, dimensions)
      const rowOf = (rows: Float32Array, i: number) => rows.slice(i * dimensions, (i + 1) * dimensions)
      const facesOf = (rows: Float32Array, first = 0) =>
        Array.from({ length: rows.length / dimensions }, (_, i) => ({ id: `f${first + i}`, embedding: rowOf(rows, i) }))
      let rows = randomRows(n)
      let ids = Array.from({ length: n }, (_, i) => `f${i}`)
      const queries = randomRows(5, 2)
      const check = async (each = gallery) => {
        const k = 7
        const { indices, distances } = await nearestNeighbors(queries, rows, { dimensions, k })
        const found = await each.searchMany(queries, { k })
        const expected = Array.from({ length: 5 }, (_, q) =>
          Array.from({ length: k }, (_, i) => [ids[indices[q * k + i]!], distances[q * k + i]]),
        )
        assert.equal(
          found.map((matches) => matches.map(({ id, distance }) => [id, distance])),
          expected,
        )
      }
      await gallery.addMany(facesOf(rows.subarray(0, (block - 10) * dimensions)))
      const first = (await gallery.counts()).faces
      await gallery.addMany(facesOf(rows.subarray(first * dimensions, (first + 3) * dimensions), first))
      await gallery.addMany(facesOf(rows.subarray((first + 3) * dimensions), first + 3))
      await check()
      await using other = await openGallery(path, { readOnly: true })
      await check(other)

      // One in each block and one that fills none yet.
      const edited = [1, block + 1, n - 1]
      const others = randomRows(edited.length, 3)
      for (const [i, row] of edited.entries()) {
        await gallery.replace({ id: ids[row]!, embedding: rowOf(others, i) })
        rows.set(rowOf(others, i), row * dimensions)
      }
      await check()
      await check(other)

      const gone = new Set([0, 1, 2, block - 1, block, n - 2])
      await gallery.remove([...gone].map((row) => ids[row]!))
      rows = Float32Array.from(rows.filter((_, i) => !gone.has(Math.floor(i / dimensions))))
      ids = ids.filter((_, row) => !gone.has(row))
      await check()
      await check(other)
      await gallery.remove(ids.slice(10, block + 10))
      rows = Float32Array.from([...rows.subarray(0, 10 * dimensions), ...rows.subarray((block + 10) * dimensions)])
      ids = [...ids.slice(0, 10), ...ids.slice(block + 10)]
      await check(other)
      await using fresh = await openGallery(path)
      await check(fresh)
      assert.equal(await fresh.verify(), { faces: ids.length, problems: [] })
    },
    { model: large },
  ))

test('k above the rows gives all, a threshold leaves out, a face of the gallery does not find itself', () =>
  withGallery(async (gallery) => {
    assert.equal(await gallery.search(randomRows(1)), [])
    const axes = new Float32Array(3 * dimensions)
    axes[0] = axes[dimensions] = axes[2 * dimensions + 1] = 1
    await gallery.addMany(facesOf(axes))
    const all = await gallery.search(rowOf(axes, 0), { k: 128 })
    // Of two at one distance the one that was added first.
    assert.equal(
      all.map(({ id, distance }) => [id, distance]),
      [
        ['f0', 0],
        ['f1', 0],
        ['f2', 2],
      ],
    )
    assert.equal(idsOf(await gallery.search(rowOf(axes, 0), { threshold: 2 })), ['f0', 'f1'])
    assert.equal(idsOf(await gallery.search({ id: 'f0' }, { k: 1 })), ['f1'])
    assert.equal(idsOf(await gallery.search({ id: 'f2' }, { k: 5 })), ['f0', 'f1'])
    for (const options of [{ k: 0 }, { k: 129 }, { threshold: Number.NaN }, { top: 3 }]) {
      assert.is((await rejection(gallery.search(rowOf(axes, 0), options))).code, 'ERR_FACENET_INVALID_ARGUMENT')
    }
  }))

test('what does not belong into the gallery is refused whole, and named', () =>
  withGallery(async (gallery, path) => {
    const rows = randomRows(3)
    await gallery.add({ id: 'there', embedding: rowOf(rows, 0) })
    const nan = rowOf(rows, 1).fill(Number.NaN, 3, 4)
    const ofOther = { data: rowOf(rows, 1), rows: 1, dimensions, fingerprint: 'b'.repeat(64) }
    const cases: [unknown, RegExp][] = [
      [
        [
          { id: 'new', embedding: rowOf(rows, 1) },
          { id: 'there', embedding: rowOf(rows, 2) },
        ],
        /"there", which is there already/,
      ],
      [[...facesOf(rows), ...facesOf(rows)], /"f0", which is there already/],
      [
        [
          { id: 'new', embedding: rowOf(rows, 1) },
          { id: 'nan', embedding: nan },
        ],
        /faces\[1\]\.embedding but received NaN/,
      ],
      [[{ embedding: new Float32Array(dimensions + 1) }], /8 floats/],
      [[{ embedding: ofOther }], /the model of .*g\.db, aaaa.*those of bbbb/],
      [[{ embedding: rowOf(rows, 1), person: 'person-3' }], /not like person-12/],
      [[{ id: '', embedding: rowOf(rows, 1) }], /faces\[0\]\.id/],
      [{ ...ofOther, paths: ['a'] }, /two models mean nothing/],
    ]
    for (const [faces, message] of cases) {
      const { code, message: said } = await rejection(gallery.addMany(faces as never))
      assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
      assert.match(said, message)
    }
    assert.match((await rejection(gallery.remove(['there', 'gone']))).message, /"gone"/)
    assert.match((await rejection(gallery.replace({ id: 'gone', embedding: rowOf(rows, 1) }))).message, /"gone"/)
    assert.match((await rejection(gallery.search(ofOther))).message, /two models/)
    assert.match((await rejection(gallery.search('a.jpg'))).message, /opened with a model/)
    assert.is((await gallery.counts()).faces, 1)
    const other = await rejection(openGallery(path, { model: { ...model, fingerprint: 'b'.repeat(64) } }))
    assert.match(other.message, /the model of .*g\.db/)
    const preparation = { align: 'none', flip: false, decode: 1 } as const
    await using prepared = await openGallery(`${path}2`, { model: { ...model, preparation } })
    assert.equal(prepared.preparation, preparation)
    const turned = { ...model, preparation: { ...preparation, flip: true } }
    assert.match((await rejection(openGallery(`${path}2`, { model: turned }))).message, /flip false.*flip true/)
    await (await openGallery(`${path}2`, { model: turned, allowMixed: true })).close()
  }))

test('people are named, renamed and removed with all their faces', () =>
  withGallery(async (gallery) => {
    const faces = facesOf(randomRows(5)).map((face, i) => ({
      ...face,
      person: i < 3 ? 'Anna' : 'Ben',
      image: `${i}.jpg`,
    }))
    await gallery.addMany(faces)
    await gallery.update('f2', { person: 'Ben', metadata: { sure: true } })
    assert.equal(
      (await gallery.people()).map(({ person, faces }) => [person, faces]),
      [
        ['Ben', 3],
        ['Anna', 2],
      ],
    )
    const [nearest] = await gallery.search(faces[2]!.embedding, { k: 1 })
    assert.equal([nearest!.id, nearest!.person, nearest!.metadata], ['f2', 'Ben', { sure: true }])
    const ids: string[] = []
    for await (const { id, embedding } of gallery.faces({ person: 'Ben', embeddings: true })) {
      ids.push(id)
      assert.equal(embedding, faces[Number(id.slice(1))]!.embedding)
    }
    assert.equal(ids, ['f2', 'f3', 'f4'])
    await gallery.update('f2', { person: null })
    assert.equal([(await gallery.get('f2'))!.person, (await gallery.get('f2'))!.metadata], [null, { sure: true }])
    assert.is(await gallery.remove({ person: 'Ben' }), 2)
    assert.is(await gallery.remove({ image: '0.jpg' }), 1)
    assert.equal(
      (await gallery.people()).map(({ person }) => person),
      ['Anna'],
    )
    assert.match((await rejection(gallery.remove({ person: 'Ben' }))).message, /"Ben"/)
    assert.match((await rejection(gallery.remove({}))).message, /neither/)
  }))

test('rows go to files and come from files', () =>
  withGallery(async (gallery, path) => {
    const rows = randomRows(40)
    await gallery.addMany(facesOf(rows))
    for (const format of ['npy', 'parquet', 'jsonl']) {
      const out = `${path}.${format}`
      assert.is(await gallery.export(out), 40)
      const stored = await readStored(out)
      assert.equal([stored.data, stored.fingerprint], [rows, model.fingerprint])
      assert.equal(stored.paths.slice(0, 2), ['f0', 'f1'])
      await using copy = await openGallery(`${out}.db`, { model: stored })
      assert.equal(await copy.addMany(stored), stored.paths)
      assert.equal(idsOf(await copy.search(rowOf(rows, 7), { k: 1 })), ['f7'])
    }
  }))

test('calls after closing are refused, those before it end', () =>
  withGallery(async (gallery) => {
    const rows = randomRows(2)
    const added = gallery.addMany(facesOf(rows))
    await Promise.all([added, gallery.close(), gallery.close()])
    assert.ok(gallery.disposed)
    assert.is((await rejection(gallery.counts())).code, 'ERR_FACENET_DISPOSED')
  }))

test.run()
