/** This package, as its users open it. It is given bytes and normalises them itself. */

import type { Engine } from '../../lib/benchmark/engine.js'
import { network } from '../../lib/convert/networks/index.js'
import { openModel } from '../../lib/model/open.js'
import { randomImages } from '../images.js'
import type { WorkerOptions } from '../worker.js'

export async function openFaceNet(options: WorkerOptions): Promise<Engine> {
  const graph = network(options.network).graph()
  const { dtype, threads } = options
  const model = await openModel(options.model, { device: 'cpu', dtype, threads })
  const images = randomImages(graph, options.batch)
  let others: Uint8Array = new Uint8Array()
  const out = new Float32Array(options.batch * model.dimensions)
  return {
    notes: `${model.device.name}, chunks of ${model.plan.chunk}`,
    async run() {
      await model.embed(images, { out })
    },
    embed(count) {
      const { height, width } = model.inputSize
      if (others.length !== count * height * width * 3) others = randomImages(graph, count)
      return model.embed(others)
    },
    close: () => model[Symbol.asyncDispose](),
  }
}
