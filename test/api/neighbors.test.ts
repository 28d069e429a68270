/** nearestNeighbors against a sort of all distances. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nearestNeighbors, pairwiseDistances } from '../../lib/index.js'
import { native } from '../../lib/native/addon.js'
import type { DevicePreference } from '../../lib/native/check_arguments.js'
import { hardRows, integers, normals, seeded } from '../support/random.js'
import { rejection } from './support.js'

const devices: DevicePreference[] = [
  'cpu',
  'reference',
  ...(native().info().cuda?.devices.length ? ['cuda' as const] : []),
]

/** Order by distance, then by index. */
function sorted(distances: ArrayLike<number>, k: number): number[] {
  const order = Array.from(distances, (_, i) => i)
  return order.sort((i, j) => distances[i]! - distances[j]! || i - j).slice(0, k)
}

for (const device of devices) {
  for (const [n, m, dimensions, k] of [
    [1, 1, 1, 1],
    [9, 50, 3, 50],
    [17, 2100, 8, 10],
    [40, 1500, 37, 128],
  ] as const) {
    test(`the ${k} nearest of ${m} x ${dimensions} for ${n}, with many ties (${device})`, async () => {
      // Few whole numbers: their distances are exact, and many are equal.
      const random = seeded(n)
      const [queries, gallery] = [integers(n * dimensions, random, -1, 1), integers(m * dimensions, random, -1, 1)]
      const all = await pairwiseDistances(queries, { dimensions, b: gallery, device: 'reference' })
      const found = await nearestNeighbors(queries, gallery, { dimensions, k, device, threads: 2 })
      for (let query = 0; query < n; query++) {
        const row = all.subarray(query * m, (query + 1) * m)
        const expected = sorted(row, k)
        assert.equal([...found.indices.subarray(query * k, (query + 1) * k)], expected)
        assert.equal(
          [...found.distances.subarray(query * k, (query + 1) * k)],
          expected.map((i) => row[i]!),
        )
      }
    })
  }

  test(`the result is that of the reference, bit for bit (${device})`, async () => {
    const random = seeded(5)
    const [queries, gallery] = [normals(21 * 100, random), normals(1300 * 100, random)]
    const of = (options: { device: DevicePreference; threads: number }) =>
      nearestNeighbors(queries, gallery, { dimensions: 100, k: 7, ...options })
    const expected = await of({ device: 'reference', threads: 1 })
    for (const threads of [1, 3]) assert.equal(await of({ device, threads }), expected)
  })

  for (const [what, at, size] of hardRows) {
    test(`rows ${what} are told apart as the reference does (${device})`, async () => {
      const random = seeded(7)
      const of = (count: number) => normals(count * 24, random).map((x) => at + size * x)
      const [queries, gallery] = [of(45), of(900)]
      // Every third row is there twice, the second time far behind the first.
      for (let row = 0; row < 300; row += 3) gallery.copyWithin((row + 500) * 24, row * 24, (row + 1) * 24)
      const options = { dimensions: 24, k: 11 }
      const expected = await nearestNeighbors(queries, gallery, { ...options, device: 'reference' })
      for (const threads of [1, 3]) {
        assert.equal(await nearestNeighbors(queries, gallery, { ...options, device, threads }), expected)
      }
    })
  }

  for (const [what, m, dimensions, row] of [
    ['of sizes from 1e-16 to 1e13', 700, 8, (i: number, x: number) => x * 10 ** ((i % 30) - 16)],
    ['of which some are zeros', 400, 12, (i: number, x: number) => (i % 3 === 0 ? 0 : x)],
    ['that are all on one line', 600, 5, (i: number) => i],
    ['of one dimension', 500, 1, (_: number, x: number) => x],
    ['that are three rows again and again', 3000, 7, (i: number, _: number, k: number) => Math.sin((i % 3) * 7 + k)],
    ['where one lies far out', 300, 16, (i: number, x: number) => (i === 150 ? 1e9 : x)],
    ['as long as the filter takes', 130, 4096, (_: number, x: number) => x],
    ['longer than the filter takes', 130, 4099, (_: number, x: number) => x],
  ] as const) {
    test(`the nearest of rows ${what}, for few and for many queries (${device})`, async () => {
      const random = seeded(m)
      const of = (count: number) =>
        normals(count * dimensions, random).map((x, i) => row(Math.floor(i / dimensions), x, i % dimensions))
      const [queries, gallery] = [of(70), of(m)]
      for (const count of [3, 33, 70]) {
        const some = queries.subarray(0, count * dimensions)
        for (const k of [1, 20]) {
          const options = { dimensions, k, threads: 2 }
          const expected = await nearestNeighbors(some, gallery, { ...options, device: 'reference' })
          assert.equal(await nearestNeighbors(some, gallery, { ...options, device }), expected)
        }
      }
    })
  }

  test(`groups far from each other, a gallery in two parts, and two groups of queries (${device})`, async () => {
    const random = seeded(8)
    const places = [-1e5, 1e5]
    const of = (count: number) => normals(count * 3, random).map((x, i) => places[Math.floor(i / 3) % 2]! + x)
    const [queries, gallery] = [of(1030), of(4200)]
    const options = { dimensions: 3, k: 3 }
    const expected = await nearestNeighbors(queries, gallery, { ...options, device: 'reference' })
    for (const threads of [1, 2]) {
      assert.equal(await nearestNeighbors(queries, gallery, { ...options, device, threads }), expected)
    }
  })

  test(`a row finds itself at distance zero, and no queries find nothing (${device})`, async () => {
    const gallery = normals(30 * 16, seeded(6))
    const { indices, distances } = await nearestNeighbors(gallery, gallery, { dimensions: 16, device })
    assert.equal(
      [...indices],
      Array.from({ length: 30 }, (_, i) => i),
    )
    assert.ok(distances.every((distance) => distance === 0))
    const none = await nearestNeighbors(new Float32Array(0), gallery, { dimensions: 16, k: 3, device })
    assert.is(none.indices.length + none.distances.length, 0)
  })
}

