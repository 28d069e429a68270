/** What a source has beside images: taken where it decodes, and else counted and named. */
import { execFileSync } from 'node:child_process'
import { rm, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeImage } from '../../lib/images/index.js'
import { openSource } from '../../lib/sources/index.js'
import { folder, heic, inFolders, jpeg, mp4, png, type Read, readAll, svg, write } from './read_all.js'
import { tarOf } from './tar_writer.js'
import { type ZipContent, zipOf } from './zip_writer.js'

inFolders()

/** What every kind of source has in the tests below. */
const mixed = {
  'a.jpg': jpeg,
  'b.jfif': jpeg,
  'c.JPE': jpeg,
  'd.heic': heic,
  'e.HEIC': heic,
  'f.mp4': mp4,
  'g.bmp': 'BM1234',
  'h.txt': 'a text',
  i: png,
  'j.dat': jpeg,
  'k.svg': svg,
  'l.dng': 'II*\0 a raw file',
  '.hidden.jpg': jpeg,
  '._a.jpg': 'resource',
  '@eaDir/a.jpg': jpeg,
  '__MACOSX/a.jpg': jpeg,
  '.git/x': 'x',
  'sub/m.png': png,
}
const taken = ['a.jpg', 'b.jfif', 'c.JPE', 'i', 'j.dat', 'sub/m.png']
const kinds = { '.heic': 2, '.mp4': 1, '.bmp': 1, '.txt': 1, '.svg': 1, '.dng': 1, hidden: 2 }
const folders = { '@eaDir/': 1, '__MACOSX/': 1, '.git/': 1 }

function checkMixed({ good, bad, counts }: Read, place: string) {
  assert.equal(good.sort(), taken.map((name) => join(place, name)).sort())
  assert.equal(bad, [])
  assert.equal(Object.fromEntries(counts.kinds), { ...kinds, ...folders })
}

