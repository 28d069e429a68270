/** What reports are made of, held against hand-made or plainly computed answers. */
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { dispatch } from '../../lib/cli/dispatch.js'
import { evaluateAllPairs } from '../../lib/evaluation/evaluate_all_pairs.js'
import { checkDestination, writePage } from '../../lib/report/destination.js'
import { chooseRows, placeOnMap } from '../../lib/report/face_map.js'
import { rate, short } from '../../lib/report/format.js'
import { DistanceHistogram } from '../../lib/report/histogram_counts.js'
import { html, named } from '../../lib/report/html.js'
import { PairWatch } from '../../lib/report/pair_watch.js'
import { clusterReport } from '../../lib/report/reports/clusters.js'
import { listedPairsReport } from '../../lib/report/reports/listed_pairs.js'
import { clustersBySize } from '../../lib/report/sections/clusters.js'
import { parseProgress } from '../../lib/report/training_progress.js'
import { rejection, withFolder } from '../api/support.js'

test('templates escape all that is not HTML itself', () => {
  const name = `<b a='1' b="2">&\u0000\u202e`
  const escaped = '&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;\ufffd\ufffd'
  assert.is(`${html`<i title="${name}">${name}</i>`}`, `<i title="${escaped}">${escaped}</i>`)
  assert.is(`${html`${[html`<b>1</b>`, '<', 2, null, false]}`}`, '<b>1</b>&lt;2')
  assert.is(`${named('<')}`, '<bdi>&lt;</bdi>')
})

test('rates and figures are printed as people write them', () => {
  assert.equal([1e-3, 0.1, 1e-12, 0.02].map(rate), ['10⁻³', '10⁻¹', '10⁻¹²', '0.02'])
  assert.equal([0, 0.01234, 12_345, 2_600_000].map(short), ['0', '0.0123', '12.3k', '2.6M'])
})

test('a histogram that has to widen counts what it counted before', () => {
  const histogram = new DistanceHistogram()
  const distances = Array.from({ length: 500 }, (_, i) => ((i * 37) % 500) / 100)
  for (const [i, distance] of distances.entries()) histogram.add(distance, i % 3 === 0)
  const { width, same, different } = histogram.merged(20)
  assert.ok(same.length <= 20)
  const counted = (wanted: boolean) =>
    same.map((_, bin) =>
      distances.reduce((sum, d, i) => sum + Number((i % 3 === 0) === wanted && Math.floor(d / width) === bin), 0),
    )
  assert.equal([same, different], [counted(true), counted(false)])
})

/** Embeddings of a few people on a circle, a little apart from each other, some of them nearer to someone else. */
function people(count: number) {
  const angles = Array.from({ length: count }, (_, i) => Math.floor(i / 4) * 0.5 + Math.sin(i * 12.9898) * 0.4)
  return {
    embeddings: Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])),
    dimensions: 2,
    paths: angles.map((_, i) => `p${i >> 2}/${i}.png`),
    people: angles.map((_, i) => `p${i >> 2}`),
  }
}

test('the watch of all pairs sees each once, and keeps the worst', async () => {
  const input = people(40)
  const watch = new PairWatch(input.people, 5)
  const result = await evaluateAllPairs(input, { far: 0.05, onTile: watch.onTile })
  const all: { a: number; b: number; distance: number; same: boolean }[] = []
  for (let a = 0; a < 40; a++) {
    for (let b = a + 1; b < 40; b++) {
      const [x, y] = [2 * a, 2 * b].map((at) => input.embeddings.subarray(at, at + 2)) as [Float32Array, Float32Array]
      all.push({ a, b, distance: (x[0]! - y[0]!) ** 2 + (x[1]! - y[1]!) ** 2, same: a >> 2 === b >> 2 })
    }
  }
  const { same, different } = watch.histogram.merged(1)
  assert.equal([same[0], different[0]], [60, 720])
  const { threshold } = result
  const order = (sign: number, wanted: boolean) =>
    all
      .filter((pair) => pair.same === wanted && pair.distance < threshold !== wanted)
      .sort((p, q) => (p.distance - q.distance) * sign)
      .slice(0, 5)
      .map(({ a, b }) => `${a} ${b}`)
  const kept = (pairs: { a: number; b: number }[]) => pairs.map(({ a, b }) => `${a} ${b}`)
  assert.ok(order(1, false).length > 0 && order(-1, true).length > 0)
  assert.equal(kept(watch.extremes.falseAccepts(threshold)), order(1, false))
  assert.equal(kept(watch.extremes.falseRejects(threshold)), order(-1, true))
})

