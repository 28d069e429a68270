// node --import tsx examples/fine_tune.ts people/ tuned.safetensors [steps]
//
// Trains a published network on for your own people: a folder with a folder of cut-out faces for each. What `facenet train` adds
// to this are checkpoints, validation and a guard against collapse.
import { createTrainer } from 'facenet-native'
import { BatchMaker, noAugmentation, openFaces, Sampler } from 'facenet-native/train'
import { modelInMemory } from './weights.js'

const [people, out, steps = '100'] = process.argv.slice(2) as [string, string, string?]
await using trainer = await createTrainer(await modelInMemory(), {
  optimizer: 'adam',
  learningRate: 1e-5,
  // All triplets with a positive hinge: a network that is good already leaves few others.
  strategy: 'all',
})
const { inputSize } = trainer
const faces = await openFaces([people], { input: inputSize, border: 0, memoryBytes: 2 ** 30 })
const sampler = new Sampler(faces.labels, { identitiesPerBatch: 8, facesPerIdentity: 4, seed: 1 })
const batches = new BatchMaker(faces, sampler, { input: inputSize, augmentation: noAugmentation, seed: 1 })
for (let step = 0; step < Number(steps); step++) {
  const { images, labels } = await batches.take(step)
  const { loss, triplets, skipped } = await trainer.step(images, labels)
  console.log(`step ${step + 1}: ${skipped ? 'no triplets' : `loss ${loss.toFixed(4)} of ${triplets} triplets`}`)
}
await batches.close()
const { fingerprint } = await trainer.export(out)
console.log(`${out}: fingerprint ${fingerprint}`)
