/** A gallery that is brought to another model: from photographs, by a map, again after a kill, and what is refused. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { applyMap, type CommonRows, MapFitter } from '../../lib/gallery/migrate/linear_map.js'
import { nearestRotation, solve } from '../../lib/gallery/migrate/solve.js'
import { type FaceFinder, migrateGallery, openGallery, openModel } from '../../lib/index.js'
import { mulberry32 } from '../../lib/training/random.js'
import { asPngs, inMemory, openSmall, pixels, rejection, withFolder } from '../api/support.js'
import { tarHeader } from '../images/tar_writer.js'
import { model, randomRows, rowOf, standInModel } from './support.js'

const close = (a: ArrayLike<number>, b: ArrayLike<number>, within: number) => {
  assert.is(a.length, b.length)
  for (let i = 0; i < a.length; i++) assert.ok(Math.abs(a[i]! - b[i]!) <= within, `${i}: ${a[i]} and ${b[i]}`)
}

test('systems are solved, and rotations found, also where pivots have to be exchanged', () => {
  assert.equal(solve(Float64Array.of(0, 2, 1, 0), Float64Array.of(4, 3), 2), Float64Array.of(3, 2))
  assert.is(solve(Float64Array.of(1, 2, 2, 4), Float64Array.of(1, 1), 2), undefined)
  const [c, s] = [Math.cos(2), Math.sin(2)]
  const turned = Float64Array.of(3 * c, -3 * s, 0, 3 * s, 3 * c, 0, 0, 0, 3)
  close(nearestRotation(turned, 3)!, [c, -s, 0, s, c, 0, 0, 0, 1], 1e-12)
  assert.is(nearestRotation(Float64Array.of(1, 1, 1, 1), 2), undefined)
})

/** Faces of `people` whom two models see: the second has a linear map of what there is, and the first errs by `noise`. */
function seenByBoth(people: number, each: number, to: number, noise: number, from = model.dimensions): CommonRows {
  const random = mulberry32(7)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const weights = Array.from({ length: from * to }, normal)
  const rows = people * each
  const seen = { from: new Float32Array(rows * from), to: new Float32Array(rows * to) }
  for (let person = 0; person < people; person++) {
    const own = Array.from({ length: from }, normal)
    for (let face = 0; face < each; face++) {
      const row = person * each + face
      const look = own.map((value) => value + 0.1 * normal())
      const other = Array.from({ length: to }, (_, j) =>
        look.reduce((sum, value, i) => sum + value * weights[i * to + j]!, 0),
      )
      const first = look.map((value) => value + noise * normal())
      const [a, b] = [Math.hypot(...first), Math.hypot(...other)]
      seen.from.set(
        first.map((value) => value / a),
        row * from,
      )
      seen.to.set(
        other.map((value) => value / b),
        row * to,
      )
    }
  }
  return { ...seen, rows, dimensions: { from, to } }
}

test('of rows that are turned a rotation is found, and else what least squares finds', async () => {
  const common = seenByBoth(40, 2, 8, 0)
  const [c, s] = [Math.cos(1), Math.sin(1)]
  for (let i = 0; i < common.rows; i++) {
    const [x, y, ...rest] = rowOf(common.from, i)
    common.to.set([c * x! - s * y!, s * x! + c * y!, ...rest], i * 8)
  }
  const parts = Uint8Array.from({ length: common.rows }, (_, row) => row % 5)
  const turn = (await MapFitter.of(common, parts)).fit()
  assert.is(turn.kind, 'rotation')
  close(applyMap(turn, rowOf(common.from, 3)), rowOf(common.to, 3), 1e-6)
  const more = seenByBoth(60, 2, 12, 0)
  const map = (
    await MapFitter.of(
      more,
      Uint8Array.from({ length: more.rows }, (_, row) => row % 5),
    )
  ).fit()
  assert.is(map.kind, 'ridge')
  close([Math.hypot(...applyMap(map, rowOf(more.from, 3)))], [1], 1e-6)
})

