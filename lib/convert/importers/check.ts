/**
 * Whether an import computes what its ONNX file says: the first outputs of both, ours by the native engine and the file's by
 * onnxruntime, for the same images.
 */
import { FaceNetError, invalidArgument } from '../../errors.js'
import { weightSource } from '../../files/model/tensor.js'
import { halfToFloat } from '../../files/model/tensor_reader.js'
import { native, nativeCall } from '../../native/addon.js'
import { checkThreads } from '../../native/check_arguments.js'
import { enqueueCall } from '../../native/queue.js'
import { checkImages, networkInput } from './check_images.js'
import { sourceOrder } from './layout.js'
import type { LoweredModel } from './lower.js'
import { installAdvice, loadOnnxRuntime, type OnnxRuntime, openSession, type RuntimeTensor } from './onnxruntime.js'
import type { SourceModel } from './source.js'

/** What comparing an import with its file found. */
export type ImportCheck =
  | {
      checked: true
      /** How many images were compared. */
      images: number
      /** The largest difference between two elements of an output, as a part of that output's largest element. */
      difference: number
      /** What it may be. */
      tolerance: number
    }
  | {
      checked: false
      /** Why not, and what to do about it. */
      reason: string
    }

export const notAsked: ImportCheck = { checked: false, reason: 'it was not asked for' }

const imageCount = 2

/**
 * Two fp32 engines sum in other orders: on the deepest networks of this package's tests that is 1e-5 of the largest element.
 * Ten times that is allowed. What is read wrongly differs by 1e-2 and more.
 */
const singleTolerance = 1e-4
/** A file that computes in float16 rounds each activation to 11 bits, 5e-4; over a hundred layers that grows to ten times as much. */
const halfTolerance = 2e-2
/** 8 bits round each activation to a 256th of its range, and we do not round. */
const quantizedTolerance = 0.25

/**
 * `required`: throws ERR_FACENET_INVALID_ARGUMENT where it cannot be checked; otherwise the result says why not. Throws
 * ERR_FACENET_MODEL_INVALID where the outputs differ.
 */
export async function checkImport(source: SourceModel, lowered: LoweredModel, required: boolean): Promise<ImportCheck> {
  const found = await compare(source, lowered)
  if (typeof found !== 'string') return found
  if (required) throw invalidArgument('check', 'an import that can be compared', found)
  return { checked: false, reason: found }
}

/** Returns why not where it cannot be done. */
async function compare(source: SourceModel, lowered: LoweredModel): Promise<ImportCheck | string> {
  const { file } = source
  if (!file) return 'only ONNX files can be compared with onnxruntime'
  const runtime = await loadOnnxRuntime()
  if (!runtime) return `onnxruntime-node is not installed: ${installAdvice}, and import again`
  const images = checkImages(lowered.graph.input, imageCount)
  const theirs = await runFile(runtime, source, lowered, images)
  if (typeof theirs === 'string') return `onnxruntime does not run this file: ${theirs}`
  const difference = largestDifference(lowered, theirs, await runOurs(lowered, images))
  const tolerance = toleranceOf(source)
  // Not `>`: what is not a number must not pass.
  if (difference <= tolerance) return { checked: true, images: imageCount, difference, tolerance }
  const [expected, received] = [`outputs within ${tolerance} of onnxruntime's`, `a difference of ${difference}`]
  throw new FaceNetError(
    'ERR_FACENET_MODEL_INVALID',
    `Expected ${expected} for the import of ${file.path} but received ${received}, relative to the largest element: ` +
      'the file was read wrongly, please report it (without the comparison: --no-check, check: false)',
    { argument: file.path, expected, received },
  )
}

function toleranceOf({ nodes, narrow }: SourceModel): number {
  if (nodes.some(({ op }) => op.endsWith('QuantizeLinear'))) return quantizedTolerance
  return narrow ? halfTolerance : singleTolerance
}

/** Of each image each output; or why there are none. */
async function runFile(
  runtime: OnnxRuntime,
  { input, outputs, file }: SourceModel,
  { input: { rule, held } }: LoweredModel,
  images: Uint8Array,
): Promise<Float64Array[][] | string> {
  const type = input.type ?? 'float32'
  const size = images.length / imageCount
  try {
    const session = await openSession(runtime, file!.model)
    try {
      const results: Float64Array[][] = []
      for (let i = 0; i < imageCount; i++) {
        const { data, dims } = networkInput(images.subarray(i * size, (i + 1) * size), rule, held, type)
        const made = await session.run({ [input.name]: new runtime.Tensor(type, data, dims) }, outputs)
        results.push(outputs.map((name) => numbers(made[name]!)))
      }
      return results
    } finally {
      await session.release()
    }
  } catch (cause) {
    return (cause instanceof Error ? cause.message : String(cause)).trim().split('\n')[0]!
  }
}

function numbers({ type, data }: RuntimeTensor): Float64Array {
  return data instanceof Uint16Array && type === 'float16'
    ? Float64Array.from(data, halfToFloat)
    : Float64Array.from(data as ArrayLike<number>)
}

/** Of each output all images. */
async function runOurs({ graph, tensors, outputs }: LoweredModel, images: Uint8Array): Promise<Float32Array[]> {
  const where = { device: 'cpu', dtype: 'f32', threads: checkThreads(undefined) } as const
  const model = await nativeCall(() => native().openModel(graph, weightSource(tensors), where))
  try {
    const made = outputs.map(({ shape: [h, w, c] }) => new Float32Array(imageCount * h * w * c))
    await enqueueCall(undefined, (cancel) => model.run(images, imageCount, made, cancel))
    return made
  } finally {
    model.dispose()
  }
}

/** Functions whose values are told by how they compare with 1: engines approximate them to about 1e-7, not to so much of a small value. */
const boundedOps: ReadonlySet<string> = new Set(['sigmoid', 'hard_sigmoid', 'tanh'])

/** NaN where something is not finite, or an output has another number of elements. */
function largestDifference({ graph, outputs }: LoweredModel, theirs: Float64Array[][], ours: Float32Array[]): number {
  const differences = outputs.map((held, output) => {
    const order = sourceOrder(held)!
    const bounded = graph.nodes.some(({ name, op }) => name === graph.outputs[output] && boundedOps.has(op))
    let [largest, difference] = [bounded ? 1 : 0, 0]
    for (const [i, made] of theirs.entries()) {
      const values = made[output]!
      if (values.length !== order.length * held.batch) return Number.NaN
      const own = ours[output]!.subarray(i * order.length, (i + 1) * order.length)
      for (let at = 0; at < order.length; at++) {
        largest = Math.max(largest, Math.abs(values[at]!))
        difference = Math.max(difference, Math.abs(values[at]! - own[order[at]!]!))
      }
    }
    return difference === 0 ? 0 : difference / largest
  })
  return Math.max(...differences)
}
