import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { load } from 'npyjs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concatenateRows } from '../../lib/embeddings/concatenate_rows.js'
import { FaceNetError } from '../../lib/errors.js'
import { type EmbeddingRow, openOutput } from '../../lib/files/outputs/index.js'
import { readStored } from '../../lib/files/outputs/stored.js'
import { seeded } from '../support/random.js'

const options = { dimensions: 5, fingerprint: 'f1ng3r' }
const names = ['out.npy', 'out.jsonl', 'out.parquet']

let folder = ''
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-outputs-'))
})
test.after.each(() => rm(folder, { recursive: true, force: true }))

/** Values of every size, so that each bit of a float32 matters; paths that need escaping. */
function rowsOf(count: number): EmbeddingRow[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `folder/${i} "quoted", é\n.jpg`,
    embedding: Float32Array.from({ length: 5 }, (_, j) => Math.sin(i * 5 + j + 1) * 10 ** ((i % 7) - 3)),
  }))
}

async function write(name: string, rows: EmbeddingRow[], at = 700): Promise<string> {
  const path = join(folder, name)
  const output = await openOutput(path, options)
  for (let i = 0; i < rows.length; i += at) await output.write(rows.slice(i, i + at))
  await output.close()
  return path
}

async function failure(action: Promise<unknown>): Promise<FaceNetError> {
  try {
    await action
  } catch (error) {
    assert.instance(error, FaceNetError)
    return error as FaceNetError
  }
  return assert.unreachable('nothing was thrown') as never
}

/** What a reader of each format gives back. */
const readers: Record<string, (path: string) => Promise<{ rows: EmbeddingRow[]; fingerprint: string }>> = {
  'out.npy': async (path) => {
    const bytes = await readFile(path)
    const array = await load(new Uint8Array(bytes).buffer)
    const { fingerprint, dimensions, paths } = JSON.parse(await readFile(`${path}.json`, 'utf8'))
    assert.is(dimensions, 5)
    assert.equal(array.shape, [paths.length, 5])
    assert.is(array.dtype, 'f4')
    const data = array.data as Float32Array
    return {
      fingerprint,
      rows: paths.map((p: string, i: number) => ({ path: p, embedding: data.slice(i * 5, i * 5 + 5) })),
    }
  },
  'out.jsonl': async (path) => {
    const lines = (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
    for (const line of lines) assert.equal(Object.keys(line), ['path', 'embedding', 'fingerprint'])
    return {
      fingerprint: lines[0]?.fingerprint ?? options.fingerprint,
      rows: lines.map((line) => ({ path: line.path, embedding: Float32Array.from(line.embedding) })),
    }
  },
  'out.parquet': async (path) => {
    const file = await asyncBufferFromFile(path)
    const metadata = await parquetMetadataAsync(file)
    const pairs = Object.fromEntries(metadata.key_value_metadata!.map(({ key, value }) => [key, value]))
    assert.is(pairs.dimensions, '5')
    assert.equal(metadata.schema.filter((s) => s.type === 'FLOAT').length, 1)
    const rows = (await parquetReadObjects({ file })) as { path: string; embedding: number[] }[]
    return {
      fingerprint: pairs.fingerprint!,
      rows: rows.map((row) => ({ path: row.path, embedding: Float32Array.from(row.embedding) })),
    }
  },
}

for (const name of names) {
  test(`${name}: what is written is read back, bit for bit`, async () => {
    for (const count of [0, 1, 2500]) {
      const rows = rowsOf(count)
      const back = await readers[name]!(await write(name, rows))
      assert.is(back.fingerprint, options.fingerprint)
      assert.is(back.rows.length, count)
      for (let i = 0; i < count; ++i) {
        assert.is(back.rows[i]!.path, rows[i]!.path)
        assert.equal(back.rows[i]!.embedding, rows[i]!.embedding)
      }
      if (count === 0 && name === 'out.jsonl') continue
      const stored = await readStored(join(folder, name))
      assert.equal([stored.rows, stored.dimensions, stored.fingerprint], [count, 5, options.fingerprint])
      assert.equal(
        stored.paths,
        rows.map(({ path }) => path),
      )
      assert.equal(stored.data, concatenateRows(rows.map(({ embedding }) => embedding)))
    }
  })

  test(`${name}: nothing is there until it is closed, and an abort leaves what was`, async () => {
    const path = join(folder, name)
    await writeFile(path, 'earlier')
    const output = await openOutput(path, options)
    await output.write(rowsOf(3000))
    assert.is(await readFile(path, 'utf8'), 'earlier')
    await output.abort()
    await output.abort()
    assert.equal(await readdir(folder), [name])
    assert.is(await readFile(path, 'utf8'), 'earlier')
    assert.is((await failure(output.write(rowsOf(3000)))).code, 'ERR_FACENET_IO')
  })

  test(`${name}: a write that fails leaves no file`, async () => {
    const handle = await open(join(folder, 'probe'), 'w')
    const prototype = Object.getPrototypeOf(handle)
    await handle.close()
    await rm(join(folder, 'probe'))
    const { write: whole } = prototype
    const output = await openOutput(join(folder, name), options)
    await output.write(rowsOf(10))
    try {
      prototype.write = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
      const error = await failure(output.write(rowsOf(2000)))
      assert.is(error.code, 'ERR_FACENET_IO')
      assert.is(error.received, 'ENOSPC')
      assert.match(error.message, join(folder, name))
    } finally {
      prototype.write = whole
    }
    assert.equal(await readdir(folder), [])
  })

  test(`${name}: a missing folder is named`, async () => {
    const error = await failure(openOutput(join(folder, 'no', name), options))
    assert.is(error.code, 'ERR_FACENET_IO')
    assert.is(error.received, 'ENOENT')
    assert.is(error.argument, join(folder, 'no', name))
  })

  test(`${name}: a target that cannot be replaced leaves nothing beside it`, async () => {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'kept'), '')
    const output = await openOutput(join(folder, name), options)
    await output.write(rowsOf(3))
    assert.is((await failure(output.close())).code, 'ERR_FACENET_IO')
    assert.equal(await readdir(folder), [name])
  })

  test(`${name}: a full disk leaves no half file`, async () => {
    const disk = join(folder, 'disk')
    await mkdir(disk)
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk])
    if (status !== 0) return console.log('skipped: a small disk cannot be mounted here')
    try {
      const output = await openOutput(join(disk, name), options)
      const error = await failure(
        (async () => {
          for (let i = 0; i < 20; ++i) await output.write(rowsOf(1000))
          await output.close()
        })(),
      )
      assert.is(error.code, 'ERR_FACENET_IO')
      assert.is(error.received, 'ENOSPC')
      assert.equal(await readdir(disk), [])
    } finally {
      spawnSync('umount', [disk])
    }
  })

  test(`${name}: an embedding of another length is refused`, async () => {
    const output = await openOutput(join(folder, name), options)
    const error = await failure(output.write([{ path: 'a.jpg', embedding: new Float32Array(4) }]))
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.is(error.expected, '5 values')
    await output.abort()
    assert.not(existsSync(join(folder, name)))
  })
}