const detector: FaceFinder = {
  name: 'two faces',
  fingerprint: 'c'.repeat(64),
  async detect(images) {
    return images.map(({ width, height }) =>
      [0, 1].map((i) => {
        const [x, y, size] = [4 + 30 * i, 8, 60 - 10 * i]
        const points = [0.3, 0.4, 0.7, 0.4, 0.5, 0.6, 0.35, 0.8, 0.65, 0.8].map((v, k) => (k % 2 ? y : x) + v * size)
        return { box: { x, y, width: Math.min(size, width), height: Math.min(size, height) }, score: 0.9, points }
      }),
    )
  },
}

test('every face is embedded again where it was found, and ids, people and edits stay', async () => {
  await using old = await openSmall()
  await using next = await openModel(inMemory('nns2', 2))
  const [first, second] = await asPngs(old, pixels(old, 2))
  const entry = Buffer.concat([
    tarHeader('2.png', second!.length, '0'),
    second!,
    Buffer.alloc(512 - (second!.length % 512)),
  ])
  const archive = Buffer.concat([entry, Buffer.alloc(1024)])
  await withFolder({ 'a/1.png': first!, 'a/more.tar': archive }, async (folder) => {
    const path = join(folder, 'g.db')
    {
      await using gallery = await openGallery(path, { model: old, detector })
      await gallery.addImages([join(folder, 'a/1.png'), join(folder, 'a/more.tar')], {
        person: 'Anna',
        metadata: { album: 1 },
      })
      const ids: string[] = []
      for await (const { id } of gallery.faces()) ids.push(id)
      await gallery.apply([{ edit: 'reject', faces: [ids[0]!], person: 'Anna' }])
    }
    const before = await listed(path)
    await using reader = await openGallery(path)
    await using writer = await openGallery(path)
    await rename(join(folder, 'a'), join(folder, 'moved'))
    const gone = await rejection(migrateGallery(path, { model: next }))
    assert.match(gone.message, /4 of 4 without:.*1\.png is not there.*root, --root/s)
    assert.is((await reader.search(new Float32Array(old.dimensions).fill(0.1))).length, 4)

    const keep = join(folder, 'before.db')
    const root = join(folder, 'moved')
    const result = await migrateGallery(path, { model: next, root, keep })
    assert.equal(result, { faces: 4, embedded: 4, resumed: 0, mapped: 0, loss: null })
    for (const each of [reader.get(before[0]!.id), reader.search({ id: before[0]!.id }), reader.people()]) {
      assert.match((await rejection(each)).message, /it was migrated after it was opened/)
    }
    assert.match((await rejection(writer.remove(before[0]!.id))).message, /migrated after it was opened/)

    await using gallery = await openGallery(path, { model: next, detector })
    const after = await listed(path)
    const moved = before.map((face) => ({ ...face, image: face.image!.replace('/a/', '/moved/') }))
    assert.equal(after, moved)
    assert.is(gallery.threshold, null)
    const sources = [join(root, '1.png'), join(root, 'more.tar')]
    for await (const { path: name, embedding } of next.embedStream(sources, { detector, faces: 'all' })) {
      const [nearest] = await gallery.search(embedding, { k: 1 })
      assert.is(nearest!.distance, 0, name)
    }
    assert.equal((await gallery.verify()).problems, [])
    assert.equal(await gallery.addImages(sources), { faces: 0, images: 0, skipped: 2, missing: 0 })
    await using kept = await openGallery(keep)
    assert.is(kept.fingerprint, old.fingerprint)
    assert.equal(await listed(keep), before)
    assert.match((await rejection(migrateGallery(path, { model: next }))).message, /another model than that of/)
  })
})

async function listed(path: string) {
  await using gallery = await openGallery(path)
  const faces: { id: string; image: string | null }[] = []
  for await (const face of gallery.faces()) faces.push(face)
  return faces
}

