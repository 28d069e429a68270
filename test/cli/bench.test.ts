/** `facenet bench` of a model, and what its figures are made of. No test looks at a time. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rooflineShare } from '../../lib/benchmark/ceilings.js'
import { missingPeer } from '../../lib/benchmark/engines.js'
import { type BenchmarkReport, compareReports, readReport } from '../../lib/benchmark/index.js'
import { median, percentile } from '../../lib/benchmark/statistics.js'
import { ratioOf, speedOf, takeTurns } from '../../lib/benchmark/turns.js'
import { rejection, withFolder } from '../api/support.js'
import { facenet, writeSmallModel } from './support.js'

test('a report: the model, beside itself and onnxruntime, by batch; taken again and compared', async () => {
  await withFolder({}, async (folder) => {
    const [model, out] = [join(folder, 'm.safetensors'), join(folder, 'r.json')]
    await writeSmallModel(model)
    const short = ['--rounds', '2', '--turn', '1', '--json', '--quiet']
    const how = ['--batch', '2', '--threads', '1', '--against', 'self,onnxruntime', '--out', out]
    const first = await facenet('bench', '--model', model, ...how, ...short)
    assert.is(first.code, 0, first.stderr)
    const report = JSON.parse(first.stdout) as BenchmarkReport
    assert.equal(JSON.parse(await readFile(out, 'utf8')), report)
    assert.ok(report.network.multiplyAdds > 0 && report.ceilings!.multiplyAdds > 0 && report.ceilings!.copiedBytes > 0)
    const [{ batch, ours, peers }] = report.results as [BenchmarkReport['results'][number]]
    assert.equal([batch, peers.map(({ against }) => against)], [2, ['self', 'onnxruntime']])
    for (const { imagesPerSecond, latency, peakBytes } of [ours, ...peers]) {
      assert.ok(imagesPerSecond > 0 && peakBytes > 1e7)
      assert.ok(latency.p50 > 0 && latency.p50 <= latency.p90 && latency.p90 <= latency.p99)
    }
    assert.ok(ours.rooflineShare! > 0)
    assert.is(peers[0]!.difference, 0)
    assert.ok(peers[1]!.difference < 1e-4)

    const again = await facenet('bench', '--compare', out, '--against', 'self', ...short)
    assert.is(again.code, 0, again.stderr)
    const { settings, comparison } = JSON.parse(again.stdout)
    assert.equal(settings, { ...report.settings, against: ['self'] })
    assert.equal(comparison.warnings, [])
    assert.equal([comparison.changes[0].batch, comparison.changes[0].ratios[0].against], [2, 'self'])
  })
})

test('what is wrong is said before anything is measured', async () => {
  await withFolder({ 'r.json': '{"format":"other"}' }, async (folder) => {
    const bad = await facenet('bench', '--model', 'nns2', '--against', 'torch')
    assert.equal([bad.code, /--against.*onnxruntime, self/.test(bad.stderr)], [2, true])
    const alone = await facenet('bench', '--batch', '4')
    assert.equal([alone.code, /--batch is for --model/.test(alone.stderr)], [2, true])
    assert.match((await rejection(readReport(join(folder, 'r.json')))).message, /facenet-bench 1.*received "?other/)
    await writeFile(join(folder, 'r.json'), 'no JSON')
    assert.is((await rejection(readReport(join(folder, 'r.json')))).code, 'ERR_FACENET_INVALID_ARGUMENT')
  })
  assert.match(missingPeer().message, /npm install onnxruntime-node/)
})

test('percentiles lie between ranks, and turns alternate', async () => {
  assert.equal([median([3, 1, 2]), median([4, 1, 2, 3]), percentile([0, 10], 90)], [2, 2.5, 9])
  assert.ok(Number.isNaN(percentile([], 50)))
  const order: string[] = []
  const child = (name: string, speed: number) => ({
    async measure(milliseconds: number) {
      order.push(`${name} ${milliseconds}`)
      return { imagesPerSecond: speed * order.length, cpuMillisecondsPerImage: 1, calls: [1, 2, 3] }
    },
  })
  const [a, b] = (await takeTurns([child('a', 2), child('b', 1)], { rounds: 2, turn: 7 })) as [never[], never[]]
  assert.equal(order, ['a 7', 'b 7', 'a 7', 'b 7'])
  assert.equal(speedOf(a), { imagesPerSecond: 4, cpuMillisecondsPerImage: 1, latency: { p50: 2, p90: 3, p99: 3 } })
  assert.equal(ratioOf(a, b), { median: 1.25, range: [1, 1.5] })
})

test('the roofline is the lower of the two ceilings', () => {
  const ceilings = { multiplyAdds: 100, copiedBytes: 10 }
  assert.is(rooflineShare({ multiplyAdds: 50, bytes: 1 }, 1, ceilings), 0.5)
  assert.is(rooflineShare({ multiplyAdds: 1, bytes: 5 }, 2, ceilings), 0.25)
})

test('reports of other machines and networks are compared with a warning', () => {
  const result = (speed: number) => ({
    batch: 1,
    ours: { imagesPerSecond: speed, latency: { p50: 2, p90: 2, p99: 4 }, peakBytes: 10 },
    peers: [{ against: 'self', ratio: { median: speed / 10 } }],
  })
  const report = (cpu: string, speed: number) =>
    ({
      machine: { cpu },
      network: { fingerprint: 'f' },
      settings: { device: 'cpu', dtype: 'f32', threads: 1 },
      results: [result(speed)],
    }) as unknown as BenchmarkReport
  const { warnings, changes } = compareReports(report('a', 10), report('b', 15))
  assert.is(warnings.length, 1)
  assert.match(warnings[0]!, /another machine/)
  const latency = { p50: 1, p99: 1 }
  assert.equal(changes, [
    { batch: 1, imagesPerSecond: 1.5, latency, peakBytes: 1, ratios: [{ against: 'self', change: 1.5 }] },
  ])
})

test.run()
