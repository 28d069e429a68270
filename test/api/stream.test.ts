import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { EmbeddedImage, FailedImage, Model, StreamOptions, StreamSource } from '../../lib/index.js'
import { asPngs, openSmall, pixels, rejection, withFolder } from './support.js'

let model: Model
test.before(async () => {
  model = await openSmall()
})
test.after(() => model.dispose())

async function collect(source: StreamSource, options?: StreamOptions): Promise<EmbeddedImage[]> {
  const found: EmbeddedImage[] = []
  for await (const image of model.embedStream(source, options)) found.push(image)
  return found
}

/** 0.png, 1.png ... with the embeddings they must get. */
async function folderOf(count: number) {
  const images = pixels(model, count)
  const pngs = await asPngs(model, images)
  const files = Object.fromEntries(pngs.map((png, i) => [`${String(i).padStart(3, '0')}.png`, png]))
  return { files, expected: await model.embed(images) }
}

function rows(images: EmbeddedImage[]): Float32Array {
  return Float32Array.from(images.flatMap(({ embedding }) => [...embedding]))
}

for (const options of [{}, { batchSize: 4, maxInFlight: 1 }, { batchSize: 1, maxInFlight: 5 }, { batchSize: 1000 }]) {
  test(`a folder comes in order with ${JSON.stringify(options)}`, async () => {
    const { files, expected } = await folderOf(19)
    await withFolder(files, async (folder) => {
      const found = await collect(folder, options)
      assert.equal(
        found.map(({ path }) => path),
        Object.keys(files).map((name) => join(folder, name)),
      )
      assert.equal(rows(found), expected)
    })
  })
}

test('images from anywhere', async () => {
  const { files, expected } = await folderOf(3)
  async function* source() {
    for (const [path, bytes] of Object.entries(files)) yield { path, read: async () => bytes }
  }
  assert.equal(rows(await collect(source())), expected)
  assert.equal(await collect([]), [])
})

test('bad images go to onError, good ones come out, progress counts both', async () => {
  const { files, expected } = await folderOf(6)
  await withFolder({ ...files, '0015.png': 'text', '9.jpg': '' }, async (folder) => {
    const failures: FailedImage[] = []
    const progress: object[] = []
    const found = await collect(folder, {
      batchSize: 2,
      onError: (failure) => failures.push(failure),
      onProgress: (now) => progress.push(now),
    })
    assert.equal(rows(found), expected)
    assert.equal(
      failures.map(({ path }) => path),
      [join(folder, '0015.png'), join(folder, '9.jpg')],
    )
    assert.ok(failures.every(({ error }) => error.code === 'ERR_FACENET_IMAGE_INVALID'))
    assert.equal(progress.at(-1), { done: 6, failed: 2, passedOver: 0 })
  })
})

test('without onError the bad ones are listed after the last good one', async () => {
  const { files, expected } = await folderOf(3)
  await withFolder({ ...files, '1.jpg': 'text' }, async (folder) => {
    const found: EmbeddedImage[] = []
    const error = await rejection(
      (async () => {
        for await (const image of model.embedStream(folder)) found.push(image)
      })(),
    )
    assert.equal(rows(found), expected)
    assert.is(error.code, 'ERR_FACENET_IMAGE_INVALID')
    assert.match(error.message, /^1 of 4 images could not be used:\n.*1\.jpg/)
  })
})

test('leaving the loop early and aborting both end the work', async () => {
  const { files } = await folderOf(12)
  await withFolder(files, async (folder) => {
    for await (const { path } of model.embedStream(folder, { batchSize: 2 })) {
      assert.match(path, /000\.png$/)
      break
    }
    const abort = new AbortController()
    const error = await rejection(
      (async () => {
        for await (const _ of model.embedStream(folder, { batchSize: 2, signal: abort.signal })) abort.abort('enough')
      })(),
    )
    assert.is(error.code, 'ERR_FACENET_ABORTED')
  })
})

test('what is wrong with a call is said at once', () => {
  assert.throws(() => model.embedStream(5 as unknown as string), /a path, an array of paths, or an iterable/)
  assert.throws(() => model.embedStream('x', { batchSize: 0 }), /at least 1 for options\.batchSize but received 0/)
  assert.throws(() => model.embedStream('x', { onError: 1 as never }), /a function for options\.onError/)
  assert.throws(() => model.embedStream('x', { bacth: 1 } as object), /options\.bacth/)
})

test('a missing folder is an error of the whole stream', async () => {
  assert.is((await rejection(collect('no/such/folder'))).code, 'ERR_FACENET_IO')
})

test.run()
