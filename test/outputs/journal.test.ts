/** Runs that were ended go on: no row twice, none missing, wherever the journal was cut. */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { FaceNetError } from '../../lib/errors.js'
import { type FinishedImage, Journal, type JournalHeader } from '../../lib/files/outputs/journal.js'
import { readStored } from '../../lib/files/outputs/stored.js'
import { owner } from '../../lib/files/owner.js'
import { notYetDone, ofShard } from '../../lib/sources/shard.js'
import { seeded } from '../support/random.js'

const header: JournalHeader = {
  dimensions: 4,
  fingerprint: 'f00d',
  preparation: { align: 'none', flip: false, decode: 1 },
}
const random = seeded(3)
const row = (path: string) => ({ path, embedding: Float32Array.from({ length: 4 }, () => random.normal()) })
/** Names that lines and JSON have trouble with; one image with several faces, two of one name, one without a face. */
const names = ['a.jpg', 'new\nline.jpg', 'b\u2028c.jpg', 'twice.jpg', '"quoted".jpg', 'twice.jpg', 'é.jpg', 'last.jpg']
const images: FinishedImage[] = names.map((image, i) => {
  if (i === 4) return { image, missing: 'Expected a face' }
  return { image, rows: i === 2 ? [row(`${image}#0`), row(`${image}#1`)] : [row(image)] }
})

async function within(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'facenet-journal-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What a run does: the images that no run has done before. */
async function run(out: string, stopAfter = Infinity): Promise<Journal> {
  const journal = await Journal.open(out, header)
  const byImage = new Map<string, FinishedImage[]>()
  for (const image of images) byImage.set(image.image, [...(byImage.get(image.image) ?? []), image])
  // Two images of one name are told apart by their order.
  for (const [name, times] of journal.done) byImage.get(name)!.splice(0, times)
  async function* source() {
    for (const path of names) yield { path, read: async () => new Uint8Array() }
  }
  for await (const { path } of notYetDone(source(), journal.done)) {
    if (stopAfter-- === 0) break
    await journal.add([byImage.get(path)!.shift()!])
  }
  return journal
}

const expected = images.flatMap(({ rows = [] }) => rows)

async function checkWhole(out: string, what: string): Promise<void> {
  const { paths, data } = await readStored(out)
  assert.equal(
    paths,
    expected.map(({ path }) => path),
    what,
  )
  assert.equal(data, Float32Array.from(expected.flatMap(({ embedding }) => [...embedding])), what)
}

test('a journal that is cut anywhere is gone on with to the same file', async () => {
  await within(async (folder) => {
    const out = join(folder, 'x.npy')
    const partial = `${out}.partial`
    await (await run(out)).close()
    const whole = await readFile(partial)
    for (let cut = 0; cut <= whole.length; cut += 23) {
      await writeFile(partial, whole.subarray(0, cut))
      const journal = await run(out)
      await journal.finish()
      await journal.close()
      await checkWhole(out, `cut at ${cut}`)
      assert.equal((await readdir(folder)).sort(), ['x.npy', 'x.npy.json'])
    }
  })
})

test('a run goes on many times, and is the same in every format', async () => {
  await within(async (folder) => {
    for (const format of ['npy', 'jsonl']) {
      const out = join(folder, `x.${format}`)
      for (let i = 0; i < 5; i++) await (await run(out, 1)).close()
      const last = await run(out)
      assert.equal(last.before, { images: 4, rows: 5, missing: [{ path: '"quoted".jpg', error: 'Expected a face' }] })
      await last.finish()
      await last.close()
      await checkWhole(out, format)
      if (format === 'jsonl')
        assert.match(await readFile(out, 'utf8'), /\{"path":"\\"quoted\\".jpg","error":"Expected a face"\}/)
    }
  })
})

test('a run of another model, preparation or shard does not go on with it', async () => {
  await within(async (folder) => {
    const out = join(folder, 'x.npy')
    await (await run(out, 2)).close()
    const others: [Partial<JournalHeader>, RegExp][] = [
      [
        { fingerprint: 'beef' },
        /a run with fingerprint "beef" to go on with for .*x\.npy\.partial but received fingerprint "f00d"/,
      ],
      [{ shard: '2/3' }, /shard "2\/3" .* received shard none: remove it to begin anew/],
      [{ preparation: { align: 'center', flip: false, decode: 1 } }, /preparation/],
    ]
    for (const [other, message] of others) {
      const error = await Journal.open(out, { ...header, ...other }).catch((error: FaceNetError) => error)
      assert.match((error as FaceNetError).message, message)
    }
    const same = await run(out)
    assert.is(same.before.images, 2)
    await same.close()
  })
})

test('two runs do not write one file, and a run that was killed does not keep others from it', async () => {
  await within(async (folder) => {
    const out = join(folder, 'x.npy')
    const first = await run(out, 1)
    const error = await Journal.open(out, header).catch((error: FaceNetError) => error)
    assert.match((error as FaceNetError).message, /partial\.lock: this process has it/)
    await first.close()
    // No process has this number.
    await writeFile(`${out}.partial.lock`, `${owner.replace(/-\d+-\d+$/, '-4194399-1')} left`)
    await (await run(out, 1)).close()
    await writeFile(`${out}.partial.lock`, '00000000-1-1 left')
    const elsewhere = await Journal.open(out, header).catch((error: FaceNetError) => error)
    assert.is((elsewhere as FaceNetError).code, 'ERR_FACENET_IO')
    assert.match((elsewhere as FaceNetError).message, /a process of another machine or container has it/)
  })
})

test('a journal whose last line is cut short keeps the lines before it', async () => {
  await within(async (folder) => {
    const out = join(folder, 'x.npy')
    await (await run(out, 3)).close()
    const { length } = await readFile(`${out}.partial`)
    await truncate(`${out}.partial`, length - 1)
    const journal = await Journal.open(out, header)
    assert.is(journal.before.images, 2)
    await journal.close()
  })
})

test('the shards of a source have every image once', async () => {
  async function* source(count: number) {
    for (let i = 0; i < count; i++) yield { path: `${i}`, read: async () => new Uint8Array() }
  }
  for (const count of [0, 1, 7, 30]) {
    for (const parts of [1, 2, 3, 10]) {
      const all: string[] = []
      for (let index = 1; index <= parts; index++) {
        for await (const { path } of ofShard(source(count), { index, count: parts })) all.push(path)
      }
      assert.equal(
        all.map(Number).sort((a, b) => a - b),
        Array.from({ length: count }, (_, i) => i),
      )
    }
  }
})

test.run()
