/** What a source has beside images: taken where it decodes, and else counted and named. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeImage } from '../../lib/images/index.js'
import { openSource, type PassedOver, PassedOverCounts, type SourceOptions } from '../../lib/sources/index.js'
import { tarHeader, tarOf } from './tar_writer.js'
import { type ZipContent, zipOf } from './zip_writer.js'

const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })
const jpeg = await picture.clone().jpeg().toBuffer()
const png = await picture.clone().png().toBuffer()
const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')
const mp4 = Buffer.from('\0\0\0\x18ftypisom\0\0\0\0isommp42', 'latin1')
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-passed-over-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

async function write(files: Record<string, Uint8Array | string>) {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), content)
  }
}

interface Read {
  /** Paths from `from` on, of images whose bytes can be read. */
  good: string[]
  bad: string[]
  /** Kinds and paths of what was passed over. */
  left: string[]
  entries: PassedOver[]
  counts: PassedOverCounts
}

async function readAll(source: string | string[], options: SourceOptions = {}, from = folder): Promise<Read> {
  const found: Read = { good: [], bad: [], left: [], entries: [], counts: new PassedOverCounts() }
  const onPassedOver = (entry: PassedOver) => {
    found.counts.add(entry)
    found.entries.push(entry)
    found.left.push(`${entry.kind} ${relative(from, entry.path)}`)
  }
  for await (const { path, read } of openSource(source, { ...options, onPassedOver })) {
    const name = relative(from, path)
    await read().then(
      () => found.good.push(name),
      (error) => found.bad.push(`${name}: ${error.message}`),
    )
  }
  return found
}

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

