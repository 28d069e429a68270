/** What a loss keeps beside the network's weights: see `lossClasses` and `lossLengths` in `native/train/step.h`. */
import { freemem } from 'node:os'
import { initialRows } from '../convert/networks/initialize.js'
import { invalidArgument } from '../errors.js'
import { f32Tensor, type Tensor, type Tensors } from '../files/model/tensor.js'
import type { TrainingSettings } from './settings.js'

/** Random class weights of about unit length, and the running mean and deviation of lengths that adaface starts with. */
export function initialLossTensors({ loss, seed }: TrainingSettings, dimensions: number): Tensors {
  const tensors = new Map<string, Tensor>()
  const { kind, numClasses } = loss
  if (numClasses !== undefined) tensors.set('loss/classes', initialRows('loss/classes', numClasses, dimensions, seed))
  if (kind === 'adaface') tensors.set('loss/lengths', f32Tensor([2], Float32Array.of(20, 100)))
  return tensors
}

/** Floats of the optimiser for each weight. */
const slotsOf = { sgd: 0, momentum: 1, adagrad: 1, adam: 2 }

/** Throws where the classes' weights, their gradient and the optimiser's state would not fit in what memory is left. */
export function checkClassMemory(
  { loss: { kind, numClasses = 0 }, optimizer }: TrainingSettings,
  dimensions: number,
  available = availableMemory(),
): void {
  // The weights here and in native memory, packed for a product and of unit length; two gradients; the optimiser's state.
  const each = 4 * dimensions * (6 + slotsOf[optimizer.kind])
  const most = Math.floor(available / each)
  if (numClasses <= most) return
  const gibibytes = (available / 2 ** 30).toFixed(1)
  const expected = `at most ${most}, which the ${gibibytes} GiB of memory that are left hold (${each} bytes a class of ${kind})`
  throw invalidArgument('options.loss.numClasses', expected, numClasses)
}

/** Within a container's limit; Node 20.12 and before know of the machine's memory only. */
function availableMemory(): number {
  const { availableMemory: known } = process as { availableMemory?: () => number }
  return known ? known.call(process) : freemem()
}
