/**
 * The loss curve of PyTorch and ours from the same weights on the same batches of real faces: prints both and their largest
 * relative difference.
 *
 *     node --import tsx bench/training_curve.ts <faces.tar> [--network nns2] [--steps 20] [--optimizer adagrad]
 *         [--rate 0.01] [--python python3]
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createTrainer, type OptimizerName } from '../lib/index.js'
import { openFaces } from '../lib/training/faces.js'
import { Sampler } from '../lib/training/sampler.js'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    network: { type: 'string', default: 'nns2' },
    steps: { type: 'string', default: '20' },
    optimizer: { type: 'string', default: 'adagrad' },
    rate: { type: 'string', default: '0.01' },
    python: { type: 'string', default: 'python3' },
  },
})

/** As many as go through in one chunk, whose statistics are then those of the batch. */
const batch = 32
const steps = Number(options.steps)
const rate = Number(options.rate)
const folder = mkdtempSync(join(tmpdir(), 'facenet-curve-'))
try {
  const trainer = await createTrainer(options.network, {
    device: 'cpu',
    optimizer: options.optimizer as OptimizerName,
    learningRate: rate,
    seed: 1,
  })
  const model = join(folder, 'model.safetensors')
  await trainer.export(model)

  const faces = await openFaces(positionals, { input: trainer.inputSize, border: 0, memoryBytes: 2 ** 30 })
  const sampler = new Sampler(faces.labels, { identitiesPerBatch: 16, facesPerIdentity: 4, seed: 1 })
  const images: Uint8Array[] = []
  const labels: number[] = []
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    const sampled = sampler.batch(step)
    const own = sampled.labels.slice(0, batch)
    const pixels = await Promise.all([...sampled.faces.slice(0, batch)].map((face) => faces.read(face)))
    const joined = new Uint8Array(Buffer.concat(pixels.map((one) => one!)))
    images.push(joined)
    labels.push(...own)
    losses.push((await trainer.step(joined, own)).loss)
  }
  trainer.dispose()
  writeFileSync(join(folder, 'images.bin'), Buffer.concat(images))
  writeFileSync(join(folder, 'labels.bin'), new Uint8Array(Int32Array.from(labels).buffer))

  const peer = fileURLToPath(new URL('./peers/torch_training.py', import.meta.url))
  const told = { images: join(folder, 'images.bin'), labels: join(folder, 'labels.bin'), batch, steps, threads: 2 }
  const settings = { ...told, optimizer: options.optimizer, 'learning-rate': rate }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
  const { status, stdout, stderr } = spawnSync(options.python, [peer, model, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${options.python} failed: ${stderr}`)
  const theirs = JSON.parse(stdout) as { torch: string; losses: number[]; triplets: number[] }

  let largest = 0
  for (let step = 0; step < steps; step++) {
    const difference = Math.abs(losses[step]! - theirs.losses[step]!) / theirs.losses[step]!
    largest = Math.max(largest, difference)
    console.log(
      `${step + 1}: ${losses[step]!.toFixed(7)} ${theirs.losses[step]!.toFixed(7)} ${difference.toExponential(1)}`,
    )
  }
  console.log(
    `${options.network}, batches of ${batch}, PyTorch ${theirs.torch}: at most ${largest.toExponential(1)} apart`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
