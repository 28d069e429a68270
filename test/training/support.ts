/** Small networks under training, without the API above the addon. */
import { newCancel } from '../../lib/native/queue.js'
import type { GraphDescription } from '../../types/graph.js'
import type { NativeTrainer, OptimizerOptions, StepReport, TrainerOptions } from '../../types/native.js'
import { addonFor } from '../support/addons.js'
import type { Tensors } from '../support/evaluate.js'
import { weightSource } from '../support/ops.js'
import { normals, seeded } from '../support/random.js'

export const optimizer: OptimizerOptions = {
  kind: 'sgd',
  momentum: 0.9,
  nesterov: false,
  initialAccumulator: 0.1,
  epsilon: 1e-8,
  beta1: 0.9,
  beta2: 0.999,
  weightDecay: 0,
  decayAll: false,
}

/** Strategy `all` with a margin that every hinge is far above: the loss is smooth in the weights. */
export const smooth: TrainerOptions = {
  device: 'reference',
  threads: 1,
  optimizer,
  margin: 8,
  strategy: 'all',
  frozen: [],
  statisticsRate: 0.1,
  chunk: 64,
  memoryBytes: 0,
}

export function openTrainer(
  graph: GraphDescription,
  tensors: Tensors,
  options: Partial<TrainerOptions> = {},
): Promise<NativeTrainer> {
  const all = { ...smooth, ...options }
  return addonFor(all.device).openTrainer(graph, weightSource(tensors), all)
}

export const cancel = newCancel

/** `count` images of the graph's input, normal or bytes as it asks, and labels of identities with `faces` each. */
export function batchOf({ input }: GraphDescription, count: number, { faces = 2, seed = 5 } = {}) {
  const random = seeded(seed)
  const elements = count * input.height * input.width * input.channels
  const images =
    input.dtype === 'u8'
      ? Uint8Array.from({ length: elements }, () => random.integer(0, 255))
      : normals(elements, random)
  const labels = Int32Array.from({ length: count }, (_, i) => Math.floor(i / faces))
  return { images, labels }
}

export type Gradients = Map<string, Float32Array>

/** The report of a batch and the gradient of every weight. */
export async function gradientsOf(
  trainer: NativeTrainer,
  { images, labels }: { images: Uint8Array | Float32Array; labels: Int32Array },
): Promise<{ report: StepReport; gradients: Gradients }> {
  const report = await trainer.gradient(images, labels, cancel())
  const names = trainer.tensors.filter(({ kind }) => kind === 'gradient').map(({ name }) => name)
  const gradients = await readTensors(trainer, names)
  return { report, gradients: new Map([...gradients].map(([name, data]) => [name.slice('gradient/'.length), data])) }
}

export async function readTensors(trainer: NativeTrainer, names?: readonly string[]): Promise<Gradients> {
  const wanted = trainer.tensors.filter(({ name, kind }) => names?.includes(name) ?? kind !== 'gradient')
  const values = wanted.map(({ shape }) => new Float32Array(shape.reduce((product, extent) => product * extent, 1)))
  await trainer.read(
    wanted.map(({ name }) => name),
    values,
  )
  return new Map(wanted.map(({ name }, i) => [name, values[i]!]))
}

/** The largest difference in proportion to the largest value of each tensor, over all tensors. */
export function largestRelativeError(actual: Gradients, expected: Gradients): number {
  let worst = 0
  for (const [name, values] of expected) {
    const others = actual.get(name)!
    let largest = 0
    let error = 0
    for (let i = 0; i < values.length; i++) {
      largest = Math.max(largest, Math.abs(values[i]!))
      error = Math.max(error, Math.abs(values[i]! - others[i]!))
    }
    worst = Math.max(worst, largest === 0 ? error : error / largest)
  }
  return worst
}