test('a map shows the largest groups, is the same each time, and lays near faces near each other', async () => {
  assert.equal(chooseRows(['a', 'b', 'b', 'c', 'b', 'c'], 4), [1, 2, 3, 4])
  assert.equal(chooseRows(['a', 'b'], 2), [0, 1])
  const groups = Array.from({ length: 40 }, (_, i) => `${i % 2}`)
  const embeddings = Float32Array.from(
    groups.flatMap((group, i) => [Number(group), Math.sin(i) / 50, Math.cos(i) / 50]),
  )
  const faces = { paths: groups, embeddings, dimensions: 3, groups }
  const rows = [...groups.keys()]
  const map = (await placeOnMap(faces, rows))!
  assert.equal(map, await placeOnMap(faces, rows))
  assert.ok(map.every(({ x, y }) => x >= 0 && x <= 1 && y >= 0 && y <= 1))
  for (const { row, nearest } of map) assert.is(groups[nearest], groups[row])
  const gap = (i: number, j: number) => Math.hypot(map[i]!.x - map[j]!.x, map[i]!.y - map[j]!.y)
  const mean = (wanted: (i: number, j: number) => boolean) => {
    const gaps = rows.flatMap((i) => rows.filter((j) => j > i && wanted(i, j)).map((j) => gap(i, j)))
    return gaps.reduce((sum, value) => sum + value, 0) / gaps.length
  }
  assert.ok(mean((i, j) => groups[i] === groups[j]) < mean((i, j) => groups[i] !== groups[j]) / 2)
})

test('clusters by size, those in none left out', () => {
  assert.equal(clustersBySize(Int32Array.of(3, -1, 0, 0, 3, 7, 0)), [[2, 3, 6], [0, 4], [5]])
})

test('progress of a training run: later lines count, half a line does not, wrong ones are named', () => {
  const text =
    '{"step":2,"loss":1}\n{"step":1,"loss":3,"other":0}\n\n{"step":2,"loss":2,"validation":null}\n{"step":3,"lo'
  const progress = parseProgress(text, 'progress.jsonl')
  assert.equal(
    progress.map(({ step, loss }) => [step, loss]),
    [
      [1, 3],
      [2, 2],
    ],
  )
  const failure = (line: string) => {
    try {
      parseProgress(`{"step":1}\n${line}\n`, 'progress.jsonl')
    } catch (error) {
      return (error as Error).message
    }
  }
  assert.match(failure('{"step":2,"loss":"low"}')!, /progress\.jsonl:2 but received loss: /)
  assert.match(failure('{"step":-1}')!, /:2 but received step: /)
  assert.match(failure('{"step":2,"validation":{"val":2}}')!, /:2 but received validation\.val: /)
  assert.match(failure('no JSON')!, /:2 but received /)
  assert.throws(() => parseProgress('', 'p'), /a line of training progress for p:1 but received none/)
})

test('a report that cannot be written is refused before any work', () =>
  withFolder({ 'file.txt': 'x' }, async (folder) => {
    const missing = join(folder, 'missing/report.html')
    const error = await rejection(checkDestination(missing))
    assert.is(error.code, 'ERR_FACENET_IO')
    assert.match(error.message, /Cannot write .*missing.report\.html: ENOENT/)
    assert.match((await rejection(checkDestination(join(folder, 'file.txt/report.html')))).message, /ENOTDIR/)
    await mkdir(join(folder, 'folder.html'))
    assert.match((await rejection(checkDestination(join(folder, 'folder.html')))).message, /it is a folder/)
    await checkDestination(join(folder, 'good.html'))
    assert.equal((await readdir(folder)).sort(), ['file.txt', 'folder.html'])

    const signal = new AbortController().signal
    for (const words of [['evaluate', 'pairs'], ['evaluate', 'lfw'], ['cluster']]) {
      const run = dispatch([...words, 'no-images', '--model', 'no-model', '--report', missing], signal)
      assert.match((await rejection(run)).message, /Cannot write .*missing.report/)
    }
    const run = (...words: string[]) => rejection(dispatch(['cluster', 'x', '--model', 'm', ...words], signal))
    assert.match((await run('--report', join(folder, 'report.pdf'))).message, /--report is a path that ends in \.html/)
    assert.match((await run('--run', folder)).message, /--run is for --report/)
    const noRun = await run('--report', join(folder, 'a.html'), '--run', folder)
    assert.match(noRun.message, /progress\.jsonl/)
    await writePage(join(folder, 'good.html'), 'page')
    assert.equal((await readdir(folder)).sort(), ['file.txt', 'folder.html', 'good.html'])
  }))

