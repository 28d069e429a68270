/** DBSCAN by hand, and against its definition in plain loops. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clusterEmbeddings, pairwiseDistances, scoreClusters } from '../../lib/index.js'
import { rejection } from '../api/support.js'
import { faces, numbered } from './support.js'

const dbscan = async (embeddings: Float32Array, dimensions: number, threshold: number, minFaces?: number) => [
  ...(await clusterEmbeddings(embeddings, { dimensions, threshold, method: 'dbscan', minFaces })),
]

test('points on a line, by hand', async () => {
  const line = Float32Array.of(9, 0, 1, 2, 20, 21, 30)
  // Squared, neighbours are 1 apart. 1 has three (0, 1, 2) and is a core; 0 and 2 have two and are reached from it.
  assert.equal(await dbscan(line, 1, 1.5), [-1, 0, 0, 0, -1, -1, -1])
  // With two, 20 and 21 are cores as well.
  assert.equal(await dbscan(line, 1, 1.5, 2), [-1, 0, 0, 0, 1, 1, -1])
  // With one, everything is a core, whatever the threshold.
  assert.equal(await dbscan(line, 1, 0, 1), [0, 1, 2, 3, 4, 5, 6])
  assert.equal(await dbscan(line, 1, 1, 2), [-1, -1, -1, -1, -1, -1, -1], 'the threshold is not below itself')
  // 2 and 9 are 49 apart, 9 and 20 are 121.
  assert.equal(await dbscan(line, 1, 50, 3), [0, 0, 0, 0, -1, -1, -1])
})

test('the same as the definition', async () => {
  for (const [rows, people, dimensions, spread] of [
    [1, 1, 3, 0.5],
    [200, 20, 16, 0.6],
    [601, 40, 128, 0.7],
    [300, 300, 33, 1],
  ] as const) {
    const embeddings = faces(rows, people, dimensions, spread, rows)
    const distances = await pairwiseDistances(embeddings, { dimensions })
    for (const threshold of [0.1, 0.5, 0.8, 1.2]) {
      for (const minFaces of [1, 2, 3, 8]) {
        const labels = await dbscan(embeddings, dimensions, threshold, minFaces)
        checkDefinition(labels, distances, threshold, minFaces)
      }
    }
  }
})

/** Cores that chains of neighbouring cores connect have one label; others have that of a neighbouring core, or -1. */
function checkDefinition(labels: number[], distances: Float32Array, threshold: number, minFaces: number): void {
  const n = labels.length
  const rows = Array.from({ length: n }, (_, i) => i)
  const near = (i: number, j: number) => i === j || distances[i * n + j]! < threshold
  const isCore = rows.map((i) => rows.filter((j) => near(i, j)).length >= minFaces)
  const component = new Array<number>(n).fill(-1)
  for (const start of rows.filter((i) => isCore[i])) {
    if (component[start] !== -1) continue
    const open = [start]
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      component[i] = start
      for (const j of rows) if (isCore[j] && component[j] === -1 && near(i, j)) open.push(j)
    }
  }
  const labelOf = new Map<number, number>()
  for (const i of rows.filter((i) => isCore[i])) {
    if (!labelOf.has(component[i]!)) labelOf.set(component[i]!, labels[i]!)
    assert.is(labels[i], labelOf.get(component[i]!), `core ${i}`)
  }
  assert.is(new Set(labelOf.values()).size, labelOf.size, 'a label a component')
  for (const i of rows.filter((i) => !isCore[i])) {
    const reachedFrom = rows.filter((j) => isCore[j] && near(i, j)).map((j) => labels[j])
    assert.ok(reachedFrom.length === 0 ? labels[i] === -1 : reachedFrom.includes(labels[i]), `row ${i}`)
  }
  const seen = [...new Set(labels.filter((label) => label >= 0))]
  assert.equal(seen, Array.from(seen.keys()), 'labels count in order of first appearance')
}

test('the reference and any number of threads give the same labels', async () => {
  const embeddings = faces(900, 60, 24, 0.8, 4)
  for (const threshold of [0.3, 0.7]) {
    for (const minFaces of [2, 4, 9]) {
      const options = { dimensions: 24, threshold, minFaces, method: 'dbscan' } as const
      const expected = await clusterEmbeddings(embeddings, { ...options, device: 'reference' })
      for (const threads of [1, 3]) {
        assert.equal(await clusterEmbeddings(embeddings, { ...options, device: 'cpu', threads }), expected)
      }
    }
  }
})

test('with two faces it is single linkage, whose lone faces are noise', async () => {
  const embeddings = faces(400, 60, 32, 0.7, 9)
  for (const threshold of [0.3, 0.6, 0.9]) {
    const single = [...(await clusterEmbeddings(embeddings, { dimensions: 32, threshold, linkage: 'single' }))]
    const alone = (label: number) => single.filter((each) => each === label).length === 1
    const numbers = numbered(single.filter((label) => !alone(label)))
    const expected = single.map((label) => (alone(label) ? -1 : numbers.shift()!))
    assert.ok(expected.includes(-1) && expected.includes(1), 'a threshold that says something')
    assert.equal(await dbscan(embeddings, 32, threshold, 2), expected)
  }
})

test('noise counts as images apart', () => {
  const { bcubed, clusters, noise } = scoreClusters([0, 0, -1, -1], ['a', 'a', 'b', 'b'])
  assert.equal([clusters, noise], [1, 2])
  assert.equal([bcubed.precision, bcubed.recall], [1, 0.75])
})

test('bad input', async () => {
  const options = { dimensions: 2, threshold: 1, method: 'dbscan' } as const
  const wrong = async (embeddings: Float32Array, more: object, words: RegExp) => {
    const { code, message } = await rejection(clusterEmbeddings(embeddings, { ...options, ...more }))
    assert.is(code, 'ERR_FACENET_INVALID_ARGUMENT')
    assert.match(message, words)
  }
  const four = Float32Array.of(1, 2, 3, 4)
  await wrong(new Float32Array(0), {}, /at least one row for embeddings/)
  await wrong(Float32Array.of(1, 2, Number.NaN, 4), {}, /finite numbers for row 1 of embeddings but received NaN/)
  await wrong(four, { minFaces: 0 }, /options\.minFaces/)
  await wrong(four, { linkage: 'single' }, /nothing, as it is for method agglomerative for options\.linkage/)
  await wrong(four, { method: 'optics' }, /one of agglomerative, dbscan for options\.method/)
  await wrong(four, { method: 'agglomerative', minFaces: 2 }, /nothing, as it is for method dbscan/)
})

test('a signal that was aborted', async () => {
  const options = { dimensions: 2, threshold: 1, method: 'dbscan', signal: AbortSignal.abort() } as const
  assert.is((await rejection(clusterEmbeddings(Float32Array.of(1, 2), options))).code, 'ERR_FACENET_ABORTED')
})

test.run()
