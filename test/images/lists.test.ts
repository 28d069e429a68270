/** Lists, globs and standard input as sources: every row is an image, or is counted as one that cannot be used. */
import { symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { openSource, type SourceImage, type SourceOptions } from '../../lib/sources/index.js'
import { folder, inFolders, jpeg, png, readAll, write } from './read_all.js'
import { tarOf } from './tar_writer.js'

inFolders()

async function images(source: string | string[], options: SourceOptions = {}): Promise<SourceImage[]> {
  const found: SourceImage[] = []
  for await (const image of openSource(source, options)) found.push(image)
  return found
}

const failure = async (source: string | string[], options?: SourceOptions) =>
  images(source, options).then(
    () => assert.unreachable('nothing was thrown') as never,
    (error) => {
      assert.instance(error, FaceNetError)
      return error as FaceNetError
    },
  )

test('a .txt list: a path a line from its folder on; what is missing is a failure that names the line', async () => {
  const list = '\ufeffa.jpg\r\n\r\nsub/b.png\nmissing.jpg\n# is a name.jpg\nsub\nx.tar'
  const tar = tarOf({ 'in.jpg': { kind: '0', data: jpeg as unknown as string } })
  await write({ 'a.jpg': jpeg, 'sub/b.png': png, '# is a name.jpg': jpeg, 'x.tar': tar, 'list.txt': list })
  const { good, bad } = await readAll(join(folder, 'list.txt'))
  assert.equal(good, ['a.jpg', 'sub/b.png', '# is a name.jpg', 'sub/b.png', 'x.tar/in.jpg'])
  assert.is(bad.length, 1)
  assert.match(bad[0]!, /^missing\.jpg: Cannot read .*missing\.jpg, which .*list\.txt:4 names: ENOENT/)
})

test('a .csv list: the column is found by its name or named, the others are metadata', async () => {
  const csv = 'id,Image,note\n1,a.jpg,"one, with\na break"\n2,sub/b.png,\n'
  await write({ 'a.jpg': jpeg, 'sub/b.png': png, 'l.csv': csv, 'semi.csv': csv.replaceAll(',', ';') })
  await write({ 'l.tsv': 'what\tfile\nx,y\ta.jpg\n', 'other.csv': 'where,__proto__\na.jpg,5\n' })
  const found = await images(join(folder, 'l.csv'))
  assert.equal(
    found.map(({ path, metadata }) => [relative(folder, path), metadata]),
    [
      ['a.jpg', { id: '1', note: 'one, with\na break' }],
      ['sub/b.png', { id: '2', note: '' }],
    ],
  )
  assert.equal((await images(join(folder, 'semi.csv')))[0]!.metadata, { id: '1', note: 'one; with\na break' })
  assert.equal((await images(join(folder, 'l.tsv')))[0]!.metadata, { what: 'x,y' })
  const [named] = await images(join(folder, 'other.csv'), { pathColumn: 'where' })
  assert.equal(Object.entries(named!.metadata!), [['__proto__', '5']])
  const error = await failure(join(folder, 'other.csv'))
  assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.match(
    error.message,
    /a column of paths, one of path, file.*received the columns "where", "__proto__".*--path-column/,
  )
})

test('a .csv list that is malformed: each bad row is a failure with its line', async () => {
  await write({ 'a.jpg': jpeg, 'l.csv': 'path,n\na.jpg,1\n,2\na.jpg,3,4\na.jpg,5\n', 'empty.csv': '' })
  const { good, bad } = await readAll(join(folder, 'l.csv'))
  assert.equal(good, ['a.jpg', 'a.jpg'])
  assert.is(bad.length, 2)
  assert.match(bad[0]!, /^l\.csv:3: Expected a path for .*l\.csv:3 but received an empty cell/)
  assert.match(bad[1]!, /^l\.csv:4: Expected a path for .*Invalid Record Length: expect 2, got 3 on line 4/)
  await write({ 'twice.csv': 'path,path\na.jpg,b\n', 'quote.csv': `path\na.jpg\n"${'a'.repeat(2 ** 21)}` })
  assert.match((await failure(join(folder, 'twice.csv'))).message, /columns of different names.*"path" twice/)
  assert.match((await failure(join(folder, 'empty.csv'))).message, /an empty file/)
  const quote = await readAll(join(folder, 'quote.csv'))
  assert.equal(quote.good, ['a.jpg'])
  assert.match(quote.bad.join(), /^quote\.csv:\d+: .*Max Record Size/i)
})

const parquet = (rows: (string | null)[], codec: 'SNAPPY' | 'GZIP' | 'UNCOMPRESSED' = 'SNAPPY') =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'image_path', data: rows, type: 'STRING', nullable: true },
        { name: 'big', data: rows.map((_, i) => BigInt(i)), type: 'INT64' },
        { name: 'age', data: rows.map((_, i) => i / 2), type: 'DOUBLE' },
      ],
      rowGroupSize: 2,
      codec,
      ...(codec === 'GZIP' && { compressors: { GZIP: (bytes: Uint8Array) => gzipSync(bytes) } }),
    }),
  )

