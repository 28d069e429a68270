/** Tensors of a trainer, to and from native memory. */
import type { NativeTrainer, TrainerCounters, TrainerTensor } from '../../types/native.js'
import { elementCount, f32Tensor, type Tensors, toFloat32 } from '../files/model/tensor.js'
import { optimizerPrefix, valuesOf } from './checkpoint.js'

/** Copies of tensors at one moment between two steps, and how many steps there were by then. */
export interface Snapshot {
  tensors: Map<string, ReturnType<typeof f32Tensor>>
  counters: TrainerCounters
}

export async function readTensors(
  native: NativeTrainer,
  selected: (tensor: TrainerTensor) => boolean,
): Promise<Snapshot> {
  const wanted = native.tensors.filter(selected)
  const values = wanted.map(({ shape }) => new Float32Array(elementCount(shape)))
  const counters = await native.read(
    wanted.map(({ name }) => name),
    values,
  )
  return { tensors: new Map(wanted.map(({ name, shape }, i) => [name, f32Tensor(shape, values[i]!)])), counters }
}

/** The optimiser's state goes back to the trainer as a checkpoint has it; weights of a loss are read with those of the network. */
export async function writeOptimizerState(
  native: NativeTrainer,
  tensors: Tensors,
  counters: TrainerCounters,
): Promise<void> {
  const wanted = native.tensors.filter(({ name }) => name.startsWith(optimizerPrefix))
  const values = wanted.map(({ name, shape }) => toFloat32(valuesOf(tensors, name, shape)))
  await native.write(
    wanted.map(({ name }) => name),
    values,
    counters,
  )
}
