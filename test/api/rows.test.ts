/** `Embeddings`, which know their dimensions and their model, in every function on rows; and rows that nobody should trust. */
import { runInNewContext } from 'node:vm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  addToClusters,
  assertSameFingerprint,
  clusterEmbeddings,
  type Embeddings,
  FaceNetError,
  l2Normalize,
  mineTriplets,
  nearestNeighbors,
  pairwiseDistances,
  tripletLoss,
} from '../../lib/index.js'
import { openSmall, pixels, rejection } from './support.js'

const rowsOf = (data: number[], fingerprint = 'one', dimensions = 2): Embeddings => ({
  data: Float32Array.from(data),
  rows: data.length / dimensions,
  dimensions,
  fingerprint,
})
const a = rowsOf([0, 0, 3, 4])
const b = rowsOf([0, 1, 3, 4, -1, 0])
const other = rowsOf([0, 1, 3, 4], 'two')
const labels = Int32Array.of(0, 0, 1)
const dimensions = 2

test('every function on rows takes Embeddings, and gives what it gives for bare arrays', async () => {
  const expected = Float32Array.of(1, 25, 1, 18, 0, 32)
  assert.equal(await pairwiseDistances(a, b), expected)
  assert.equal(await pairwiseDistances(a, { b }), expected)
  assert.equal(await pairwiseDistances(a, b.data), expected)
  assert.equal(await pairwiseDistances(a.data, b, { device: 'cpu', threads: 1 }), expected)
  assert.equal(await pairwiseDistances(a.data, b.data, { dimensions }), expected)
  assert.equal(await pairwiseDistances(a.data, { dimensions, b: b.data }), expected)
  assert.equal(await pairwiseDistances(a), Float32Array.of(0, 25, 25, 0))
  assert.equal(await pairwiseDistances(a, { device: 'cpu' }), Float32Array.of(0, 25, 25, 0))
  assert.equal(await l2Normalize(a), await l2Normalize(a.data, { dimensions }))
  assert.equal(await nearestNeighbors(a, b, { k: 2 }), await nearestNeighbors(a.data, b.data, { dimensions, k: 2 }))
  assert.equal(await nearestNeighbors(a.data, b), await nearestNeighbors(a, b.data))
  const triplets = await mineTriplets(b, labels, { strategy: 'hard' })
  assert.equal(triplets, await mineTriplets(b.data, labels, { dimensions, strategy: 'hard' }))
  assert.equal(await tripletLoss(b, triplets), await tripletLoss(b.data, triplets, { dimensions }))
  const clusters = await clusterEmbeddings(b, { threshold: 3 })
  assert.equal(clusters, await clusterEmbeddings(b.data, { dimensions, threshold: 3 }))
  const grown = await addToClusters(b, clusters, a, { threshold: 3 })
  assert.equal(grown, await addToClusters(b.data, clusters, a.data, { dimensions, threshold: 3 }))
})

test('embeddings of two models are not mixed, and the error names both fingerprints', async () => {
  const calls = [
    () => pairwiseDistances(a, other),
    () => pairwiseDistances(a, { b: other }),
    () => nearestNeighbors(a, other),
    () => addToClusters(b, labels, other, { threshold: 1 }),
  ]
  for (const call of calls) {
    const error = await rejection(call())
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(error.message, /\bone\b.*\btwo\b/)
  }
})

test('Embeddings that contradict themselves or the options are refused', async () => {
  const wrong: [() => Promise<unknown>, RegExp][] = [
    [() => pairwiseDistances({ ...a, rows: 3 }), /2, as its data holds for a\.rows but received 3/],
    [() => pairwiseDistances({ ...a, fingerprint: undefined as never }), /the model's fingerprint for a\.fingerprint/],
    [() => pairwiseDistances({ ...a, fingerprint: '' }), /a\.fingerprint/],
    [() => pairwiseDistances({ ...a, dimensions: 0 }), /a\.dimensions/],
    [() => pairwiseDistances(a, { dimensions: 4 }), /2, as a has, or nothing for options\.dimensions but received 4/],
    [() => nearestNeighbors(a, rowsOf([1, 2, 3, 4], 'one', 4)), /2, as queries for gallery\.dimensions but received 4/],
  ]
  for (const [call, message] of wrong) assert.match((await rejection(call())).message, message)
})

test('a second side that is undefined or null is not taken for the first', async () => {
  const gallery = new Map<string, Embeddings>()
  for (const nobody of [gallery.get('nobody') as never, null as never]) {
    const calls = [
      () => pairwiseDistances(a, nobody),
      () => pairwiseDistances(a, nobody, {}),
      () => pairwiseDistances(a.data, nobody, { dimensions }),
      () => pairwiseDistances(a, { b: nobody }),
      () => pairwiseDistances(a.data, { dimensions, b: nobody }),
      () => nearestNeighbors(a, nobody),
      () => nearestNeighbors(a.data, nobody, { dimensions }),
    ]
    for (const call of calls) {
      const error = await rejection(call())
      assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT', error.message)
      assert.match(error.message, /for (b|options\.b|gallery) but received (undefined|null)/)
    }
    assert.throws(() => assertSameFingerprint(nobody, nobody), /the fingerprint of a model/)
  }
})

test('NaN and infinity are refused wherever rows are measured', async () => {
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    const bad = Float32Array.of(1, 2, value, 4)
    const good = Float32Array.of(1, 2)
    const calls = [
      () => pairwiseDistances(bad, { dimensions }),
      () => pairwiseDistances(good, { dimensions, b: bad }),
      () => l2Normalize(bad, { dimensions }),
      () => nearestNeighbors(good, bad, { dimensions }),
      () => mineTriplets(bad, [0, 0], { dimensions }),
      () => clusterEmbeddings(bad, { dimensions, threshold: 1 }),
    ]
    for (const call of calls) {
      const error = await rejection(call())
      assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT', error.message)
    }
  }
})

