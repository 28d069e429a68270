import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { openSource, type SourceImage, tarEntries } from '../../lib/sources/index.js'
import { tarHeader, tarOf } from './tar_writer.js'

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-sources-'))
})
test.after.each(() => rm(folder, { recursive: true }))

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

async function failure(source: AsyncIterable<unknown>): Promise<FaceNetError> {
  try {
    await all(source)
  } catch (error) {
    assert.instance(error, FaceNetError)
    return error as FaceNetError
  }
  return assert.unreachable('nothing was thrown') as never
}

const read = async (image: SourceImage) => Buffer.from(await image.read()).toString()
const header = ['name', 'bx', 'rex', 'rey', 'lex', 'ley', 'nx', 'ny', 'rmx', 'rmy', 'lmx', 'lmy'].join('\t')
const row = (name: string) => [name, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9.5, 10].join('\t')
const points = [1, 2, 3, 4, 5, 6, 7, 8, 9.5, 10]

async function tree(...names: string[]): Promise<string> {
  const root = join(folder, 'people')
  for (const name of names) {
    await mkdir(join(root, name, '..'), { recursive: true })
    await writeFile(join(root, name), name)
  }
  return root
}

test('files are given in the order of the arguments, whatever their names', async () => {
  await writeFile(join(folder, 'b.xyz'), 'b')
  await writeFile(join(folder, 'a.jpg'), 'a')
  const images = await all(openSource([join(folder, 'b.xyz'), join(folder, 'a.jpg')]))
  assert.equal(await Promise.all(images.map(read)), ['b', 'a'])
  assert.is((await all(openSource(join(folder, 'a.jpg'))))[0]!.path, join(folder, 'a.jpg'))
})

test('folders are read with their subfolders, sorted, images only', async () => {
  const root = await tree('z/1.PNG', 'a/2.jpeg', 'a/10.jpg', 'B.webp', 'notes.txt', '.hidden/x.jpg', 'a/.y.jpg')
  const images = await all(openSource(root))
  const names = ['B.webp', 'a/10.jpg', 'a/2.jpeg', 'z/1.PNG']
  assert.equal(
    images.map((image) => image.path),
    names.map((name) => join(root, name)),
  )
  assert.equal(await Promise.all(images.map(read)), names)
})

test('a folder has its points beside or within', async () => {
  const root = await tree('a/1.jpg', 'a/2.jpg')
  await writeFile(join(root, 'points.tsv'), `${header}\n${row('a/2.jpg')}\n`)
  assert.equal(
    (await all(openSource(root))).map((image) => image.points),
    [undefined, points],
  )
  await writeFile(`${root}.tsv`, `${header}\r\n${row('a/1.jpg')}\r\n`)
  assert.equal(
    (await all(openSource(`${root}/`))).map((image) => image.points),
    [points, undefined],
  )
})

test('a single file has its points in the table of its folder, or of the folder above', async () => {
  const root = await tree('a/1.jpg', 'a/2.jpg', 'a/3.jpg')
  await writeFile(join(root, 'a', 'points.tsv'), `${header}\n${row('1.jpg')}\n`)
  await writeFile(`${root}.tsv`, `${header}\n${row('a/2.jpg')}\n`)
  const images = await all(openSource(['1', '2', '3'].map((name) => join(root, 'a', `${name}.jpg`))))
  assert.equal(
    images.map((image) => image.points),
    [points, points, undefined],
  )
})

test('a table without point columns, and a row without points, give none', async () => {
  const root = await tree('1.jpg', '2.jpg')
  await writeFile(`${root}.tsv`, 'name\tage\n1.jpg\t4\n')
  assert.is((await all(openSource(root)))[0]!.points, undefined)
  await writeFile(`${root}.tsv`, `${header}\n1.jpg${'\t'.repeat(11)}\n${row('2.jpg')}`)
  assert.equal(
    (await all(openSource(root))).map((image) => image.points),
    [undefined, points],
  )
})

test('a table with something else than numbers names its line', async () => {
  const root = await tree('1.jpg')
  await writeFile(`${root}.tsv`, `${header}\n${row('2.jpg')}\n${row('1.jpg').replace('9.5', 'n/a')}\n`)
  const error = await failure(openSource(root))
  assert.is(error.code, 'ERR_FACENET_IO')
  assert.is(error.argument, `${root}.tsv:3`)
})

test('an archive gives its images in its order, and their points', async () => {
  const path = join(folder, 'shard.tar')
  const entries = { 'b/1.jpg': 'one', 'readme.txt': 'no image', 'a/2.png': 'two', 'empty.jpg': '' }
  await writeFile(path, tarOf(entries))
  await writeFile(join(folder, 'shard.tsv'), `${header}\n${row('a/2.png')}\n`)
  const images = await all(openSource(path))
  assert.equal(
    images.map((image) => image.path),
    ['b/1.jpg', 'a/2.png', 'empty.jpg'].map((name) => `${path}/${name}`),
  )
  assert.equal(
    images.map((image) => image.points),
    [undefined, points, undefined],
  )
  // Backwards and at the same time: reads are independent.
  assert.equal(await Promise.all(images.reverse().map(read)), ['', 'two', 'one'])
})

