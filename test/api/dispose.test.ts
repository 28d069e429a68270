import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openModel } from '../../lib/index.js'
import { inMemory, openSmall, pixels, rejection } from './support.js'

test('a disposed model refuses work, and may be disposed of again', async () => {
  const model = await openSmall()
  model.dispose()
  model.dispose()
  assert.is(model.disposed, true)
  const error = await rejection(model.embed(pixels(model, 1)))
  assert.is(error.code, 'ERR_FACENET_DISPOSED')
  assert.match(error.message, /an open model for model but received a disposed one/)
  assert.throws(() => model.embedStream([]), /an open model/)
  assert.throws(() => model.plan, /an open model/)
  assert.is(model.memoryBytes, 0)
})

test('work under way finishes first', async () => {
  const model = await openSmall()
  const images = pixels(model, 16)
  const expected = await model.embed(images)
  const calls = [model.embed(images), model.embed(images)]
  model.dispose()
  for (const embeddings of await Promise.all(calls)) assert.equal(embeddings, expected)
})

test('Symbol.dispose and Symbol.asyncDispose close the model', async () => {
  const a = await openSmall()
  a[Symbol.dispose]()
  assert.is(a.disposed, true)
  const b = await openSmall()
  const embedding = b.embed(pixels(b, 4))
  await b[Symbol.asyncDispose]()
  assert.is(b.disposed, true)
  assert.is((await embedding).length, 4 * b.dimensions)
})

test('close resolves when work under way has ended and everything is freed, however often it is called', async () => {
  const model = await openSmall()
  const embedding = model.embed(pixels(model, 4))
  const closing = model.close()
  assert.is(model.close(), closing)
  await closing
  assert.is(model.memoryBytes, 0)
  assert.is((await embedding).length, 4 * model.dimensions)
})

test('twenty rounds of opening and closing do not grow memory', async () => {
  const memory = inMemory()
  const round = async () => {
    const model = await openModel(memory)
    await model.embed(pixels(model, 8))
    model.dispose()
  }
  for (let i = 0; i < 5; i++) await round()
  const before = process.memoryUsage().rss
  for (let i = 0; i < 20; i++) await round()
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  // A round holds more than 30 MiB outside the collector's reach (weights copied and prepared, arenas): a leak of any of
  // them shows as hundreds of MiB.
  assert.ok(grown < 100, `grown by ${grown.toFixed(0)} MiB`)
})

test.run()
