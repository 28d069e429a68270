/** onnxruntime-node on the exported network. It is given floats that are already normalised: N x 3 x H x W. */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Engine } from '../../lib/benchmark/engine.js'
import { network } from '../../lib/convert/networks/index.js'
import { normalisedPlanes, randomImages } from '../images.js'
import type { WorkerOptions } from '../worker.js'

export async function openOnnxRuntime(options: WorkerOptions): Promise<Engine> {
  const graph = network(options.network).graph()
  const { height, width } = graph.input
  const session = await InferenceSession.create(options.model, {
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  })
  const input = session.inputNames[0]!
  const output = session.outputNames[0]!
  const feed = (count: number) => {
    const planes = normalisedPlanes(graph, randomImages(graph, count))
    return { [input]: new Tensor('float32', planes, [count, 3, height, width]) }
  }
  const batch = feed(options.batch)
  return {
    notes: `onnxruntime-node, ${options.threads} intra-op threads, all optimisations`,
    async run() {
      await session.run(batch)
    },
    async embed(count) {
      const results = await session.run(feed(count))
      return results[output]!.data as Float32Array
    },
    close: () => session.release(),
  }
}