test('long names: ustar prefix, GNU and pax', async () => {
  const long = (start: string, length: number) => `${start}/${'é'.repeat(length)}/face.jpg`
  const [prefixed, gnu, pax] = [`${'d'.repeat(120)}/face.jpg`, long('gnu', 90), long('pax', 300)]
  const path = join(folder, 'long.tar')
  const record = (key: string, value: string) => {
    const body = Buffer.byteLength(` ${key}=${value}\n`)
    let length = body + 1
    while (String(length).length + body !== length) ++length
    return `${length} ${key}=${value}\n`
  }
  const archive = Buffer.concat([
    tarOf({ 'before.jpg': 'before' }, false),
    tarHeader('face.jpg', 6, '0', { prefix: 'd'.repeat(120) }),
    Buffer.from('prefix'.padEnd(512, '\0')),
    tarOf({ '././@LongLink': { kind: 'L', data: `${gnu}\0` } }, false),
    tarOf({ [gnu.slice(0, 40)]: 'gnu' }, false),
    tarOf({ 'PaxHeaders/face': { kind: 'x', data: record('mtime', '12.5') + record('path', pax) } }, false),
    tarOf({ [pax.slice(0, 40)]: 'pax' }, false),
    tarOf({ 'after.jpg': 'after' }),
  ])
  await writeFile(path, archive)
  const images = await all(openSource(path))
  const names = ['before.jpg', prefixed, gnu, pax, 'after.jpg']
  assert.equal(
    images.map((image) => image.path),
    names.map((name) => `${path}/${name}`),
  )
  assert.equal(await Promise.all(images.map(read)), ['before', 'prefix', 'gnu', 'pax', 'after'])
})

test('links, folders and global headers are passed over', async () => {
  const path = join(folder, 'mixed.tar')
  const archive = tarOf({
    pax_global_header: { kind: 'g', data: '20 comment=something\n' },
    'folder.jpg/': { kind: '5', data: '' },
    'link.jpg': { kind: '2', data: '' },
    'real.jpg': 'real',
  })
  await writeFile(path, archive)
  const entries = await all(tarEntries(path))
  assert.equal(
    entries.map(({ name, size }) => [name, size]),
    [['real.jpg', 4]],
  )
})

test('listing many entries needs one window of memory', async () => {
  const path = join(folder, 'many.tar')
  const names = Array.from({ length: 3000 }, (_, i) => `${i % 7}/${i}.jpg`)
  await writeFile(
    path,
    tarOf(Object.fromEntries(names.map((name) => [name, `${name}`.repeat((name.length % 5) * 60)]))),
  )
  const entries = await all(tarEntries(path))
  assert.equal(
    entries.map((entry) => entry.name),
    names,
  )
})

test('a damaged archive says so', async () => {
  const whole = tarOf({ 'a.jpg': 'a'.repeat(2000), 'b.jpg': 'b' })
  const wrongSum = Buffer.from(whole)
  wrongSum[0]! ^= 1
  const negative = tarHeader('a.jpg', 0, '0', { size: '-0000000001' })
  const cases: [string, Buffer, RegExp][] = [
    ['cut.tar', whole.subarray(0, 1500), /2000 bytes at 512/],
    ['half.tar', whole.subarray(0, 300), /512 bytes at 0/],
    ['sum.tar', wrongSum, /a tar header/],
    ['text.tar', Buffer.from('no archive '.repeat(100)), /a size|a tar header/],
    ['negative.tar', Buffer.concat([negative, Buffer.alloc(1024)]), /a size/],
    ['pax.tar', tarOf({ h: { kind: 'x', data: '9999 path=a\n' }, 'a.jpg': '' }), /a pax record/],
    ['paxsize.tar', tarOf({ h: { kind: 'x', data: '14 size=none\n\n' }, 'a.jpg': '' }), /a size/],
  ]
  for (const [name, bytes, message] of cases) {
    const path = join(folder, name)
    await writeFile(path, bytes)
    // After what could be read, one image that cannot be used.
    const image = (await all(openSource(path))).at(-1)!
    assert.is(image.error!.code, 'ERR_FACENET_IO', name)
    assert.is(image.error!.argument, path)
    assert.match(image.error!.message, message)
    assert.is(await image.read().catch((error) => error), image.error)
  }
})

test('a missing path is named before anything is read', async () => {
  await writeFile(join(folder, 'a.jpg'), 'a')
  const missing = join(folder, 'no', 'such')
  const source = openSource([join(folder, 'a.jpg'), missing])
  const error = await failure(source)
  assert.is(error.code, 'ERR_FACENET_IO')
  assert.is(error.argument, missing)
  assert.is(error.received, 'ENOENT')
  assert.is((await failure(openSource([3] as never))).code, 'ERR_FACENET_INVALID_ARGUMENT')
})

test.run()