test('a folder: content decides, and nothing is dropped in silence', async () => {
  await write(Object.fromEntries(Object.entries(mixed).map(([name, content]) => [`in/${name}`, content])))
  const found = await readAll(join(folder, 'in'))
  checkMixed(found, 'in')
  const heicEntry = found.entries.find(({ kind }) => kind === '.heic')!
  assert.match(heicEntry.reason, /HEIC is not decoded; convert it to JPEG first \(heif-convert.*Most Compatible/)
  assert.match(found.counts.lines()[0]!, /^12 files and folders passed over: 2 \.heic, 2 hidden, 1 .*1 \.mp4/)
})

test('a tar, a tgz and a zip: the same', async () => {
  const asText = (content: string | Uint8Array) => ({ kind: '0', data: Buffer.from(content) as unknown as string })
  const tar = tarOf(Object.fromEntries(Object.entries(mixed).map(([name, content]) => [name, asText(content)])))
  const zip = zipOf(
    Object.fromEntries(
      Object.entries(mixed).map(([name, data], i): [string, ZipContent] => [name, { data, deflate: i % 2 > 0 }]),
    ),
  )
  await write({ 'x.tar': tar, 'y.tgz': gzipSync(tar), 'z.tar.gz': gzipSync(tar), 'w.zip': zip })
  for (const name of ['x.tar', 'y.tgz', 'z.tar.gz', 'w.zip']) checkMixed(await readAll(join(folder, name)), name)
})

test('globs leave out names at any depth, and paths', async () => {
  await write({
    'in/a.jpg': jpeg,
    'in/b.png': png,
    'in/2019/c.jpg': jpeg,
    'in/2020/d.png': png,
    'in/2020/x/e.jpg': jpeg,
  })
  const names = async (...exclude: string[]) =>
    (await readAll(join(folder, 'in'), { exclude }, join(folder, 'in'))).good
  assert.equal(await names('*.png'), ['2019/c.jpg', '2020/x/e.jpg', 'a.jpg'])
  assert.equal(await names('2019/**'), ['2020/d.png', '2020/x/e.jpg', 'a.jpg', 'b.png'])
  assert.equal(await names('x', '2019'), ['2020/d.png', 'a.jpg', 'b.png'])
  const { left } = await readAll(join(folder, 'in'), { exclude: ['*.png', '2019'] }, join(folder, 'in'))
  assert.equal(left, ['excluded/ 2019', 'excluded 2020/d.png', 'excluded b.png'])
  for (const exclude of [[''], ['*.png', 3], '*.png']) {
    const error = await readAll(folder, { exclude: exclude as never }).catch((error) => error)
    assert.is(error.argument, 'exclude')
  }
})

test('a hidden folder and an excluded name are read where they are named themselves', async () => {
  await write({ '.private/a.jpg': jpeg, '.b.jpg': jpeg })
  const { good, left } = await readAll([join(folder, '.private'), join(folder, '.b.jpg')])
  assert.equal(good, ['.private/a.jpg', '.b.jpg'])
  assert.equal(left, [])
})

test('links to files are followed, links to folders are told', async () => {
  await write({ 'real/a.jpg': jpeg, 'in/b.jpg': jpeg })
  await symlink('../real/a.jpg', join(folder, 'in', 'c.jpg'))
  await symlink('..', join(folder, 'in', 'round'))
  await symlink('nowhere.jpg', join(folder, 'in', 'broken.jpg'))
  const { good, bad, left } = await readAll(join(folder, 'in'))
  assert.equal(good, ['in/b.jpg', 'in/c.jpg'])
  assert.is(bad.length, 1)
  assert.match(bad[0]!, /broken\.jpg: Cannot read .*ENOENT/)
  assert.equal(left, ['link to a folder in/round'])
})

test('a pipe, a socket of no name and a folder named .jpg hang nothing', async () => {
  await write({ 'in/a.jpg': jpeg, 'in/folder.jpg/b.jpg': jpeg })
  execFileSync('mkfifo', [join(folder, 'in', 'pipe.jpg'), join(folder, 'in', 'pipe')])
  const { good, bad, left } = await readAll(join(folder, 'in'))
  assert.equal(good, ['in/a.jpg', 'in/folder.jpg/b.jpg'])
  assert.equal(bad.length, 1)
  assert.match(bad[0]!, /pipe\.jpg: Expected a file for .* but received a pipe/)
  assert.equal(left, ['special file in/pipe'])
  const named = await readAll(join(folder, 'in', 'pipe.jpg'))
  assert.match(named.bad[0]!, /received a pipe/)
  const decoded = await decodeImage(join(folder, 'in', 'pipe.jpg')).catch((error) => error)
  assert.match(decoded.message, /received a pipe/)
})

test('an entry that vanishes, and a name that is not UTF-8, are one failure each', async () => {
  await write({ 'in/a.jpg': jpeg, 'in/b.jpg': jpeg, 'in/c.jpg': jpeg })
  const strange = Buffer.concat([Buffer.from(join(folder, 'in', 'd')), Buffer.from([0xe9]), Buffer.from('.jpg')])
  await writeFile(strange, jpeg)
  const gone: string[] = []
  const good: string[] = []
  for await (const { path, read } of openSource(join(folder, 'in'))) {
    if (path.endsWith('a.jpg')) await rm(join(folder, 'in', 'b.jpg'))
    await read().then(
      () => good.push(relative(folder, path)),
      (error) => gone.push(error.message),
    )
  }
  assert.equal(good, ['in/a.jpg', 'in/c.jpg'])
  assert.is(gone.length, 2)
  assert.match(gone[0]!, /b\.jpg: ENOENT/)
  assert.match(gone[1]!, /a name in UTF-8 for .*d\ufffd\.jpg but received other bytes; rename it/)
})

test('a folder that cannot be listed is one failure', async () => {
  await write({ 'in/a.jpg': jpeg, 'in/locked/b.jpg': jpeg, 'in/z.jpg': jpeg })
  // Root may read everything: a folder that vanishes between two steps stands for one that cannot be read.
  const names: string[] = []
  const bad: string[] = []
  for await (const { path, error } of openSource(join(folder, 'in'))) {
    if (path.endsWith('a.jpg')) await rm(join(folder, 'in', 'locked'), { recursive: true })
    error ? bad.push(error.message) : names.push(relative(folder, path))
  }
  assert.equal(names, ['in/a.jpg', 'in/z.jpg'])
  assert.is(bad.length, 1)
  assert.match(bad[0]!, /Cannot read .*locked: ENOENT/)
})

test('an image file above the limit is a failure, in files and in archives', async () => {
  const tar = tarOf({ 'a.jpg': 'small', 'b.jpg': 'x'.repeat(3000) })
  await write({
    'in/b.jpg': 'x'.repeat(3000),
    'x.tar': tar,
    'y.tgz': gzipSync(tar),
    'z.zip': zipOf({ 'b.jpg': 'x'.repeat(3000) }),
  })
  const options = { maxImageBytes: 2048 }
  for (const source of ['in', 'in/b.jpg', 'x.tar', 'y.tgz', 'z.zip']) {
    const { bad } = await readAll(join(folder, source), options)
    assert.is(bad.length, 1, source)
    assert.match(
      bad[0]!,
      /b\.jpg: Expected an image file of at most 0 MiB for .*b\.jpg.*maxImageBytes \(--max-file-mib\)/,
    )
  }
  assert.is((await readAll(folder, { maxImageBytes: 0 }).catch((error) => error)).argument, 'options.maxImageBytes')
})

test('paths may be file: URLs, sets and generators', async () => {
  await write({ 'a.jpg': jpeg, 'b.jpg': jpeg })
  const paths = ['a.jpg', 'b.jpg'].map((name) => join(folder, name))
  function* generated() {
    yield* paths
  }
  const urls = paths.map((path) => new URL(`file://${path}`))
  for (const source of [urls[0]!, new Set(paths), generated(), new Set(urls)]) {
    const found: string[] = []
    for await (const { path } of openSource(source)) found.push(path)
    assert.equal(found, source === urls[0] ? paths.slice(0, 1) : paths)
  }
})

test('names are compared without regard to how accents are written', async () => {
  const header = ['name', 'rex', 'rey', 'lex', 'ley', 'nx', 'ny', 'rmx', 'rmy', 'lmx', 'lmy'].join('\t')
  const row = ['Zoë/1.jpg'.normalize('NFC'), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].join('\t')
  await write({ [`in/${'Zoë'.normalize('NFD')}/1.jpg`]: jpeg, 'in.tsv': `${header}\n${row}\n` })
  for await (const { points } of openSource(join(folder, 'in'))) assert.equal(points, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test.run()
