/** What rows say of their faces, and images without one: the same back from every format. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type EmbeddingRow, openOutput, readStored } from '../../lib/files/index.js'
import { rejection } from '../api/support.js'

const options = { dimensions: 3, fingerprint: 'f1ng3r' }
const formats = ['.npy', '.jsonl', '.parquet']

let folder = ''
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facenet-rows-'))
})
test.after(() => rm(folder, { recursive: true, force: true }))

const points = [1.25, 2, 30.5, 2, 15, 20.125, 5, 30, 25, 30]
const quality = { size: 64.5, sharpness: 31.25, yaw: -3.5, pitch: null, roll: 0, norm: 1 }
const rows: EmbeddingRow[] = [
  {
    path: 'a.jpg#0',
    image: 'a.jpg',
    embedding: Float32Array.of(1, 2, 3),
    face: { box: { x: 10.4, y: 20, width: 64.5, height: 70 }, score: 0.99, points, index: 0 },
    quality: { ...quality, pitch: 4 },
    metadata: { album: 'Summer', n: 3 },
  },
  {
    path: 'a.jpg#1',
    image: 'a.jpg',
    embedding: Float32Array.of(4, 5, 6),
    face: { box: { x: 100, y: 20.6, width: 80, height: 70 }, score: 0.5, points: [], turn: 90, index: 1 },
    quality,
  },
  { path: 'whole.jpg', embedding: Float32Array.of(7, 8, 9) },
]
const missing = [
  { path: 'none.jpg', code: 'ERR_FACENET_FACE_COUNT', error: 'Expected a face' },
  { path: 'bad.jpg', code: 'ERR_FACENET_IMAGE_INVALID', error: 'broken, "quoted"\n' },
]

async function write(ending: string): Promise<string> {
  const path = join(folder, `rows${ending}`)
  const output = await openOutput(path, options)
  await output.write(rows.slice(0, 1))
  await output.writeMissing(missing.slice(0, 1))
  await output.write(rows.slice(1))
  await output.writeMissing(missing.slice(1))
  await output.close()
  return path
}

for (const ending of formats) {
  test(`${ending}: image, key, place, quality and metadata of each row, and images without one`, async () => {
    const stored = await readStored(await write(ending))
    assert.equal(stored.paths, ['a.jpg#0', 'a.jpg#1', 'whole.jpg'])
    assert.equal(stored.data, Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9))
    assert.is(stored.rows, 3)
    const [first, second] = rows as [EmbeddingRow, EmbeddingRow]
    assert.equal(stored.about, [
      {
        image: 'a.jpg',
        key: 'a.jpg#xywh=10,20,65,70',
        face: first.face,
        quality: first.quality,
        metadata: first.metadata,
      },
      { image: 'a.jpg', key: 'a.jpg#xywh=100,21,80,70', face: second.face, quality },
      {},
    ])
    assert.equal(stored.missing, missing)
  })
}

test('a data frame has columns, and a row an image without a face', async () => {
  const file = await asyncBufferFromFile(await write('.parquet'))
  const read = (await parquetReadObjects({ file })) as Record<string, unknown>[]
  assert.equal(
    read.map(({ path, image, face, bx, rex, sharpness, error }) =>
      [path, image, face, bx, rex, sharpness, error].map((value) => value ?? undefined),
    ),
    [
      ['a.jpg#0', 'a.jpg', 0, 10.4, 1.25, 31.25, undefined],
      ['none.jpg', 'none.jpg', undefined, undefined, undefined, undefined, 'Expected a face'],
      ['a.jpg#1', 'a.jpg', 1, 100, undefined, 31.25, undefined],
      ['whole.jpg', undefined, undefined, undefined, undefined, undefined, undefined],
      ['bad.jpg', 'bad.jpg', undefined, undefined, undefined, undefined, 'broken, "quoted"\n'],
    ],
  )
})

test('files without all this are read as well, and wrong facts are refused', async () => {
  const npy = await write('.npy')
  const beside = JSON.parse(await readFile(`${npy}.json`, 'utf8'))
  await writeFile(`${npy}.json`, JSON.stringify({ ...beside, about: undefined, missing: undefined }))
  assert.is((await readStored(npy)).about, undefined)
  for (const about of [
    [{}],
    [{ image: 3 }, {}, {}],
    [{ face: { box: {} } }, {}, {}],
    [{ quality: { size: 'x' } }, {}, {}],
    'x',
  ]) {
    await writeFile(`${npy}.json`, JSON.stringify({ ...beside, about }))
    assert.is((await rejection(readStored(npy))).code, 'ERR_FACENET_INVALID_ARGUMENT')
  }
  const bytes = new ByteWriter()
  const kvMetadata = Object.entries({ fingerprint: 'f', dimensions: '2' }).map(([key, value]) => ({ key, value }))
  const schema = [
    { name: 'root', num_children: 2 },
    { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
    { name: 'embedding', repetition_type: 'REQUIRED', converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
  ] as const
  const parquet = new ParquetWriter({ writer: bytes, schema: [...schema], kvMetadata })
  const columnData = [
    { name: 'path', data: ['a.jpg'], encoding: 'PLAIN' as const },
    { name: 'embedding', data: [[1, 2]], encoding: 'PLAIN' as const, codec: 'UNCOMPRESSED' as const },
  ]
  parquet.write({ columnData, rowGroupSize: 1 })
  parquet.finish()
  const old = join(folder, 'old.parquet')
  await writeFile(old, bytes.getBytes())
  const { paths, data, about } = await readStored(old)
  assert.equal([paths, [...data], about], [['a.jpg'], [1, 2], undefined])
})

test.run()
