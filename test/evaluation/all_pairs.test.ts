import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { allPairs } from '../../lib/evaluation/all_pairs.js'
import { evaluateAllPairs } from '../../lib/evaluation/evaluate_all_pairs.js'
import { atFar } from '../../lib/evaluation/rates.js'
import { readThresholdFile, writeThresholdFile } from '../../lib/evaluation/threshold_file.js'
import { rejection, withFolder } from '../api/support.js'
import { normals, seeded } from '../support/random.js'

const dimensions = 4

/** `people` people with `faces` images each, scattered around a point of their own; in mixed order. */
function faces(people: number, each: number, seed = 1) {
  const random = seeded(seed)
  const centres = normals(people * dimensions, random)
  const n = people * each
  const noise = normals(n * dimensions, random, 0.4)
  const labels = Int32Array.from({ length: n }, (_, i) => i % people)
  const embeddings = noise.map(
    (value, i) => value + centres[labels[Math.floor(i / dimensions)]! * dimensions + (i % dimensions)]!,
  )
  const names = Array.from(labels, (label) => `person${String(label).padStart(4, '0')}`)
  return { embeddings, labels, dimensions, people: names, paths: names.map((name, i) => `${name}/${i}.jpg`) }
}

/** Every pair, one by one. */
function bruteForce(
  { embeddings, labels }: ReturnType<typeof faces>,
  keep: (i: number, j: number) => boolean = () => true,
) {
  const pairs: { distance: number; same: boolean }[] = []
  for (let i = 0; i < labels.length; i++) {
    for (let j = i + 1; j < labels.length; j++) {
      if (!keep(i, j)) continue
      let distance = 0
      for (let k = 0; k < dimensions; k++) {
        distance += (embeddings[i * dimensions + k]! - embeddings[j * dimensions + k]!) ** 2
      }
      pairs.push({ distance, same: labels[i] === labels[j] })
    }
  }
  return pairs
}

const share = (pairs: { distance: number; same: boolean }[], same: boolean, threshold: number) => {
  const kind = pairs.filter((pair) => pair.same === same)
  return kind.filter(({ distance }) => distance < threshold).length / kind.length
}

test('VAL and FAR over all pairs are those of every pair looked at one by one', async () => {
  const input = faces(40, 5)
  const pairs = bruteForce(input)
  const result = await evaluateAllPairs(input, { far: 1e-2, device: 'cpu' })
  assert.equal(result.pairs, { same: 400, different: 19_500 })
  assert.ok(result.exact)
  assert.ok(result.confidenceInterval.low <= result.threshold && result.threshold <= result.confidenceInterval.high)
  for (const { far, val, threshold } of result.val.slice(0, 4)) {
    assert.is(val, share(pairs, true, threshold!))
    const reached = share(pairs, false, threshold!)
    assert.ok(reached <= far && reached > far - 2 / 19_500, `${reached} for ${far}`)
  }
  assert.equal(result.val[4]!.reason, 'FAR 0.00001 needs at least 100000 different pairs, and there are 19500')
  const { rate, threshold } = result.equalErrorRate
  const [far, frr] = [share(pairs, false, threshold), 1 - share(pairs, true, threshold)]
  assert.ok(Math.abs(far - frr) < 1 / 200 && Math.abs(rate - (far + frr) / 2) < 1e-12)
  assert.equal(result.det[3], {
    threshold: result.roc[3]!.threshold,
    far: result.roc[3]!.far,
    frr: 1 - result.roc[3]!.val,
  })
})

test('standard errors come from splits in which nobody is twice', async () => {
  const input = faces(40, 5)
  const { splits, val } = await evaluateAllPairs(input, { splits: 4, far: 1e-2, device: 'cpu' })
  assert.equal(splits, Array(4).fill({ pairs: { same: 100, different: 1125 } }))
  const vals = [0, 1, 2, 3].map((split) => {
    const pairs = bruteForce(input, (i, j) => input.labels[i]! % 4 === split && input.labels[j]! % 4 === split)
    // At FAR 0.1 the 113th of 1,125 different distances is the first that must not pass.
    const limit = pairs
      .filter(({ same }) => !same)
      .map(({ distance }) => distance)
      .sort((a, b) => a - b)[112]!
    return share(pairs, true, limit)
  })
  const mean = vals.reduce((sum, value) => sum + value) / 4
  const expected = Math.sqrt(vals.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3 / 4)
  assert.ok(Math.abs(val[0]!.standardError! - expected) < 1e-9)
  assert.is(val[3]!.standardError, null)
  assert.match(val[3]!.reason!, /no standard error: FAR 0\.0001 needs at least 10000 different pairs a split/)
})

