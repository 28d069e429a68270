/**
 * One network at one batch on the GPU, in a process of its own: prints one JSON object.
 *
 *     case <network> <batch> <dtype> <folder of model files>
 */

import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { median } from '../../lib/benchmark/statistics.js'
import { readModel } from '../../lib/files/model/model_file.js'
import { native } from '../../lib/native/addon.js'
import { newCancel } from '../../lib/native/queue.js'
import type { DType, PlanStep } from '../../types/native.js'
import { modelFile } from './model_file.js'

const repeats = 20
const [name, batchText, dtype, folder] = process.argv.slice(2) as [string, string, DType, string]
const batch = Number(batchText)

const { graph, weights } = await readModel(await modelFile(name, folder))
const model = await native().openModel(graph, weights, { device: 'cuda', dtype, threads: availableParallelism() })
const { height, width } = graph.input
const images = new Uint8Array(batch * height * width * 3)
for (let i = 0; i < images.length; i++) images[i] = Math.floor(Math.random() * 256)
const outputs = model.outputs.map((shape) => new Float32Array(batch * shape[0] * shape[1] * shape[2]))

const run = () => model.run(images, batch, outputs, newCancel())
for (let i = 0; i < 3; i++) await run()
const wholes: number[] = []
for (let i = 0; i < repeats; i++) {
  const start = performance.now()
  await run()
  wholes.push((performance.now() - start) / 1000)
}
const timed = await model.measure(images, batch, repeats)

/** What the step must at least move: each input read once, each output written once, its weights once. */
function bytesOf({ inputs, outputs, parameters }: PlanStep): number {
  const elements = [...inputs, ...outputs].reduce((sum, [h, w, c]) => sum + h * w * c, 0)
  return (batch * elements + parameters) * (dtype === 'f32' ? 4 : 2)
}

console.log(
  JSON.stringify({
    network: name,
    batch,
    dtype,
    /** Images there already, runs replayed as a graph. */
    imagesPerSecond: batch / timed.whole,
    /** From and to the memory of JavaScript. */
    endToEndImagesPerSecond: batch / median(wholes),
    memoryBytes: model.memoryBytes,
    steps: model.plan.steps.map((step, i) => ({
      name: step.name,
      op: step.op,
      kernel: model.kernels[i],
      seconds: timed.steps[i],
      bytes: bytesOf(step),
      multiplyAdds: batch * step.multiplyAdds,
    })),
  }),
)
model.dispose()