/** Faces with photographs, and some whose photographs are gone. */
async function withKept(gone: number, there: number, use: (path: string, folder: string) => Promise<void>) {
  const files = Object.fromEntries(
    Array.from({ length: there }, (_, i) => [`p/${i}.jpg`, Buffer.from([i, 0xff, 0xd8])]),
  )
  await withFolder(files, async (folder) => {
    const path = join(folder, 'g.db')
    {
      const prepared = { align: 'none', flip: false, decode: 1 } as const
      await using gallery = await openGallery(path, { model, preparation: prepared })
      const rows = randomRows(gone + there)
      await gallery.addMany(
        Array.from({ length: gone + there }, (_, i) => ({
          id: `f${i}`,
          embedding: rowOf(rows, i),
          ...(i < there && { image: join(folder, `p/${i}.jpg`) }),
        })),
      )
    }
    await use(path, folder)
  })
}

test('a run that is killed is gone on with, and the gallery is the old one until then', () =>
  withKept(0, 60, async (path) => {
    const script = fileURLToPath(new URL('./migrating.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout })) {
      if (Number(line) === 45) child.kill('SIGKILL')
    }
    assert.is((await ended)[1], 'SIGKILL')
    {
      await using gallery = await openGallery(path, { model })
      assert.is((await gallery.search(rowOf(randomRows(60), 7), { k: 1 }))[0]!.id, 'f7')
      // What changes meanwhile is embedded again, and what is removed is gone.
      await gallery.replace({ id: 'f1', embedding: rowOf(randomRows(1, 9), 0) })
      await gallery.remove('f0')
    }
    const result = await migrateGallery(path, { model: standInModel() })
    assert.ok(result.resumed > 0 && result.resumed < 45, `${result.resumed} by the run before`)
    assert.equal([result.faces, result.embedded], [59, 59])
    await using gallery = await openGallery(path)
    assert.equal([gallery.dimensions, gallery.preparation?.align], [12, 'none'])
    for (const i of [1, 44, 59]) assert.equal((await gallery.get(`f${i}`))!.embedding, randomRows(1, i, 12))
    assert.equal((await gallery.verify()).problems, [])
  }))

test('faces without a photograph are mapped where that costs little, and refused where it costs more', () =>
  withKept(2, 3, async (path) => {
    const target = standInModel()
    const given = (noise: number, people = 200) => {
      const { from, to, rows } = seenByBoth(people, 5, 12, noise)
      const paths = Array.from({ length: rows }, (_, i) => `person-${Math.floor(i / 5)}/${i}.jpg`)
      const of = (data: Float32Array, dimensions: number, fingerprint: string) => ({
        data,
        rows,
        dimensions,
        fingerprint,
        paths,
      })
      return {
        from: of(from, 8, model.fingerprint),
        to: of(to, 12, target.fingerprint),
        people: (each: string) => each.split('/')[0],
      }
    }
    const migrate = (map: object | boolean) => migrateGallery(path, { model: target, map })
    assert.match(
      (await rejection(migrate(false))).message,
      /2 of 5 without:.*f3: the gallery knows no photograph of it/s,
    )
    assert.match(
      (await rejection(migrate(true))).message,
      /at least 12 faces that both models have embedded.*received 3/,
    )
    assert.match((await rejection(migrate({ common: given(0, 4) }))).message, /to say what a map costs/)
    assert.match((await rejection(migrate({ common: given(2), maxLoss: 0.01 }))).message, /one that costs .* points/)
    const swapped = { ...given(0), to: given(0).from }
    assert.match((await rejection(migrate({ common: swapped }))).message, /common\.to/)
    assert.is((await openAndClose(path)).fingerprint, model.fingerprint)

    const { embedded, resumed, mapped, loss } = await migrate({ common: given(0.01), maxLoss: 0.05 })
    assert.equal([embedded, resumed, mapped], [3, 3, 2])
    assert.ok(loss && loss.judgedBy === 'people' && loss.far === 1e-3 && loss.loss < 0.05, JSON.stringify(loss))
    await using gallery = await openGallery(path)
    assert.is((await gallery.counts()).faces, 5)
    const row = (await gallery.get('f4'))!.embedding
    assert.ok(Math.abs(Math.hypot(...row) - 1) < 1e-6)
  }))

async function openAndClose(path: string) {
  await using gallery = await openGallery(path)
  const { fingerprint } = gallery
  return { fingerprint }
}

test.run()