test('bins give the same as exact distances, across tiles', async () => {
  // More rows than one tile has rows or columns.
  const input = faces(1500, 3)
  const none: [] = []
  const exact = await allPairs(input.embeddings, dimensions, input.labels, none, {
    exactPairs: Infinity,
    device: 'cpu',
  })
  let seen = 0
  const onProgress = (done: number) => {
    seen = done
  }
  const binned = await allPairs(input.embeddings, dimensions, input.labels, none, {
    exactPairs: 0,
    device: 'cpu',
    onProgress,
  })
  assert.ok(exact.exact && !binned.exact)
  assert.is(seen, (4500 * 4499) / 2)
  assert.equal([binned.total.same, binned.total.different], [exact.total.same, exact.total.different])
  assert.is(exact.total.same, 4500)
  for (const far of [1e-1, 1e-3, 1e-5]) {
    const [a, b] = [atFar(exact.total, far), atFar(binned.total, far)]
    assert.ok(Math.abs(a.threshold / b.threshold - 1) < 1 / 1024)
    assert.ok(Math.abs(a.val - b.val) < 2e-3)
  }
})

test('slices hold the pairs whose images both have a value', async () => {
  const input = faces(30, 6)
  const slices = input.people.map((_, i) => (i % 3 === 0 ? undefined : i % 3 === 1 ? 'day' : 'night'))
  const result = await evaluateAllPairs(input, { far: 1e-2, slices, device: 'cpu' })
  assert.equal(
    result.slices.map(({ value }) => value),
    ['day', 'night'],
  )
  const day = bruteForce(input, (i, j) => slices[i] === 'day' && slices[j] === 'day')
  assert.is(result.slices[0]!.far, share(day, false, result.threshold))
  assert.is(result.slices[0]!.val, share(day, true, result.threshold))
  assert.is(result.slices[0]!.pairs.same, day.filter(({ same }) => same).length)
})

const two = faces(4, 3)
const wrong: [string, Promise<unknown>, RegExp][] = [
  [
    'a FAR below what pairs show',
    evaluateAllPairs(two, { far: 1e-3 }),
    /FAR 0\.001 needs at least 1000 different pairs, and there are 54/,
  ],
  ['a FAR of 1', evaluateAllPairs(two, { far: 1 }), /a rate between 0 and 1 for far/],
  [
    'one person',
    evaluateAllPairs(faces(1, 5), { far: 0.1 }),
    /images of at least two people for labels but received 1/,
  ],
  [
    'an image a person',
    evaluateAllPairs(faces(5, 1), { far: 0.1 }),
    /two images or more of one person for labels but received 5 images/,
  ],
  ['one split', evaluateAllPairs(two, { far: 0.1, splits: 1 }), /an integer 2\.\.100 for splits/],
  [
    'a NaN',
    evaluateAllPairs({ ...two, embeddings: two.embeddings.with(5, Number.NaN) }, { far: 0.1 }),
    /finite numbers for the embedding of person0001\/1\.jpg but received NaN/,
  ],
]
for (const [what, call, message] of wrong) {
  const outcome = rejection(call)
  test(`${what} is refused`, async () => {
    const error = await outcome
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, message)
  })
}

const chosen = {
  threshold: 1.1,
  far: 1e-3,
  val: 0.9,
  confidenceInterval: { level: 0.95 as const, low: 1, high: 1.2 },
  pairs: { same: 10, different: 1000 },
  fingerprint: 'abc',
  slices: [
    {
      column: 'age',
      value: 'old',
      pairs: { same: 0, different: 2 },
      far: 0,
      val: null,
      threshold: null,
      reason: 'few',
    },
  ],
}

test('a threshold file is read as it was written, and by its own model only', async () => {
  await withFolder({ 'x.json': '{"threshold": 1}', 'y.json': 'no', 'z.json': '{"far":1,"far":2}' }, async (folder) => {
    const path = join(folder, 't.json')
    await writeThresholdFile(path, chosen)
    assert.equal(await readThresholdFile(path, 'abc'), { format: 'facenet-threshold', metric: 'squared-l2', ...chosen })
    assert.match((await rejection(readThresholdFile(path, 'def'))).message, /embeddings of one model \(def\)/)
    for (const name of ['x.json', 'y.json', 'z.json']) {
      const error = await rejection(readThresholdFile(join(folder, name), 'abc'))
      assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
      assert.match(error.message, new RegExp(`a threshold file at .*${name}`))
    }
    assert.is((await rejection(readThresholdFile(join(folder, 'none.json'), 'abc'))).code, 'ERR_FACENET_IO')
    assert.is((await rejection(writeThresholdFile(join(folder, 'no/t.json'), chosen))).code, 'ERR_FACENET_IO')
  })
})

test.run()
