/** The folders of people that `facenet cluster` writes. */
import { lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkPeopleFolder, writePeople } from '../../lib/cli/commands/people_folders.js'
import { dispatch } from '../../lib/cli/dispatch.js'
import type { FaceNetError } from '../../lib/errors.js'
import { zipOf } from '../images/zip_writer.js'

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-people-'))
})
test.after.each(() => rm(folder, { recursive: true }))

test('links with relative targets become files, and entries of archives too', async () => {
  await mkdir(join(folder, 'real'))
  await mkdir(join(folder, 'in'))
  await writeFile(join(folder, 'real', 'x.jpg'), 'x')
  await symlink('../real/x.jpg', join(folder, 'in', 'link.jpg'))
  await writeFile(join(folder, 'a.zip'), zipOf({ 'b/z.jpg': 'z' }))
  const [link, entry] = [join(folder, 'in', 'link.jpg'), join(folder, 'a.zip', 'b/z.jpg')]
  const faces = [link, entry].map((image) => ({ image, label: 0 }))
  const out = join(folder, 'people')
  await writePeople(out, [join(folder, 'in'), join(folder, 'a.zip')], faces, {})
  const names = (await readdir(join(out, 'person-0001'))).sort()
  assert.equal(names, ['link.jpg', 'z.jpg'])
  assert.equal(await Promise.all(names.map((name) => readFile(join(out, 'person-0001', name), 'utf8'))), ['x', 'z'])
})

test('files are linked or copied as asked, and a table says which face of a photograph is whose', async () => {
  await mkdir(join(folder, 'in'))
  const image = join(folder, 'in', 'both.jpg')
  await writeFile(image, 'x')
  const [ten, other] = [0, 1].map((from) => Array.from({ length: 10 }, (_, i) => from + i)) as [number[], number[]]
  const faces = [
    { image, label: 0, points: ten },
    { image, label: 1, points: other },
    { image, label: 1, points: ten },
  ]
  for (const kind of ['hard', 'symbolic', 'copy'] as const) {
    const out = join(folder, kind)
    await writePeople(out, [join(folder, 'in')], faces, {}, kind)
    const file = join(out, 'person-0001', 'both.jpg')
    const stats = await lstat(file)
    assert.is(stats.isSymbolicLink(), kind === 'symbolic')
    assert.is(
      await realpath(file),
      kind === 'symbolic' ? await realpath(image) : await realpath(out).then((o) => join(o, 'person-0001', 'both.jpg')),
    )
    assert.is(stats.ino === (await lstat(image)).ino, kind === 'hard')
    assert.is(await readFile(file, 'utf8'), 'x')
    const table = (await readFile(join(out, 'points.tsv'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
    assert.equal(table.slice(1), [
      // The larger person first.
      ['person-0002/both.jpg', ...ten.map(String), image, '0'],
      ['person-0001/both.jpg', ...other.map(String), image, '1'],
    ])
  }
})

test('a target that cannot be written is refused before any work', async () => {
  await mkdir(join(folder, 'full'))
  await writeFile(join(folder, 'full', 'x'), '')
  await mkdir(join(folder, 'empty'))
  await checkPeopleFolder(join(folder, 'empty'))
  await checkPeopleFolder(join(folder, 'new'))
  assert.equal((await readdir(folder)).sort(), ['empty', 'full'])
  for (const name of ['full', 'full/x', 'no/such/place']) {
    const refused = await checkPeopleFolder(join(folder, name)).catch((error: FaceNetError) => error)
    assert.is((refused as FaceNetError).code, 'ERR_FACENET_IO')
    // There is no model either, which is looked for later.
    const words = ['cluster', folder, '--model', join(folder, 'none.safetensors'), '--out', join(folder, name)]
    const error = await dispatch(words, new AbortController().signal).catch((error: FaceNetError) => error)
    assert.is((error as FaceNetError).argument, join(folder, name))
  }
})

test.run()