const rows = Float32Array.of(1, 2, 3, 4)
const aborted = new AbortController()
aborted.abort()
const wrong: [string, () => Promise<unknown>, string, RegExp][] = [
  [
    'k of 0',
    () => nearestNeighbors(rows, rows, { dimensions: 2, k: 0 }),
    'INVALID_ARGUMENT',
    /1\.\.128 for options\.k/,
  ],
  [
    'k of 129',
    () => nearestNeighbors(rows, rows, { dimensions: 2, k: 129 }),
    'INVALID_ARGUMENT',
    /1\.\.128 for options\.k/,
  ],
  [
    'more than there are',
    () => nearestNeighbors(rows, rows, { dimensions: 2, k: 3 }),
    'INVALID_ARGUMENT',
    /at most the 2 rows/,
  ],
  [
    'half a row',
    () => nearestNeighbors(rows, rows, { dimensions: 3 }),
    'INVALID_ARGUMENT',
    /a multiple of 3 for queries/,
  ],
  [
    'NaN',
    () => nearestNeighbors(rows, Float32Array.of(1, Number.NaN), { dimensions: 2 }),
    'INVALID_ARGUMENT',
    /gallery but received NaN in row 0/,
  ],
  [
    'an unknown option',
    () => nearestNeighbors(rows, rows, { dimensions: 2, n: 3 } as never),
    'INVALID_ARGUMENT',
    /options/,
  ],
  [
    'an aborted signal',
    () => nearestNeighbors(rows, rows, { dimensions: 2, signal: aborted.signal }),
    'ABORTED',
    /aborted/,
  ],
]
for (const [what, call, code, message] of wrong) {
  test(`${what} is refused`, async () => {
    const error = await rejection(call())
    assert.is(error.code, `ERR_FACENET_${code}`)
    assert.match(error.message, message)
  })
}

test.run()
