/** Clusters against the plain loops, and with answers that can be checked on paper. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addToClusters, clusterEmbeddings, linkages } from '../../lib/index.js'
import { rejection } from '../api/support.js'
import { turns } from '../support/aborting.js'
import { faces, numbered, random } from './support.js'
import type { Task } from './worker.js'

const script = new URL('./worker.ts', import.meta.url)
const startWorker = () =>
  new Worker(`import('tsx/esm/api').then(({ register }) => { register(); return import('${script}') })`, { eval: true })

const line = Float32Array.of(0, 1, 3, 10, 11)

test('five points on a line, by hand', async () => {
  const by = (linkage: (typeof linkages)[number], threshold: number) =>
    clusterEmbeddings(line, { dimensions: 1, threshold, linkage }).then((labels) => [...labels])
  // Squared: 0-1 and 10-11 are 1 apart, 1-3 4, 0-3 9, so {0, 1} and 3 are 4, 9 or 6.5 apart.
  for (const linkage of linkages)
    assert.equal(await by(linkage, 1), [0, 1, 2, 3, 4], 'the threshold is not below itself')
  for (const linkage of linkages) assert.equal(await by(linkage, 1.5), [0, 0, 1, 2, 2])
  assert.equal(await by('single', 4.5), [0, 0, 0, 1, 1])
  assert.equal(await by('average', 6.5), [0, 0, 1, 2, 2])
  assert.equal(await by('average', 6.6), [0, 0, 0, 1, 1])
  assert.equal(await by('complete', 9), [0, 0, 1, 2, 2])
  assert.equal(await by('complete', 9.1), [0, 0, 0, 1, 1])
  for (const linkage of linkages) assert.equal(await by(linkage, 1000), [0, 0, 0, 0, 0])
})

for (const linkage of linkages) {
  test(`${linkage}: the same as the plain loops`, async () => {
    for (const [rows, people, dimensions, spread] of [
      [1, 1, 3, 0.5],
      [2, 1, 128, 0.5],
      [150, 20, 5, 0.4],
      [301, 40, 128, 0.7],
      [300, 1, 17, 1],
      [260, 260, 33, 1],
    ] as const) {
      const embeddings = faces(rows, people, dimensions, spread, rows)
      for (const threshold of [0, 0.1, 0.5, 0.9, 1.3, 1.8, 5]) {
        const options = { dimensions, threshold, linkage }
        const expected = await clusterEmbeddings(embeddings, { ...options, device: 'reference' })
        for (const threads of [1, 3]) {
          const labels = await clusterEmbeddings(embeddings, { ...options, device: 'cpu', threads })
          assert.equal(labels, expected, `${rows} x ${dimensions} below ${threshold}`)
        }
      }
    }
  })

  test(`${linkage}: ties are broken as the plain loops break them`, async () => {
    const next = random(7)
    for (let round = 0; round < 30; round++) {
      // Corners of a small grid: many equal rows and equal distances.
      const embeddings = Float32Array.from({ length: 40 * 2 }, () => Math.floor(next() * 4))
      for (const threshold of linkage === 'average' ? [0.5, 1, 1.25] : [0.5, 1.5, 2.5, 5]) {
        const options = { dimensions: 2, threshold, linkage }
        const expected = await clusterEmbeddings(embeddings, { ...options, device: 'reference' })
        assert.equal(await clusterEmbeddings(embeddings, { ...options, device: 'cpu' }), expected)
      }
    }
  })

  test(`${linkage}: adding is what the plain loops say, and keeps labels`, async () => {
    const dimensions = 16
    const all = faces(300, 30, dimensions, 0.6, 11)
    const [existing, added] = [all.slice(0, 200 * dimensions), all.slice(200 * dimensions)]
    for (const threshold of [0.3, 0.6, 1]) {
      const options = { dimensions, threshold, linkage }
      const labels = (await clusterEmbeddings(existing, options)).map((label) => label * 3 + 5)
      const expected = await addToClusters(existing, labels, added, { ...options, device: 'reference' })
      const both = await addToClusters(existing, labels, added, { ...options, device: 'cpu' })
      assert.equal(both, expected)
      if (linkage !== 'single') assert.equal(both.slice(0, 200), labels)
      assert.ok(
        both.slice(200).some((label) => labels.includes(label)),
        'some new faces belong to known people',
      )
    }
  })
}

test('adding to single linkage is clustering all at once', async () => {
  const all = faces(300, 30, 16, 0.6, 12)
  const options = { dimensions: 16, threshold: 0.5, linkage: 'single' } as const
  const labels = await clusterEmbeddings(all.slice(0, 150 * 16), options)
  const both = await addToClusters(all.slice(0, 150 * 16), labels, all.slice(150 * 16), options)
  assert.equal(numbered(both), [...(await clusterEmbeddings(all, options))])
})

test('many equal rows are one cluster', async () => {
  const embeddings = new Float32Array(5000 * 8).fill(0.25)
  for (const linkage of linkages) {
    const labels = await clusterEmbeddings(embeddings, { dimensions: 8, threshold: 0.1, linkage })
    assert.equal(new Set(labels).size, 1)
  }
})

test('bad input', async () => {
  const options = { dimensions: 2, threshold: 1 }
  const wrong = async (promise: Promise<unknown>, words: RegExp) => {
    const { name, code, message } = await rejection(promise)
    assert.is(name, 'FaceNetError')
    assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(message, words)
  }
  const four = Float32Array.of(1, 2, 3, 4)
  await wrong(clusterEmbeddings(new Float32Array(0), options), /at least one row for embeddings/)
  await wrong(clusterEmbeddings(four.slice(1), options), /multiple of 2 for embeddings/)
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    for (const device of ['cpu', 'reference'] as const) {
      await wrong(clusterEmbeddings(Float32Array.of(1, 2, bad, 4), { ...options, device }), /finite numbers for row 1/)
    }
  }
  await wrong(clusterEmbeddings(Float32Array.of(1e19, 0), options), /length of at most 1e18 for row 0/)
  await wrong(clusterEmbeddings(four, { ...options, threshold: Number.NaN }), /options.threshold/)
  await wrong(clusterEmbeddings(four, { ...options, threshold: -1 }), /options.threshold/)
  await wrong(clusterEmbeddings(four, { ...options, linkage: 'ward' as 'single' }), /options.linkage/)
  await wrong(clusterEmbeddings(four, { ...options, linkages: 'single' } as never), /options.linkages/)
  await wrong(addToClusters(four, Int32Array.of(0, 1, 2), four, options), /2 labels, one an existing row/)
  await wrong(addToClusters(four, Int32Array.of(0, -1), four, options), /labels\[1\]/)
  await wrong(addToClusters(four, Int32Array.of(0, 0), new Float32Array(0), options), /at least one row for added/)
})

test('complete linkage refuses more pairs than memory is given for', async () => {
  const embeddings = faces(500, 1, 8, 0.1, 1)
  const options = { dimensions: 8, threshold: 4, linkage: 'complete' } as const
  const { code, message } = await rejection(clusterEmbeddings(embeddings, { ...options, memoryBytes: 100_000 }))
  assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
  assert.match(message, /at most 4166 pairs of rows/)
  await clusterEmbeddings(embeddings, { ...options, memoryBytes: 500 * 499 * 12 })
})

test('a signal stops clustering long before one of the same rows is done that began earlier', async () => {
  const embeddings = faces(40_000, 1000, 64, 1, 5)
  for (const linkage of linkages) {
    const options = { dimensions: 64, threshold: 1.7, linkage }
    const worker = startWorker()
    worker.postMessage({ embeddings, options } satisfies Task)
    assert.equal(await once(worker, 'message'), ['begun'])
    const done = once(worker, 'message')
    const controller = new AbortController()
    const running = rejection(clusterEmbeddings(embeddings, { ...options, signal: controller.signal }))
    await turns(1)
    controller.abort()
    const first = await Promise.race([done, running])
    assert.is((first as { code?: string }).code, 'ERR_FACENET_ABORTED', `${linkage}: the other was done first`)
    await worker.terminate()
  }
})

test.run()
