/**
 * Training steps of one network on the GPU, in a process of its own: prints one JSON object.
 *
 *     training <network> <batch> <dtype> <folder of model files>
 *
 * The model file is the one that PyTorch starts from; batches are random images of four faces an identity.
 */

import { median } from '../../lib/benchmark/statistics.js'
import { createTrainer, type StepResult, type TrainingDType } from '../../lib/index.js'
import { modelFile } from './model_file.js'

const repeats = 10
const [name, batchText, dtype, folder] = process.argv.slice(2) as [string, string, TrainingDType, string]
const batch = Number(batchText)

// With `all` no batch of random images is skipped; selection is a small part of a step.
const trainer = await createTrainer(await modelFile(name, folder), {
  device: 'cuda',
  dtype,
  strategy: 'all',
  learningRate: 1e-4,
})
const { height, width } = trainer.inputSize
const images = Uint8Array.from({ length: batch * height * width * 3 }, () => Math.floor(Math.random() * 256))
const labels = Int32Array.from({ length: batch }, (_, i) => Math.floor(i / 4))

for (let i = 0; i < 3; i++) await trainer.step(images, labels)
const steps: ({ whole: number } & StepResult['seconds'])[] = []
for (let i = 0; i < repeats; i++) {
  const start = performance.now()
  const { seconds } = await trainer.step(images, labels)
  steps.push({ whole: (performance.now() - start) / 1000, ...seconds })
}
const medianOf = (part: keyof (typeof steps)[number]) => median(steps.map((step) => step[part]))

console.log(
  JSON.stringify({
    network: name,
    batch,
    dtype,
    chunk: trainer.plan.chunk,
    /** From the memory of JavaScript to the updated weights. */
    imagesPerSecond: batch / medianOf('whole'),
    seconds: {
      forward: medianOf('forward'),
      mining: medianOf('mining'),
      backward: medianOf('backward'),
      optimizer: medianOf('optimizer'),
    },
    memoryBytes: trainer.memoryBytes,
  }),
)
trainer.dispose()
