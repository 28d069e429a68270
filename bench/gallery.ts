/**
 * A gallery of a million rows of 128: how long it takes to make, to open, and to search the first and the second time, what it weighs
 * on the disk and in memory, and what one added face costs then.
 *
 *     node --expose-gc --import tsx bench/gallery.ts [rows]
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openGallery } from '../lib/index.js'
import { mulberry32 } from '../lib/training/random.js'

const rows = Number(process.argv[2] ?? 1_000_000)
const dimensions = 128
const model = { fingerprint: 'f'.repeat(64), dimensions }
const [each, queries] = [10_000, 10]

const random = mulberry32(1)
function unitRows(n: number): Float32Array {
  const data = Float32Array.from({ length: n * dimensions }, () => random() - 0.5)
  for (let i = 0; i < n; i++) {
    const row = data.subarray(i * dimensions, (i + 1) * dimensions)
    const length = Math.hypot(...row)
    for (let j = 0; j < dimensions; j++) row[j]! /= length
  }
  return data
}
async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const result = await work()
  console.log(`| ${what} | ${((performance.now() - start) / 1000).toFixed(3)} s |`)
  return result
}

const folder = await mkdtemp(join(tmpdir(), 'facenet-gallery-'))
const path = join(folder, 'g.db')
try {
  console.log(`${rows} rows of ${dimensions}\n\n| what | figure |\n|---|---|`)
  let writing = 0
  {
    await using gallery = await openGallery(path, { model })
    for (let from = 0; from < rows; from += each) {
      const n = Math.min(each, rows - from)
      const data = unitRows(n)
      const paths = Array.from({ length: n }, (_, i) => `/photographs/album/${from + i}.jpg#xywh=120,80,64,64`)
      const start = performance.now()
      await gallery.addMany({ ...model, data, rows: n, paths })
      writing += performance.now() - start
    }
  }
  console.log(`| adding all, ${each} a call | ${(writing / 1000).toFixed(1)} s |`)
  console.log(`| file | ${((await stat(path)).size / 2 ** 20).toFixed(0)} MiB |`)
  const memory = () => process.memoryUsage().rss / 2 ** 20
  globalThis.gc?.()
  const before = memory()
  await using gallery = await timed('openGallery', () => openGallery(path))
  const asked = unitRows(queries)
  const row = (i: number) => asked.subarray(i * dimensions, (i + 1) * dimensions)
  await timed('first search, which reads all rows', () => gallery.search(row(0), { k: 10 }))
  await timed('second search', () => gallery.search(row(1), { k: 10 }))
  await timed(`${queries} searches in one call`, () => gallery.searchMany(asked, { k: 10 }))
  console.log(`| memory beside what the process had | ${(memory() - before).toFixed(0)} MiB |`)
  await timed('adding one face', () => gallery.add({ embedding: row(2) }))
  await timed('the search after it', () => gallery.search(row(2), { k: 10 }))
  await timed('counts', () => gallery.counts())
} finally {
  await rm(folder, { recursive: true })
}
