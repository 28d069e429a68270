/** Tensors of a trainer, to and from native memory. */
import type { NativeTrainer, TrainerCounters, TrainerTensor } from '../../types/native.js'
import { elementCount, f32Tensor, type Tensors, toFloat32 } from '../files/model/tensor.js'
import { statePrefixes, valuesOf } from './checkpoint.js'

/** Copies of tensors at one moment between two steps, and how many steps there were by then. */
export interface Snapshot {
  tensors: Map<string, ReturnType<typeof f32Tensor>>
  counters: TrainerCounters
}

/** `read`: `readModel` gives weights and statistics as a model has them. */
export async function readTensors(
  native: NativeTrainer,
  selected: (tensor: TrainerTensor) => boolean,
  read: 'read' | 'readModel' = 'read',
): Promise<Snapshot> {
  const wanted = native.tensors.filter(selected)
  const values = wanted.map(({ shape }) => new Float32Array(elementCount(shape)))
  const counters = await native[read](
    wanted.map(({ name }) => name),
    values,
  )
  return { tensors: new Map(wanted.map(({ name, shape }, i) => [name, f32Tensor(shape, values[i]!)])), counters }
}

/** The optimiser's state and the moving average go back to the trainer as a checkpoint has it; weights of a loss are read with those of the network. */
export async function writeState(native: NativeTrainer, tensors: Tensors, counters: TrainerCounters): Promise<void> {
  const wanted = native.tensors.filter(({ name }) => statePrefixes.some((prefix) => name.startsWith(prefix)))
  const values = wanted.map(({ name, shape }) => toFloat32(valuesOf(tensors, name, shape)))
  await native.write(
    wanted.map(({ name }) => name),
    values,
    counters,
  )
}
