/** The engines that can be measured on a model file. All are given the same bytes, and normalise them. */

import { installAdvice, loadOnnxRuntime } from '../convert/importers/onnxruntime.js'
import { FaceNetError } from '../errors.js'
import { openModel } from '../model/open.js'
import { type Engine, type EngineOptions, noise } from './engine.js'

export interface ModelEngineOptions extends EngineOptions {
  /** Pixels of an image. */
  height: number
  width: number
}

export function openEngine(options: ModelEngineOptions): Promise<Engine> {
  return options.engine === 'facenet' ? openFaceNet(options) : openOnnxRuntime(options)
}

async function openFaceNet({ model: path, device, dtype, threads, batch }: ModelEngineOptions): Promise<Engine> {
  const model = await openModel(path, { device, dtype, threads })
  const { height, width } = model.inputSize
  const images = noise(batch * height * width * 3)
  const out = new Float32Array(batch * model.dimensions)
  return {
    notes: `${model.device.kind}: ${model.device.name}, chunks of ${model.plan.chunk}`,
    async run() {
      await model.embed(images, { out })
    },
    embed: (count) => model.embed(noise(count * height * width * 3)),
    close: () => model.close(),
  }
}

/** Its input is N x H x W x 3 bytes: a file that was exported with its preprocessing. */
async function openOnnxRuntime({ model, threads, batch, height, width }: ModelEngineOptions): Promise<Engine> {
  const runtime = await loadOnnxRuntime()
  if (!runtime) throw missingPeer()
  const session = await runtime.InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  })
  const { inputNames, outputNames } = session as typeof session & { inputNames: string[]; outputNames: string[] }
  const feed = (count: number) => ({
    [inputNames[0]!]: new runtime.Tensor('uint8', noise(count * height * width * 3), [count, height, width, 3]),
  })
  const images = feed(batch)
  return {
    notes: `onnxruntime-node, fp32, ${threads} threads, all optimisations`,
    async run() {
      await session.run(images, outputNames)
    },
    async embed(count) {
      const found = await session.run(feed(count), outputNames)
      return Float32Array.from(found[outputNames[0]!]!.data as ArrayLike<number>)
    },
    close: () => session.release(),
  }
}

export function missingPeer(): FaceNetError {
  const [expected, received] = ['onnxruntime-node to measure against', 'none that is installed']
  const message = `Expected ${expected} but received ${received}; run: ${installAdvice}`
  return new FaceNetError('ERR_FACENET_ADDON_NOT_FOUND', message, { argument: 'against', expected, received })
}
