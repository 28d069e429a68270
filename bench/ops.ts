/**
 * `npm run bench -- ops`: single ops against onnxruntime-node on this machine, the layers of a network at their real sizes or
 * the cases of the tests.
 *
 *     node --import tsx bench/ops.ts [--network nn2 | --cases] [--only <part of a name>] [--batch 32] [--threads 1]
 *                                    [--rounds 7] [--turn 100] [--dtype f32] [--json]
 *
 * Both engines take turns of `--turn` ms; a ratio is the median over the rounds of the peer's time to ours, above 1 where we
 * are faster. One op alone is from and to plain N x H x W x C (ours) and N x C x H x W (the peer's) memory: what a network
 * saves by keeping layouts and fusing is not in it.
 */
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { median } from '../lib/benchmark/statistics.js'
import { exportOnnx } from '../lib/convert/exporters/onnx.js'
import { network } from '../lib/convert/networks/index.js'
import { inferGraph } from '../lib/convert/networks/shapes.js'
import { f32Tensor } from '../lib/files/model/tensor.js'
import { native } from '../lib/native/addon.js'
import { newCancel } from '../lib/native/queue.js'
import type { TableCase } from '../test/cases/case.js'
import { tables } from '../test/cases/index.js'
import { layersOf } from '../test/cases/layers.js'
import { opCase } from '../test/cases/op_case.js'
import { type OpCase, weightSource } from '../test/support/ops.js'
import type { DType } from '../types/native.js'
import { positiveInteger } from './options.js'

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', default: 'nn2' },
    cases: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    batch: { type: 'string', default: '32' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '7' },
    turn: { type: 'string', default: '100' },
    dtype: { type: 'string', default: 'f32' },
    json: { type: 'boolean', default: false },
  },
})
const [batch, threads, rounds, turn] = (['batch', 'threads', 'rounds', 'turn'] as const).map((name) =>
  positiveInteger(options, name),
) as [number, number, number, number]

interface Engine {
  run(): Promise<unknown>
  close(): unknown
}

async function ours({ graph, tensors = {}, input }: OpCase): Promise<Engine> {
  const plan = { device: 'cpu', threads, dtype: options.dtype as DType } as const
  const model = await native().openModel(graph, weightSource(tensors), plan)
  const outputs = model.outputs.map(([height, width, channels]) => new Float32Array(batch * height * width * channels))
  const cancel = newCancel()
  return { run: () => model.run(input, batch, outputs, cancel), close: () => model.dispose() }
}

async function peer({ graph, tensors = {}, input }: OpCase): Promise<Engine> {
  const weights = new Map(Object.entries(tensors).map(([name, { shape, data }]) => [name, f32Tensor(shape, data)]))
  const session = await InferenceSession.create(exportOnnx(graph, weights), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
  const { height, width, channels } = graph.input
  const feed = {
    [session.inputNames[0]!]: new Tensor('float32', input as Float32Array, [batch, channels, height, width]),
  }
  return { run: () => session.run(feed), close: () => session.release() }
}

/** Seconds per run, over at least one turn. */
async function time(engine: Engine): Promise<number> {
  const start = performance.now()
  let runs = 0
  do {
    await engine.run()
    runs++
  } while (performance.now() - start < turn)
  return (performance.now() - start) / 1000 / runs
}

async function measure(item: TableCase) {
  const made = opCase({ ...item, count: batch })
  const engines = [await ours(made), await peer(made)] as const
  for (const engine of engines) await engine.run()
  const times: [number, number][] = []
  for (let round = 0; round < rounds; round++) times.push([await time(engines[0]), await time(engines[1])])
  for (const engine of engines) await engine.close()
  const seconds = median(times.map(([own]) => own))
  const multiplyAdds = batch * inferGraph(made.graph).reduce((sum, report) => sum + report.multiplyAdds, 0)
  return {
    name: item.name,
    milliseconds: seconds * 1000,
    ratio: median(times.map(([own, other]) => other / own)),
    gigaMultiplyAddsPerSecond: multiplyAdds / seconds / 1e9,
  }
}

const source = options.cases ? tables : layersOf(network(options.network).graph())
for (const item of source.filter(({ name, noPeer }) => !noPeer && name.includes(options.only))) {
  const result = await measure(item)
  const { name, milliseconds, ratio, gigaMultiplyAddsPerSecond: speed } = result
  if (options.json) console.log(JSON.stringify(result))
  else
    console.log(
      `${ratio.toFixed(2).padStart(7)} x  ${milliseconds.toFixed(3).padStart(9)} ms  ${speed.toFixed(1).padStart(7)} G/s  ${name}`,
    )
}