test('arrays of another realm are arrays', async () => {
  const foreign = <T>(code: string) => runInNewContext(code) as T
  const rows = foreign<Float32Array>('Float32Array.of(0, 0, 3, 4)')
  assert.not(rows instanceof Float32Array)
  assert.equal(await pairwiseDistances(rows, { dimensions }), Float32Array.of(0, 25, 25, 0))
  assert.is((await l2Normalize(rows, { dimensions })).length, 4)
  const foreignLabels = foreign<Int32Array>('Int32Array.of(0, 0)')
  await mineTriplets(rows, foreignLabels, { dimensions })
  await mineTriplets(rows, foreign<number[]>('[0, 0]'), { dimensions })
  await tripletLoss(
    rows,
    foreign('({ anchors: Int32Array.of(), positives: Int32Array.of(), negatives: Int32Array.of() })'),
    {
      dimensions,
    },
  )
  await addToClusters(rows, foreignLabels, rows, { dimensions, threshold: 1 })
  await using model = await openSmall()
  const images = pixels(model, 1)
  const copy = foreign<Uint8Array>(`new Uint8Array(${images.length})`)
  copy.set(images)
  const out = foreign<Float32Array>(`new Float32Array(${model.dimensions})`)
  await model.embed(copy, { out })
  assert.equal([...out], [...(await model.embed(images))])
})

test('an array whose memory was transferred is an error, not no rows', async () => {
  const detached = <T extends Float32Array | Uint8Array | Int32Array>(array: T): T => {
    structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] })
    return array
  }
  await using model = await openSmall()
  const calls = [
    () => pairwiseDistances(detached(new Float32Array(4)), { dimensions }),
    () => l2Normalize(detached(new Float32Array(4)), { dimensions }),
    () => nearestNeighbors(detached(new Float32Array(4)), a.data, { dimensions }),
    () => clusterEmbeddings(detached(new Float32Array(4)), { dimensions, threshold: 1 }),
    () => mineTriplets(detached(new Float32Array(4)), [0, 1], { dimensions }),
    () => model.embed(detached(pixels(model, 1))),
    () => model.embed([detached(new Uint8Array(8))]),
    () => model.embed({ data: detached(pixels(model, 1)), ...model.inputSize }),
  ]
  for (const call of calls) {
    const error = await rejection(call())
    assert.is(error.code, 'ERR_FACENET_INVALID_ARGUMENT', error.message)
    assert.match(error.message, /transferred \(detached\)/)
  }
  assert.is((await pairwiseDistances(new Float32Array(0), { dimensions })).length, 0)
})

test('BigInt labels are refused in words', async () => {
  const error = await rejection(mineTriplets(a, [0n, 1n] as never))
  assert.match(error.message, /a 32-bit integer for labels\[0\] but received 0n, a BigInt/)
  const typed = await rejection(mineTriplets(a, new BigInt64Array(2) as never))
  assert.match(typed.message, /an Int32Array or an array of integers for labels but received BigInt64Array of 2/)
})

test('an abort is an AbortError with the code of this package and the reason as its cause', async () => {
  const reason = new Error('enough')
  const calls = [
    (signal: AbortSignal) => pairwiseDistances(a, b, { signal }),
    (signal: AbortSignal) => l2Normalize(a, { signal }),
    (signal: AbortSignal) => nearestNeighbors(a, b, { signal }),
  ]
  for (const call of calls) {
    const error = await rejection(call(AbortSignal.abort(reason)))
    assert.is(error.name, 'AbortError')
    assert.is(error.code, 'ERR_FACENET_ABORTED')
    assert.is((error as unknown as Error).cause, reason)
    assert.instance(error, FaceNetError)
  }
})

test('model.embedRows and model.embeddings say whose rows they are', async () => {
  await using model = await openSmall()
  const images = pixels(model, 3)
  const embeddings = await model.embedRows(images)
  const { dimensions, fingerprint } = model
  assert.equal(embeddings, { data: await model.embed(images), rows: 3, dimensions, fingerprint })
  const rows = [0, 1, 2].map((i) => embeddings.data.slice(i * dimensions, (i + 1) * dimensions))
  assert.equal(model.embeddings(rows), embeddings)
  assert.throws(() => model.embeddings([new Float32Array(3)]), /rows\[0\]/)
  assert.throws(() => model.embeddings(new Float32Array(3)), /a multiple of/)
  const near = await pairwiseDistances(embeddings)
  assert.ok([0, 4, 8].every((i) => near[i]! < 1e-6))
})

test.run()
