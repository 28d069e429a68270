/**
 * What a network's accuracy on pairs of Labeled Faces in the Wild has to be compared with: the same network before training,
 * and principal components of the pixels. Faces are placed as `facenet train` places them.
 *
 *     node --import tsx bench/training_baselines.ts <folders|tars of training faces...> --lfw <folder of LFW>
 *         [--identities ids.txt] [--network nns2] [--batch-norm] [--seed 0] [--template arcface112 --template-border 8]
 *         [--faces 5000] [--components 128]
 *
 * The folder has lfw.tar, pairsDevTrain.txt and pairsDevTest.txt. Writes `bench/results/training-baselines-<date>.md` and
 * prints it.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { evaluateSplit } from '../lib/evaluation/evaluate_pairs.js'
import { checkTemplate, type TemplateName } from '../lib/images/index.js'
import { createTrainer, l2Normalize, type Trainer } from '../lib/index.js'
import { noAugmentation } from '../lib/training/augment.js'
import { type FaceOptions, type FaceStore, openFaces, readIdentities } from '../lib/training/faces.js'
import { makeBatch } from '../lib/training/faces_batches.js'
import { Sampler } from '../lib/training/sampler.js'
import { randomAt, shuffle } from '../lib/training/sampler_random.js'
import { type Embedder, Validation } from '../lib/training/validate.js'
import { positiveInteger } from './options.js'
import { principalComponents, project } from './pca.js'

const { values: options, positionals: sources } = parseArgs({
  allowPositionals: true,
  options: {
    lfw: { type: 'string' },
    identities: { type: 'string' },
    network: { type: 'string', default: 'nns2' },
    'batch-norm': { type: 'boolean', default: false },
    seed: { type: 'string', default: '0' },
    template: { type: 'string' },
    'template-border': { type: 'string', default: '0' },
    faces: { type: 'string', default: '5000' },
    components: { type: 'string', default: '128' },
  },
})
if (options.lfw === undefined || sources.length === 0) throw new Error('Training faces and --lfw are needed')
const lfw = options.lfw
const [most, components] = [positiveInteger(options, 'faces'), positiveInteger(options, 'components')]
const seed = Number(options.seed)
const identities = options.identities === undefined ? undefined : await readIdentities(options.identities)

/** As `facenet train` places faces, at another size. */
const placed = (input: FaceOptions['input']): FaceOptions => ({
  input,
  border: 0,
  template: options.template === undefined ? undefined : checkTemplate(options.template as TemplateName),
  templateBorder: Number(options['template-border']),
  identities,
  memoryBytes: 2 ** 30,
})

interface Baseline {
  name: string
  /** DevTest in ten folds, and by the threshold of DevTrain; shares, the second with its standard error. */
  tenFolds: number
  split: number
  splitError: number
}

async function judge(name: string, input: FaceOptions['input'], embedder: Embedder): Promise<Baseline> {
  const images = [join(lfw, 'lfw.tar')]
  const open = (list: string) => Validation.open(join(lfw, list), images, placed(input))
  const [train, test] = [await open('pairsDevTrain.txt'), await open('pairsDevTest.txt')]
  const { accuracy: tenFolds } = await test.measure(embedder)
  const split = evaluateSplit(await train.distances(embedder), await test.distances(embedder))
  return { name, tenFolds, split: split.accuracy, splitError: split.standardError }
}

/** Some of the store's faces, in the order of their numbers, which is how archives are read. */
function someFaces({ labels }: FaceStore): Int32Array {
  return shuffle(Int32Array.from(labels.keys()), randomAt(seed, 6), most).slice(0, most).sort()
}

async function untrained(): Promise<Baseline[]> {
  const batchNorm = options['batch-norm'] || undefined
  // So low a rate leaves the weights as they are; only the statistics move.
  const still = { optimizer: 'sgd', learningRate: 1e-30, strategy: 'all' } as const
  await using trainer = await createTrainer(options.network, { ...still, device: 'cpu', seed, batchNorm })
  const results = [await judge(`${trainer.name} before training`, trainer.inputSize, trainer)]
  if (batchNorm) {
    await measureStatistics(trainer)
    const name = `${trainer.name} before training, statistics of its norms measured on training faces`
    results.push(await judge(name, trainer.inputSize, trainer))
  }
  return results
}

/** So many chunks that what the running statistics began with has faded to 0.9^60, a five-hundredth. */
async function measureStatistics(trainer: Trainer): Promise<void> {
  const faces = await openFaces(sources, placed(trainer.inputSize))
  const sampler = new Sampler(faces.labels, { identitiesPerBatch: 32, facesPerIdentity: 4, seed })
  const making = { input: trainer.inputSize, augmentation: noAugmentation, seed }
  for (let chunks = 0, number = 0; chunks < 60; number++) {
    const { images, labels } = await makeBatch(faces, sampler.batch(number), number, making)
    const report = await trainer.step(images, labels)
    if (!report.skipped) chunks += report.chunks.length
  }
}

async function ofPixels(): Promise<Baseline[]> {
  const input = { width: 28, height: 32 }
  const faces = await openFaces(sources, placed(input))
  const rows: Float32Array[] = []
  for (const face of someFaces(faces)) {
    const pixels = await faces.read(face)
    if (pixels) rows.push(grey(pixels))
  }
  const values = input.width * input.height
  const all = new Float32Array(rows.length * values)
  for (const [i, row] of rows.entries()) all.set(row, i * values)
  const found = principalComponents(all, values, components)
  const what = `${components} principal components of ${input.width} x ${input.height} grey pixels, unit length`
  const embedder = (whitened: boolean): Embedder => ({
    dimensions: components,
    embed: (images) => l2Normalize(project(grey(images), found, whitened), { dimensions: components }),
  })
  return [await judge(what, input, embedder(false)), await judge(`${what}, whitened`, input, embedder(true))]
}

/** ITU-R BT.601. */
function grey(rgb: Uint8Array): Float32Array {
  return Float32Array.from({ length: rgb.length / 3 }, (_, i) => {
    return 0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!
  })
}

const percent = (share: number) => (100 * share).toFixed(1)
const baselines = [...(await ofPixels()), ...(await untrained())]
const date = new Date().toISOString().slice(0, 10)
const network = `${options.network}${options['batch-norm'] ? ' with batch normalisation' : ''}, seed ${seed}`
const report = [
  `Accuracy on the DevTest pairs of Labeled Faces in the Wild, View 1, ${date}: in ten folds, each judged by the threshold of the`,
  `other nine, as \`facenet train\` validates, and by the threshold of DevTrain, as \`facenet evaluate lfw --view 1\` does. Network:`,
  `${network}. Components of ${most} training faces at most${options.template ? `; faces on the template ${options.template}` : ''}.`,
  '',
  '| baseline | ten folds, % | by DevTrain, % |',
  '| --- | --- | --- |',
  ...baselines.map(({ name, tenFolds, split, splitError }) => {
    return `| ${name} | ${percent(tenFolds)} | ${percent(split)} ± ${percent(splitError)} |`
  }),
  '',
].join('\n')
const folder = fileURLToPath(new URL('./results', import.meta.url))
await mkdir(folder, { recursive: true })
await writeFile(join(folder, `training-baselines-${date}.md`), report)
console.log(report)
