/** A network small enough to be trained in a test, batches that it can learn, and what two trainers are compared by. */
import type { TrainerOptions } from '../../lib/index.js'
import type { ModelInMemory } from '../../lib/model/in_memory.js'
import type { Trainer } from '../../lib/training/index.js'
import type { GraphDescription } from '../../types/graph.js'
import {
  batchNorm,
  concat,
  conv,
  fullyConnected,
  l2Normalize,
  pool,
  preprocess,
  randomTensors,
  relu,
} from '../graph/support.js'
import { seeded } from '../support/random.js'

/** Faces of 8 x 8 pixels, with batch normalisation: what every run of it depends on is in the checkpoint. */
const graph: GraphDescription = {
  name: 'small',
  input: { name: 'image', height: 8, width: 8, channels: 3, dtype: 'u8' },
  nodes: [
    preprocess('x', 'image'),
    conv('a', 'x', 6, { kernel: 3, stride: 2, bias: false }),
    batchNorm('a/bn', 'a'),
    relu('a/relu', 'a/bn'),
    conv('b', 'a/relu', 4),
    relu('b/relu', 'b'),
    pool('c', 'a/relu'),
    concat('bc', 'b/relu', 'c'),
    fullyConnected('fc', 'bc', 8),
    l2Normalize('y', 'fc'),
  ],
  outputs: ['y'],
}
export const small = (): ModelInMemory => ({ graph, tensors: new Map(Object.entries(randomTensors(graph, 1))) })

/** `identities` colours with noise, `faces` images of each, shuffled alike for the same seed. */
export function batch(seed: number, identities = 4, faces = 5) {
  const random = seeded(seed)
  const colours = Array.from({ length: identities }, (_, i) => {
    const own = seeded(1000 + i)
    return Array.from({ length: 192 }, () => own.integer(40, 215))
  })
  const labels = Int32Array.from({ length: identities * faces }, (_, i) => i % identities)
  const images = Uint8Array.from({ length: labels.length * 192 }, (_, i) => {
    return colours[labels[Math.floor(i / 192)]!]![i % 192]! + random.integer(-40, 40)
  })
  return { images, labels }
}

export async function train(trainer: Trainer, from: number, to: number) {
  const curve: number[] = []
  for (let i = from; i < to; i++) {
    const { images, labels } = batch(i)
    curve.push((await trainer.step(images, labels)).loss)
  }
  return curve
}

export const bits = async (trainer: Trainer) => {
  const names = trainer.tensors.filter(({ kind }) => kind !== 'gradient').map(({ name }) => name)
  return new Map([...(await trainer.read(names))].map(([name, { data }]) => [name, [...data]]))
}

export const options: TrainerOptions = { learningRate: 0.02, strategy: 'all', chunk: 8, threads: 2 }
