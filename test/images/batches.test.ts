import { setTimeout as wait } from 'node:timers/promises'
import sharp from 'sharp'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FaceNetError } from '../../lib/errors.js'
import { type Batch, batches, type SourceImage } from '../../lib/sources/index.js'

/** An 8 x 8 PNG of one grey level. */
const grey = (level: number) =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: { r: level, g: level, b: level } } })
    .png()
    .toBuffer()
const files = await Promise.all(Array.from({ length: 40 }, (_, i) => grey(i)))
const target = { width: 4, height: 4 }
const bytes = 4 * 4 * 3

async function* images(count: number, read = async (i: number): Promise<Uint8Array> => files[i]!) {
  for (let i = 0; i < count; ++i) yield { path: `${i}.png`, read: () => read(i) } satisfies SourceImage
}

async function all(source: AsyncIterable<Batch>): Promise<Batch[]> {
  const list: Batch[] = []
  for await (const item of source) list.push(item)
  return list
}

/** The grey level of each image of a batch, which must be of one level throughout. */
function levels(batch: Batch): number[] {
  assert.is(batch.images.length, batch.count * bytes)
  assert.is(batch.paths.length, batch.count)
  return Array.from({ length: batch.count }, (_, i) => {
    const image = batch.images.subarray(i * bytes, (i + 1) * bytes)
    assert.ok(image.every((value) => value === image[0]))
    return image[0]!
  })
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('images come in order, whole batches and a rest', async () => {
  // Earlier images take longer.
  const slow = async (i: number) => {
    await wait((5 - (i % 6)) * 3)
    return files[i]!
  }
  const list = await all(batches(images(19, slow), target, { batchSize: 8, concurrency: 5 }))
  assert.equal(list.map(levels), [range(0, 8), range(8, 16), range(16, 19)])
  assert.equal(list[2]!.paths, ['16.png', '17.png', '18.png'])
})

test('a source of nothing gives no batch', async () => {
  assert.equal(await all(batches(images(0), target)), [])
})

test('bad images are listed, the others are given', async () => {
  const bad = async (i: number) => {
    if (i % 3 === 1) return Buffer.from('nothing to see')
    if (i === 6) throw new FaceNetError('ERR_FACENET_IO', 'gone')
    if (i === 9) throw new TypeError('a bug')
    return files[i]!
  }
  const list = await all(batches(images(12, bad), target, { batchSize: 3 }))
  assert.equal(list.flatMap(levels), [0, 2, 3, 5, 8, 11])
  const failures = list.flatMap((batch) => batch.failures)
  assert.equal(
    failures.map(({ path, error }) => `${path} ${error.code}`),
    [
      '1.png ERR_FACENET_IMAGE_INVALID',
      '4.png ERR_FACENET_IMAGE_INVALID',
      '6.png ERR_FACENET_IO',
      '7.png ERR_FACENET_IMAGE_INVALID',
      '9.png ERR_FACENET_INTERNAL',
      '10.png ERR_FACENET_IMAGE_INVALID',
    ],
  )
  assert.is(failures[0]!.error.argument, '1.png')
})

test('a run of failures alone still reports them', async () => {
  const [batch, ...rest] = await all(
    batches(
      images(5, async () => new Uint8Array(0)),
      target,
      { batchSize: 2 },
    ),
  )
  assert.is(rest.length, 0)
  assert.is(batch!.count, 0)
  assert.is(batch!.failures.length, 5)
})

test('a missing alignment is a failure of its image', async () => {
  const list = await all(batches(images(2), { ...target, align: 'points', template: 'dlib' }))
  assert.equal(
    list[0]!.failures.map(({ error }) => error.argument),
    ['0.png', '1.png'],
  )
})

test('no more is read at a time, and no more ahead, than asked for', async () => {
  let [running, most, begun] = [0, 0, 0]
  const counted = async (i: number) => {
    most = Math.max(most, ++running)
    ++begun
    await wait(2)
    --running
    return files[i]!
  }
  const options = { batchSize: 4, concurrency: 3, maxInFlight: 2 }
  let taken = 0
  for await (const batch of batches(images(40, counted), target, options)) {
    taken += batch.count
    await wait(30)
    assert.ok(begun <= taken + 8, `${begun} begun after ${taken} were taken`)
    assert.ok(taken === 40 || begun > taken, 'nothing is read while a batch is used')
  }
  assert.is(taken, 40)
  assert.is(most, 3)
})

test('an abort ends it, and nothing runs on', async () => {
  const control = new AbortController()
  let running = 0
  const slow = async (i: number) => {
    ++running
    await wait(10)
    --running
    return files[i]!
  }
  let seen = 0
  try {
    for await (const batch of batches(images(40, slow), target, { batchSize: 2, signal: control.signal })) {
      seen += batch.count
      control.abort(new Error('enough'))
    }
    assert.unreachable('ran to the end')
  } catch (error) {
    assert.is((error as FaceNetError).code, 'ERR_FACENET_ABORTED')
    assert.is(((error as FaceNetError).cause as Error).message, 'enough')
  }
  assert.is(seen, 2)
  assert.is(running, 0)
})

test('leaving early closes the source', async () => {
  let closed = false
  async function* watched() {
    try {
      yield* images(40)
    } finally {
      closed = true
    }
  }
  for await (const batch of batches(watched(), target, { batchSize: 4 })) {
    assert.is(batch.count, 4)
    break
  }
  assert.ok(closed)
})

test('a failing source ends it', async () => {
  async function* broken() {
    yield* images(3)
    throw new FaceNetError('ERR_FACENET_IO', 'the archive ends here')
  }
  try {
    await all(batches(broken(), target, { batchSize: 2 }))
    assert.unreachable()
  } catch (error) {
    assert.is((error as Error).message, 'the archive ends here')
  }
})

test('options are checked', async () => {
  for (const name of ['batchSize', 'concurrency', 'maxInFlight']) {
    try {
      await all(batches(images(1), target, { [name]: 0 }))
      assert.unreachable(name)
    } catch (error) {
      assert.is((error as FaceNetError).argument, name)
    }
  }
})

test.run()