test('a .parquet list: row group by row group, other columns as JSON can say them', async () => {
  await write({ 'a.jpg': jpeg, 'b.jpg': jpeg })
  for (const codec of ['SNAPPY', 'GZIP', 'UNCOMPRESSED'] as const) {
    await write({ 'l.parquet': parquet(['a.jpg', 'b.jpg', null, 'none.jpg', 'a.jpg'], codec) })
    const found = await images(join(folder, 'l.parquet'))
    assert.equal(
      found.map(({ path, metadata, error }) => [relative(folder, path), metadata, error !== undefined]),
      [
        ['a.jpg', { big: 0, age: 0 }, false],
        ['b.jpg', { big: 1, age: 0.5 }, false],
        ['l.parquet, row 3', undefined, true],
        ['none.jpg', undefined, true],
        ['a.jpg', { big: 4, age: 2 }, false],
      ],
    )
  }
  assert.match(
    (await failure(join(folder, 'l.parquet'), { pathColumn: 'age2' })).message,
    /"age2".*"image_path", "big"/,
  )
})

test('a damaged .parquet list is a failure, and the process goes on', async () => {
  const whole = parquet(Array.from({ length: 40 }, (_, i) => `${i}.jpg`))
  await write({ 'a.jpg': jpeg })
  let failures = 0
  for (let cut = 0; cut < whole.length; cut += 41) {
    const damaged = Buffer.from(whole)
    damaged[cut] = damaged[cut]! ^ 0xff
    const name = `${cut}.parquet`
    await write({ [name]: damaged })
    const found = await readAll([join(folder, name), join(folder, 'a.jpg')]).catch((error) => {
      assert.instance(error, FaceNetError)
      return undefined
    })
    if (found) assert.is(found.good.at(-1), 'a.jpg')
    failures += found?.bad.every((line) => !/Parquet/.test(line)) ? 0 : 1
  }
  assert.ok(failures > 0)
})

test('globs: files that match, sorted, archives too; links to folders are not followed into circles', async () => {
  const tar = tarOf({ 'in.jpg': { kind: '0', data: jpeg as unknown as string } })
  await write({ 'p/2.jpg': jpeg, 'p/10.jpg': jpeg, 'p/x/3.jpg': jpeg, 'p/.h/4.jpg': jpeg, 'p/.5.jpg': jpeg })
  await write({ 'p/note.txt': 'text', 's/s-008.tar': tar, 's/s-010.tar': tar, 's/s-012.tar': tar, 'a[1].jpg': jpeg })
  await symlink('..', join(folder, 'p/x/up'))
  const glob = async (pattern: string, options?: SourceOptions) => readAll(join(folder, pattern), options)
  assert.equal((await glob('p/*.jpg')).good, ['p/10.jpg', 'p/2.jpg'])
  const deep = await glob('p/**/*.jpg')
  assert.equal(deep.good, ['p/10.jpg', 'p/2.jpg', 'p/x/3.jpg'])
  assert.equal(deep.left, ['.h/ p/.h', 'link to a folder p/x/up'])
  assert.equal((await glob('p/.*.jpg')).good, ['p/.5.jpg'])
  assert.equal((await glob('s/s-{008..011}.tar')).good, ['s/s-008.tar/in.jpg', 's/s-010.tar/in.jpg'])
  const all = await glob('p/*', { exclude: ['10*'] })
  assert.equal(all.good, ['p/2.jpg'])
  assert.equal(all.left, ['excluded p/10.jpg', '.txt p/note.txt'])
  assert.equal((await glob('a[1].jpg')).good, ['a[1].jpg'], 'a file of that name')
  for (const pattern of ['p/*.gif', 'none/*.jpg']) {
    const error = await failure([join(folder, 'p/2.jpg'), join(folder, pattern)]).catch(() => undefined)
    if (pattern === 'p/*.gif') assert.match(error!.message, /a pattern that files match.*none matches/)
  }
})

test('standard input: lines, or zero bytes, whatever pieces it comes in', async () => {
  const odd = 'with\nbreak.jpg'
  await write({ 'a.jpg': jpeg, [odd]: jpeg, 'é.jpg': jpeg })
  const at = (name: string) => join(folder, name)
  const given = async (text: string | Buffer, piece: number) => {
    const bytes = Buffer.from(text)
    const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) =>
      bytes.subarray(i * piece, (i + 1) * piece),
    )
    return readAll('-', { stdin: Readable.from(pieces) })
  }
  for (const piece of [1, 5, 1000]) {
    assert.equal((await given(`${at('a.jpg')}\r\n${at('é.jpg')}`, piece)).good, ['a.jpg', 'é.jpg'])
    assert.equal((await given(`${at('a.jpg')}\0${at(odd)}\0`, piece)).good, ['a.jpg', odd])
  }
  const misread = await given(
    Buffer.concat([Buffer.from(at('\xff.jpg'), 'latin1'), Buffer.from(`\n${at('a.jpg')}\n`)]),
    9,
  )
  assert.equal(misread.good, ['a.jpg'])
  assert.match(misread.bad.join(), /a name in UTF-8/)
  assert.match((await failure('-', { stdin: Readable.from([jpeg]) })).message, /a list of paths.*an image \(JPEG\)/)
  assert.match(
    (await failure('-', { stdin: Readable.from([Buffer.alloc(70_000, 'a')]) })).message,
    /at most 65536 bytes/,
  )
  assert.is((await failure('-')).code, 'ERR_FACENET_IO', 'without it, a file of that name')
})

test('a folder that holds a link to itself ends', async () => {
  await write({ 'in/a.jpg': jpeg })
  await symlink('.', join(folder, 'in/self'))
  await symlink(join(folder, 'in/loop'), join(folder, 'in/loop'))
  await writeFile(join(folder, 'list.txt'), 'in\nin/loop\n')
  const found = await readAll(join(folder, 'list.txt'))
  assert.equal(found.good, ['in/a.jpg'])
  assert.ok(found.left.includes('link to a folder in/self'))
  assert.match(found.bad.join(), /in\/loop.*ELOOP/)
})

test.run()