const basis = { model: 'm', command: 'c', facts: [['Fact', '<script>']] as const, loadFace: async () => null }

test('figures of others are marked as published, and ours are not among them', async () => {
  const face = (name: string) => ({ path: name, label: `<script>${name}` })
  const pairs = [0.2, 0.9, 1.4, 0.4].map((distance, i) => ({
    a: face(`a${i}`),
    b: face(`b${i}`),
    distance,
    same: i < 2,
    threshold: 0.5,
  }))
  const text = await listedPairsReport({
    ...basis,
    set: 'lfw',
    protocol: 'LFW View 2',
    heading: '1234 pairs',
    errorOf: 'error',
    pairs,
    result: {
      accuracy: 0.5,
      standardError: 0,
      threshold: 0.5,
      folds: [
        { accuracy: 0.5, threshold: 0.5, pairs: 2 },
        { accuracy: 0.5, threshold: 0.5, pairs: 2 },
      ],
      roc: [
        { threshold: 0, far: 0, val: 0 },
        { threshold: 0.3, far: 0, val: 0.5 },
        { threshold: 0.5, far: 0.5, val: 0.5 },
        { threshold: 1, far: 0.5, val: 1 },
        { threshold: 2, far: 1, val: 1 },
      ],
      val: [{ far: 0.1, val: null, standardError: null, threshold: null, reason: 'too few <pairs>' }],
    },
  })
  const [, ours, theirs] = /Measured here(.*?)Published by others, not measured here(.*?)<\/table>/s.exec(text)!
  assert.match(ours!, /<bdi>m<\/bdi>/)
  assert.not.match(ours!, /DeepFace/)
  for (const figure of [/DeepFace.*?97\.35/s, /DeepID2\+.*?99\.47/s, /centre crop.*?98\.87/s, /detector.*?99\.63/s]) {
    assert.match(theirs!, figure)
  }
  assert.match(theirs!, /Schroff et al\., CVPR 2015/)
  assert.not.match(theirs!, /<bdi>m<\/bdi>/)
  // One pair of each kind is judged wrongly: the second and the fourth.
  assert.match(text, /False accepts <span>1\u00a0pair: .*?0\.400.*?&lt;script&gt;a3/s)
  assert.match(text, /False rejects <span>1\u00a0pair: .*?0\.900.*?&lt;script&gt;a1/s)
  assert.match(text, /1,234 pairs/)
  assert.match(text, /too few &lt;pairs&gt;/)
  assert.is(text.match(/<script/g)!.length, 1, 'the one of the page')
})

test('clusters of no faces but strangers, of many faces and of people', async () => {
  const labels = Int32Array.from({ length: 60 }, (_, i) => (i < 40 ? 0 : i < 50 ? 1 : -1))
  const names = Array.from(labels, (_, i) => `n${i}`)
  const people = Array.from(labels, (_, i) => (i === 39 ? 'odd one' : `person ${labels[i]}`))
  const clusters = { paths: names, labels, names, people }
  const text = await clusterReport({ ...basis, clusters, threshold: 1, method: 'DBSCAN' })
  assert.match(text, /person 0<\/bdi> and 1\u00a0other person<\/h3>\s*<small>cluster 1, 40\u00a0faces/)
  assert.match(text, /aria-label="n39, someone else: odd one"/)
  assert.match(text, /and 16 more/)
  assert.match(text, /In no cluster<\/h3>\s*<small>10\u00a0faces/)
  assert.match(text, /44\u00a0faces could not be read again/)
  await clusterReport({ ...basis, clusters: { ...clusters, labels: labels.fill(-1) }, threshold: 1, method: 'DBSCAN' })
})

test.run()
