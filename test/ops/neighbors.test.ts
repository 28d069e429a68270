/** Exact search on CUDA gives the bits of the reference, which test/api/neighbors.test.ts holds against sorted distances. */
import { test as uvu } from 'uvu'
import * as assert from 'uvu/assert'
import { newCancel } from '../../lib/native/queue.js'
import type { DeviceKind } from '../../types/native.js'
import { addonFor, cudaTest, emulate, isEmulated } from '../support/addons.js'
import { hardRows, integers, normals, seeded } from '../support/random.js'

const test = cudaTest

interface Search {
  queries: Float32Array
  gallery: Float32Array
  dimensions: number
  k: number
}

async function nearest({ queries, gallery, dimensions, k }: Search, device: DeviceKind) {
  const size = (queries.length / dimensions) * k
  const [indices, distances] = [new Int32Array(size), new Float32Array(size)]
  const options = { dimensions, k, threads: 2, device }
  await addonFor(device).findNearest(queries, gallery, options, indices, distances, newCancel())
  return { indices, distances }
}

async function assertSameAsReference(search: Search): Promise<void> {
  assert.equal(await nearest(search, 'cuda'), await nearest(search, 'reference'))
}

for (const [n, m, dimensions, k] of [
  [1, 1, 1, 1],
  [9, 50, 3, 50],
  [17, 700, 8, 10],
  [20, 500, 37, 128],
] as const) {
  test(`the ${k} nearest of ${m} x ${dimensions} for ${n}, with many ties`, async () => {
    // Few whole numbers: many distances are equal.
    const random = seeded(n)
    const [queries, gallery] = [integers(n * dimensions, random, -1, 1), integers(m * dimensions, random, -1, 1)]
    await assertSameAsReference({ queries, gallery, dimensions, k })
  })
}

test('rows of 128 dimensions, in every order of the threads', async () => {
  const random = seeded(5)
  const search = { queries: normals(21 * 128, random), gallery: normals(1300 * 128, random), dimensions: 128, k: 7 }
  try {
    for (const settings of isEmulated ? ['', 'order=reverse', 'order=shuffled seed=5'] : ['']) {
      emulate(settings)
      await assertSameAsReference(search)
    }
  } finally {
    emulate('')
  }
})

for (const [what, at, size] of hardRows) {
  test(`rows ${what} are told apart as the reference does`, async () => {
    const random = seeded(7)
    const of = (count: number) => normals(count * 24, random).map((x) => at + size * x)
    const [queries, gallery] = [of(19), of(600)]
    // Every third row is there twice, the second time far behind the first.
    for (let row = 0; row < 90; row += 3) gallery.copyWithin((row + 500) * 24, row * 24, (row + 1) * 24)
    await assertSameAsReference({ queries, gallery, dimensions: 24, k: 11 })
  })
}

test('rows find themselves at distance zero, and no queries find nothing', async () => {
  const gallery = normals(30 * 16, seeded(6))
  const { indices, distances } = await nearest({ queries: gallery, gallery, dimensions: 16, k: 1 }, 'cuda')
  assert.equal(
    indices,
    Int32Array.from({ length: 30 }, (_, i) => i),
  )
  assert.equal(distances, new Float32Array(30))
  await assertSameAsReference({ queries: new Float32Array(0), gallery, dimensions: 16, k: 3 })
})

uvu.run()