test('a .parquet file that is damaged, or of something else, is an error', async () => {
  const path = await write('out.parquet', rowsOf(20))
  const whole = await readFile(path)
  const random = seeded(8)
  for (let i = 0; i < 300; i++) {
    const bytes = Buffer.from(whole)
    for (let flip = 0; flip < 3; flip++) bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255)
    await writeFile(path, i < 50 ? whole.subarray(0, random.integer(0, whole.length - 1)) : bytes)
    // Flipped bits of floats and paths are still floats and paths.
    const error = await readStored(path).then(
      () => undefined,
      (error) => error,
    )
    assert.ok(i < 50 ? error instanceof FaceNetError : !error || error instanceof FaceNetError, String(error))
    if (error) assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
  }
  const { ByteWriter, parquetWrite } = await import('hyparquet-writer')
  const writer = new ByteWriter()
  parquetWrite({ writer, columnData: [{ name: 'path', data: ['a.jpg'] }] })
  await writeFile(path, Buffer.from(writer.getBytes()))
  assert.match((await failure(readStored(path))).message, /fingerprint and dimensions in its metadata/)
})

test('a second rename that fails leaves the two files that were there', async () => {
  const path = await write('out.npy', rowsOf(3))
  const before = await Promise.all([path, `${path}.json`].map((file) => readFile(file)))
  const output = await openOutput(path, options)
  await output.write(rowsOf(5))
  // The rows cannot take the place of a folder; the side file has its name by then.
  await rename(path, join(folder, 'aside'))
  await mkdir(path)
  assert.is((await failure(output.close())).code, 'ERR_FACENET_IO')
  await rm(path, { recursive: true })
  await rename(join(folder, 'aside'), path)
  assert.equal(await Promise.all([path, `${path}.json`].map((file) => readFile(file))), before)
  assert.equal((await readdir(folder)).sort(), ['out.npy', 'out.npy.json'])
  assert.is((await readStored(path)).rows, 3)
})

test('rows beside the paths of other rows are an error, though they are as many', async () => {
  const path = await write('out.npy', rowsOf(3))
  const rows = await readFile(path)
  await write(
    'out.npy',
    rowsOf(3).map((row) => ({ ...row, embedding: row.embedding.map((x) => -x) })),
  )
  await writeFile(path, rows)
  const { message } = await failure(readStored(path))
  assert.match(message, /the rows that .*out\.npy\.json is of .*of one run/)
})

test('of writers to one name at once each leaves what belongs together, and the last one stays', async () => {
  const path = join(folder, 'out.npy')
  const writers = await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const output = await openOutput(path, options)
      await output.write(rowsOf(4).map((row) => ({ path: `writer ${i}`, embedding: row.embedding.fill(i) })))
      return output
    }),
  )
  const check = ({ data, paths }: { data: Float32Array; paths: string[] }) =>
    assert.equal(new Set(paths), new Set([`writer ${data[0]}`]))
  await Promise.all(
    writers.map(async (output) => {
      await output.close()
      // A reader may come between two renames each time it reads.
      const read = await readStored(path).catch((error: FaceNetError) => assert.match(error.message, 'of one run'))
      if (read) check(read)
    }),
  )
  check(await readStored(path))
  assert.equal((await readdir(folder)).sort(), ['out.npy', 'out.npy.json'])
})

test('an unknown ending is refused', async () => {
  const error = await failure(openOutput(join(folder, 'out.csv'), options))
  assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.is(error.argument, 'out')
  assert.match(error.expected!, '.npy, .jsonl, .parquet')
})

test.run()
