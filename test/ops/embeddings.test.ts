/** Row normalisation and pairwise distances: ops on finished embeddings, outside any graph. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { DeviceKind } from '../../types/native.js'
import { addonFor } from '../support/addons.js'
import { largestError, modelDevices } from '../support/ops.js'
import { f32, f64, type Precision, ulp } from '../support/precision.js'
import { integers, normals, seeded } from '../support/random.js'

async function distances(a: Float32Array, b: Float32Array, dimensions: number, device: DeviceKind) {
  const out = new Float32Array((a.length / dimensions) * (b.length / dimensions))
  await addonFor(device).pairwiseDistances(a, b, { dimensions, device, threads: 2 }, out)
  return out
}

async function normalized(x: Float32Array, dimensions: number, device: DeviceKind, epsilon = 1e-12) {
  const out = new Float32Array(x.length)
  await addonFor(device).l2Normalize(x, { dimensions, epsilon, device }, out)
  return out
}

/** Sum of squared differences: the formula, in the given precision. */
function distancesLoop(a: Float32Array, b: Float32Array, dimensions: number, { arithmetic: r }: Precision) {
  const out: number[] = []
  for (let i = 0; i < a.length; i += dimensions) {
    for (let j = 0; j < b.length; j += dimensions) {
      let sum = 0
      for (let d = 0; d < dimensions; d++) sum = r(sum + r(r(a[i + d]! - b[j + d]!) ** 2))
      out.push(sum)
    }
  }
  return out
}

/** Rows of unit length around a few centres, as embeddings of a few people are. */
function embeddings(rows: number, dimensions: number, seed: number): Float32Array {
  const random = seeded(seed)
  const centres = normals(3 * dimensions, random)
  const noise = normals(rows * dimensions, random, 0.3)
  const x = noise.map((value, i) => value + centres[(Math.floor(i / dimensions) % 3) * dimensions + (i % dimensions)]!)
  for (let row = 0; row < x.length; row += dimensions) {
    const norm = Math.hypot(...x.subarray(row, row + dimensions))
    for (let d = 0; d < dimensions; d++) x[row + d]! /= norm
  }
  return x
}

for (const device of modelDevices) {
  for (const [n, m, dimensions] of [
    [1, 1, 1],
    [5, 7, 37],
    [33, 65, 128],
    [70, 19, 512],
  ] as const) {
    test(`pairwiseDistances ${n} x ${m}, ${dimensions} dimensions (${device})`, async () => {
      const [a, b] = [embeddings(n, dimensions, 1), embeddings(m, dimensions, 2)]
      const actual = await distances(a, b, dimensions, device)
      const oracle = distancesLoop(a, b, dimensions, f64)
      // Written as |a|^2 + |b|^2 - 2ab, the usual fast form, the terms are up to 4 for rows of unit length and small
      // distances cancel; the floor is 4 ulp of that.
      const floor = 4 * 4 * ulp.f32
      const allowed = 2 * largestError(distancesLoop(a, b, dimensions, f32), oracle) + floor
      assert.ok(largestError(actual, oracle) <= allowed)
      assert.ok(actual.every((distance) => distance >= 0))
    })

    test(`pairwiseDistances ${n} x ${m}, ${dimensions} dimensions, exact on small integers (${device})`, async () => {
      const random = seeded(3)
      const [a, b] = [integers(n * dimensions, random), integers(m * dimensions, random)]
      assert.equal([...(await distances(a, b, dimensions, device))], distancesLoop(a, b, dimensions, f64))
    })
  }

  test(`pairwiseDistances of equal rows is never negative (${device})`, async () => {
    const a = embeddings(40, 128, 4)
    const actual = await distances(a, a, 128, device)
    assert.ok(actual.every((distance) => distance >= 0))
    for (let i = 0; i < 40; i++) assert.ok(actual[i * 40 + i]! <= 16 * ulp.f32)
  })

  test(`pairwiseDistances of rows to themselves has the bits of those to a copy of them (${device})`, async () => {
    for (const [rows, dimensions] of [
      [1, 3],
      [64, 5],
      [129, 16],
      [200, 33],
    ] as const) {
      const a = embeddings(rows, dimensions, rows)
      assert.equal(await distances(a, a, dimensions, device), await distances(a, a.slice(), dimensions, device))
    }
  })

  test(`pairwiseDistances by hand (${device})`, async () => {
    const actual = await distances(Float32Array.of(0, 0, 3, 4), Float32Array.of(0, 0, 0, 4, 6, 8), 2, device)
    assert.equal([...actual], [0, 16, 100, 25, 9, 25])
  })

  test(`l2Normalize rows (${device})`, async () => {
    for (const dimensions of [1, 37, 128, 512]) {
      const x = normals(9 * dimensions, seeded(dimensions))
      const actual = await normalized(x, dimensions, device)
      for (let row = 0; row < x.length; row += dimensions) {
        const norm = Math.hypot(...x.subarray(row, row + dimensions))
        for (let i = row; i < row + dimensions; i++) {
          const expected = x[i]! / norm
          // The norm, its inverse and the product are each rounded.
          assert.ok(Math.abs(actual[i]! - expected) <= 3 * ulp.f32 * Math.abs(expected), `element ${i}`)
        }
      }
    }
  })

  test(`l2Normalize by hand: zeros stay zero, short rows are divided by epsilon (${device})`, async () => {
    const x = Float32Array.of(0, 0, 0, 0, 2, -2, 2, -2, 0, 0, 0, 0.25)
    assert.equal([...(await normalized(x, 4, device, 0.5))], [0, 0, 0, 0, 0.5, -0.5, 0.5, -0.5, 0, 0, 0, 0.5])
  })

  test(`l2Normalize of very small and very large rows (${device})`, async () => {
    // Squares of 1e-15 and 1e14 lie within fp32; both rows point the same way.
    const actual = await normalized(Float32Array.of(3e-15, 4e-15, 3e14, 4e14), 2, device, 1e-30)
    for (const [i, expected] of [0.6, 0.8, 0.6, 0.8].entries()) {
      assert.ok(Math.abs(actual[i]! - expected) <= 3 * ulp.f32)
    }
  })
}

test.run()