test('the entries of compressed archives have their own bytes, read in any order and at the same time', async () => {
  const contents = Array.from({ length: 30 }, (_, i) => Buffer.alloc(5000 + i * 997, `${i} `))
  const names = contents.map((_, i) => `${i % 3}/${i}.jpg`)
  const tar = tarOf(
    Object.fromEntries(names.map((name, i) => [name, { kind: '0', data: contents[i] as unknown as string }])),
  )
  const zip = zipOf(Object.fromEntries(names.map((name, i) => [name, { data: contents[i]!, deflate: true }])))
  await write({ 'a.tgz': gzipSync(tar), 'b.zip': zip })
  for (const archive of ['a.tgz', 'b.zip']) {
    const images = []
    for await (const image of openSource(join(folder, archive))) images.push(image)
    const read = await Promise.all(images.toReversed().map((image) => image.read()))
    assert.equal(
      images.map(({ path }) => relative(join(folder, archive), path)),
      names,
    )
    assert.ok(read.toReversed().every((bytes, i) => contents[i]!.equals(bytes)))
  }
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

test('a tar entry of more than 2 GiB is passed by, and so is one that is stored sparse', async () => {
  const path = join(folder, 'huge.tar')
  const size = 2 ** 31 + 4096
  const sparse = tarHeader('s.jpg', 512, 'S')
  const parts = [
    tarOf({ 'a.jpg': 'a' }, false),
    tarHeader('huge.jpg', 0, '0', { size: `${size.toString(8).padStart(11, '0')}\0` }),
  ]
  const file = await open(path, 'w')
  await file.write(Buffer.concat(parts))
  const rest = Buffer.concat([sparse, Buffer.alloc(512), tarOf({ 'z.jpg': 'z' })])
  // A hole where the entry is.
  const place = Buffer.concat(parts).length + size
  await file.write(rest, 0, rest.length, place)
  await file.close()
  await truncate(path, place + rest.length)
  const { good, bad } = await readAll(path)
  assert.equal(good, ['huge.tar/a.jpg', 'huge.tar/z.jpg'])
  assert.is(bad.length, 2)
  assert.match(bad[0]!, /at most 256 MiB for .*huge\.jpg but received 2,048 MiB/)
  assert.match(bad[1]!, /s\.jpg: Expected a file that is stored whole/)
})

test('a pax header with a byte after its last record is read', async () => {
  const tar = tarOf({ h: { kind: 'x', data: '6 a=b\nx' }, 'a.jpg': 'a' })
  await write({ 'p.tar': tar, 'q.tar': tarOf({ h: { kind: 'x', data: '6 a=b\n\0\0\0\0\0\0' }, 'a.jpg': 'a' }) })
  assert.equal((await readAll(join(folder, 'p.tar'))).good, ['p.tar/a.jpg'])
  assert.equal((await readAll(join(folder, 'q.tar'))).good, ['q.tar/a.jpg'])
  await write({ 'r.tar': tarOf({ h: { kind: 'x', data: '6 a=b\n nothing at all' }, 'a.jpg': 'a' }) })
  assert.match((await readAll(join(folder, 'r.tar'))).bad[0]!, /Expected a pax record/)
})

test('links, encrypted entries and names that lead out of an archive are told', async () => {
  const tar = tarOf({
    'link.jpg': { kind: '2', data: '' },
    '../up.jpg': 'x',
    '/abs.jpg': 'x',
    'a/../b.jpg': 'x',
    'pipe.jpg': { kind: '6', data: '' },
    'ok..jpg': 'x',
  })
  const zip = zipOf({
    'link.jpg': { data: 'target', mode: 0xa1ff },
    '../up.jpg': 'x',
    'secret.jpg': { data: 'x', flags: 1 },
    'odd.jpg': { data: 'x', method: 93 },
    'ok.jpg': 'x',
  })
  await write({ 'x.tar': tar, 'z.zip': zip })
  const fromTar = await readAll(join(folder, 'x.tar'))
  assert.equal(fromTar.good, ['x.tar/ok..jpg'])
  assert.equal(fromTar.left, ['link x.tar/link.jpg'])
  assert.is(fromTar.bad.filter((line) => /a name within the archive/.test(line)).length, 3)
  assert.match(fromTar.bad.at(-1)!, /pipe\.jpg: Expected a file/)
  const fromZip = await readAll(join(folder, 'z.zip'))
  assert.equal(fromZip.good, ['z.zip/ok.jpg'])
  assert.equal(fromZip.left, ['link z.zip/link.jpg'])
  assert.match(fromZip.bad.join('\n'), /leads out of it.*not encrypted.*stored or deflated/s)
})

test('bombs are not unpacked', async () => {
  const zeros = Buffer.alloc(32 * 2 ** 20)
  await write({
    'bomb.zip': zipOf({ 'a.jpg': { data: zeros, deflate: true }, 'b.jpg': 'b' }),
    'lies.zip': zipOf({ 'a.jpg': { data: zeros.subarray(0, 2 ** 20), deflate: true, size: 1000 } }),
    'overlap.zip': zipOf({ 'a.jpg': 'x'.repeat(900), 'b.jpg': { data: 'x', packedSize: 900, size: 900, offset: 0 } }),
    'bomb.tgz': gzipSync(
      Buffer.concat([tarOf({ 'a.jpg': 'a' }, false), tarHeader('b.txt', 2 ** 27, '0'), Buffer.alloc(2 ** 27)]),
    ),
  })
  const bomb = await readAll(join(folder, 'bomb.zip'))
  assert.equal(bomb.good, ['bomb.zip/b.jpg'])
  assert.match(bomb.bad[0]!, /at most 100 times its size/)
  assert.match((await readAll(join(folder, 'lies.zip'))).bad[0]!, /deflated bytes/)
  assert.match((await readAll(join(folder, 'overlap.zip'))).bad.at(-1)!, /entries that overlap/)
  const tgz = await readAll(join(folder, 'bomb.tgz'))
  assert.equal(tgz.good, ['bomb.tgz/a.jpg'])
  assert.match(tgz.bad[0]!, /bytes once unpacked/)
})

test('damaged compressed archives give what is whole, and one failure', async () => {
  const tar = tarOf({ 'a.jpg': 'a', 'b.jpg': 'b'.repeat(2000) })
  const zip = zipOf({ 'a.jpg': { data: jpeg, deflate: true } })
  const wrong = Buffer.from(zip)
  wrong[60]! ^= 0xff
  const packed = gzipSync(tar)
  await write({
    'cut.tgz': packed.subarray(0, packed.length - 12),
    'no.tgz': 'text',
    'no.zip': 'text',
    'sum.zip': wrong,
  })
  const cut = await readAll(join(folder, 'cut.tgz'))
  assert.is(cut.bad.length, 1)
  assert.match(cut.bad[0]!, /a complete gzip file/)
  assert.match((await readAll(join(folder, 'no.tgz'))).bad[0]!, /a complete gzip file/)
  assert.match((await readAll(join(folder, 'no.zip'))).bad[0]!, /a zip archive/)
  assert.match((await readAll(join(folder, 'sum.zip'))).bad[0]!, /bytes of .*a\.jpg/)
  assert.equal((await readFile(join(folder, 'sum.zip'))).length, wrong.length)
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
