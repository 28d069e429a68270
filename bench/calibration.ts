/**
 * Curves from a distance to the probability that two faces are of one person, for `lib/models/calibration.ts`: fitted to the 2,200
 * pairs of DevTrain in Labeled Faces in the Wild's View 1, half of which are of one person.
 *
 *     node --import tsx bench/calibration.ts [--threads 2] [--name calibration]
 *
 * Weights and images are those of FACENET_DATA, and the default model and detector. Prints each row of the table as it is to stand
 * there, and writes `bench/results/<name>-<date>.md`.
 */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine, printMachine } from '../lib/benchmark/machine.js'
import { importModel } from '../lib/convert/importers/import_model.js'
import { lfwName, readLfwLists } from '../lib/evaluation/lfw.js'
import { embedNamed, findImages, type PairList, squaredDistance } from '../lib/evaluation/listed_images.js'
import { type DetectedFace, type Detector, type FaceFinder, openDetector, openModel } from '../lib/index.js'
import { crossValidated, fitLogistic } from './logistic.js'

const data = process.env.FACENET_DATA ?? fileURLToPath(new URL('../../shared/data', import.meta.url))
const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: String(availableParallelism()) },
    name: { type: 'string', default: 'calibration' },
  },
})
const threads = Number(options.threads)

const weights = (name: string) => join(data, 'weights', name)

const models = {
  dlib: async () => 'dlib',
  mobilefacenet_192: () =>
    importModel(weights('mobilefacenet_192.safetensors'), {
      graph: weights('mobilefacenet_192.graph.json'),
      name: 'mobilefacenet_192',
      size: [112, 112],
      mean: 127.5,
      scale: 0.0078125,
      alignment: 'arcface112',
    }),
}

/** Each image is looked at once for all models. */
function remembering(detector: Detector): FaceFinder {
  const known = new Map<string, DetectedFace[]>()
  return {
    name: detector.name,
    fingerprint: detector.fingerprint,
    async detect([image]) {
      const key = createHash('sha256').update(image!.data).digest('hex')
      const faces = known.get(key) ?? (await detector.detect([image!]))[0]!
      known.set(key, faces)
      return [faces]
    },
  }
}

await using faceApi = await openDetector('face-api', { threads, device: 'cpu' })
const finders = new Map([['face-api', remembering(faceApi)]])

const archive = join(data, 'lfw/lfw.tar')
const [train] = (await readLfwLists(archive, 1)) as [PairList, PairList]
const needed = new Set(train.pairs.flatMap(({ a, b }) => [a, b]))
const { images } = await findImages(archive, (path) => (needed.has(lfwName(path)) ? lfwName(path) : undefined))
const same = train.pairs.map((pair) => pair.same)

const lines: string[] = []
const measured: [model: keyof typeof models, cut: string][] = [
  ['dlib', 'face-api'],
  ['dlib', 'points'],
  ['mobilefacenet_192', 'face-api'],
  ['mobilefacenet_192', 'points'],
]
for (const [name, cut] of measured) {
  await using model = await openModel(await models[name](), { threads, device: 'cpu' })
  const detector = finders.get(cut)
  const how = detector ? { align: 'detect' as const, detector } : { align: 'points' as const }
  const { embeddings, fallbacks } = await embedNamed(model, { images, failures: [] }, how)
  const distances = train.pairs.map(({ a, b }) => squaredDistance(embeddings.get(a)!, embeddings.get(b)!))
  const curve = fitLogistic(distances, same)
  const { bits, error } = crossValidated(distances, same)
  const [middle, slope] = [Number(curve.middle.toFixed(4)), Number(curve.slope.toPrecision(4))]
  const { align, template } = model.preparationOf(how)
  const row = {
    model: name,
    fingerprint: model.fingerprint,
    align,
    template,
    detector: detector?.name,
    middle,
    slope,
  }
  console.log(JSON.stringify(row))
  const figures = [middle, slope, bits.toFixed(3), (100 * error).toFixed(2), fallbacks.length]
  lines.push(`| ${[name, cut, ...figures].join(' | ')} |`)
  console.log(lines.at(-1))
}

const text = `# P(same) by distance

${printMachine(describeMachine())}. Curves 1 / (1 + exp(slope x (distance - middle))), fitted to the 2,200 pairs of LFW's DevTrain, half of them of one person; fp32
on the CPU, no mirror images. Bits and error are those of five parts, each judged by the curve of the others: the mean of -log2 of the probability of
what is so (1 where nothing is known), and the mean difference of what was said and what is so, over tenths of the probability, in points. Fallbacks:
images in which no face was found.

| model | faces by | middle | slope | bits | error | fallbacks |
|---|---|---|---|---|---|---|
${lines.join('\n')}
`
const folder = fileURLToPath(new URL('results', import.meta.url))
await mkdir(folder, { recursive: true })
const path = join(folder, `${options.name}-${new Date().toISOString().slice(0, 10)}.md`)
await writeFile(path, text)
console.log(`written to ${path}`)
