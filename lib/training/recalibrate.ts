/** Statistics of batch normalisation, measured for the model that a run judges or writes. */
import { noAugmentation } from './augment.js'
import { type BatchMaker, makeBatch } from './faces_batches.js'
import type { LoopSettings } from './loop_state.js'
import { randomAt, shuffle } from './sampler_random.js'
import type { Trainer } from './trainer.js'

interface Run {
  trainer: Trainer
  settings: LoopSettings
  batches: BatchMaker
}

/** Faces that are read at a time to measure statistics. */
const piece = 64

/** Measures the statistics of the model's norms, where the run does that: on the same faces each time, as they are. */
export async function recalibrate({ trainer, settings, batches: { faces } }: Run): Promise<void> {
  const { recalibrate: wanted = 0, seed } = settings
  if (wanted === 0) return
  const count = Math.min(wanted, faces.labels.length)
  const drawn = shuffle(Int32Array.from(faces.labels.keys()), randomAt(seed, 6), count).subarray(0, count)
  const making = { input: trainer.inputSize, augmentation: noAugmentation, seed }
  async function* images() {
    for (let start = 0; start < count; start += piece) {
      const some = drawn.subarray(start, start + piece)
      const sampled = { faces: some, labels: some.map((face) => faces.labels[face]!) }
      yield (await makeBatch(faces, sampled, 0, making)).images
    }
  }
  await trainer.recalibrate(images())
}
