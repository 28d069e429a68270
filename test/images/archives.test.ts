import { open, readFile, truncate } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openSource } from '../../lib/sources/index.js'
import { folder, inFolders, jpeg, readAll, write } from './read_all.js'
import { tarHeader, tarOf } from './tar_writer.js'
import { zipOf } from './zip_writer.js'

inFolders()

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

test.run()
