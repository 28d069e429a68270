/**
 * Accuracy of a model on Labeled Faces in the Wild, faces aligned to the model's template by the table's five points, or by
 * those of a detector: the largest face of each image, and the table's points where none is found.
 *
 *   node --import tsx scripts/evaluate_lfw.ts --model m.safetensors [--pairs devtest|view2]
 *     [--align points|center|none|detect --detector d.safetensors] [--device auto|cuda|cpu|reference] [--dtype f32|bf16] [--threads n]
 *
 * - devtest: View 1. Threshold chosen on the 2,200 pairs of pairsDevTrain.txt, accuracy on the 1,000 of pairsDevTest.txt.
 * - view2: the 6,000 pairs of pairs.txt, each of ten folds with the threshold chosen on the other nine. Never tune on it.
 *
 * The data is looked for in `../shared/data`, or where FACENET_DATA says.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Detector, openDetector } from '../lib/detection/index.js'
import { type Model, openModel } from '../lib/model.js'
import { type FailedImage, openSource } from '../lib/sources/index.js'
import type { StreamOptions } from '../lib/stream.js'

const lfw = join(process.env.FACENET_DATA ?? '../shared/data', 'lfw')
const archive = join(lfw, 'lfw.tar')

interface Pair {
  a: string
  b: string
  same: boolean
}

/** A header line, then a line a pair: `name n m` of one person, `name n other m` of two. */
async function readPairs(file: string): Promise<Pair[]> {
  const lines = (await readFile(join(lfw, file), 'utf8')).trim().split('\n').slice(1)
  const image = (name: string, number: string) => `${name}/${name}_${number.padStart(4, '0')}.jpg`
  return lines.map((line) => {
    const [name, n, m, k] = line.trim().split(/\s+/) as [string, string, string, string?]
    return k === undefined
      ? { a: image(name, n), b: image(name, m), same: true }
      : { a: image(name, n), b: image(m, k), same: false }
  })
}

interface Alignment {
  align: 'points' | 'center' | 'none' | 'detect'
  detector?: Detector
}

/** Embeddings of the images that pairs name, and how many were made a second, decoding included. */
async function embed(model: Model, pairs: Pair[], alignment: Alignment) {
  const wanted = new Set(pairs.flatMap(({ a, b }) => [a, b]))
  const entry = (path: string) => path.slice(archive.length + 1)
  async function* images(which: ReadonlySet<string>) {
    for await (const image of openSource(archive)) if (which.has(entry(image.path))) yield image
  }
  const embeddings = new Map<string, Float32Array>()
  const embedInto = async (which: ReadonlySet<string>, options: StreamOptions) => {
    for await (const { path, embedding } of model.embedStream(images(which), options)) {
      embeddings.set(entry(path), embedding)
    }
  }
  const faceless = new Set<string>()
  const onError = ({ path, error }: FailedImage) => {
    if (error.code !== 'ERR_FACENET_FACE_COUNT') throw error
    faceless.add(entry(path))
  }
  const start = performance.now()
  await embedInto(wanted, alignment.align === 'detect' ? { ...alignment, faces: 'largest', onError } : alignment)
  if (faceless.size > 0) await embedInto(faceless, { align: 'points' })
  const seconds = (performance.now() - start) / 1000
  if (embeddings.size < wanted.size) throw new Error(`${wanted.size - embeddings.size} images are missing`)
  if (alignment.align === 'detect') console.log(`no face found in ${faceless.size} of ${wanted.size} images`)
  return { embeddings, rate: wanted.size / seconds }
}

interface Measured {
  /** Squared L2. */
  distance: number
  same: boolean
}

function measure(pairs: Pair[], embeddings: Map<string, Float32Array>): Measured[] {
  return pairs.map(({ a, b, same }) => {
    const [x, y] = [embeddings.get(a)!, embeddings.get(b)!]
    return { distance: x.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0), same }
  })
}

const accuracy = (pairs: Measured[], threshold: number) =>
  pairs.filter(({ distance, same }) => distance < threshold === same).length / pairs.length

/** The threshold that gets most pairs right, midway between two distances; the lowest of equals. */
function chooseThreshold(pairs: Measured[]): number {
  const sorted = pairs.toSorted((p, q) => p.distance - q.distance)
  let right = sorted.filter(({ same }) => !same).length
  let best = { right, threshold: 0 }
  for (const [i, { distance, same }] of sorted.entries()) {
    right += same ? 1 : -1
    const next = sorted[i + 1]?.distance ?? distance + 1
    if (right > best.right && next > distance) best = { right, threshold: (distance + next) / 2 }
  }
  return best.threshold
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const percent = (fraction: number) => `${(fraction * 100).toFixed(2)} %`

async function devtest(model: Model, alignment: Alignment): Promise<string> {
  const [train, test] = [await readPairs('pairsDevTrain.txt'), await readPairs('pairsDevTest.txt')]
  const { embeddings, rate } = await embed(model, [...train, ...test], alignment)
  const threshold = chooseThreshold(measure(train, embeddings))
  const [onTrain, onTest] = [train, test].map((pairs) => percent(accuracy(measure(pairs, embeddings), threshold)))
  const figures = `DevTest ${onTest} (DevTrain ${onTrain}), threshold ${threshold.toFixed(3)}`
  return `${figures}, ${rate.toFixed(0)} images/s with decoding`
}

async function view2(model: Model, alignment: Alignment): Promise<string> {
  const pairs = await readPairs('pairs.txt')
  const { embeddings, rate } = await embed(model, pairs, alignment)
  const measured = measure(pairs, embeddings)
  const size = measured.length / 10
  const folds = Array.from({ length: 10 }, (_, i) => {
    const [from, to] = [i * size, (i + 1) * size]
    const threshold = chooseThreshold([...measured.slice(0, from), ...measured.slice(to)])
    return { threshold, accuracy: accuracy(measured.slice(from, to), threshold) }
  })
  const average = mean(folds.map((fold) => fold.accuracy))
  const variance = folds.reduce((sum, fold) => sum + (fold.accuracy - average) ** 2, 0) / 9
  const threshold = mean(folds.map((fold) => fold.threshold))
  const figures = `6,000 pairs ${percent(average)} ± ${percent(Math.sqrt(variance / 10))} (standard error of the mean)`
  return `${figures}, mean threshold ${threshold.toFixed(3)}, ${rate.toFixed(0)} images/s with decoding`
}

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    pairs: { type: 'string', default: 'devtest' },
    align: { type: 'string', default: 'points' },
    detector: { type: 'string' },
    device: { type: 'string', default: 'auto' },
    dtype: { type: 'string', default: 'f32' },
    threads: { type: 'string' },
  },
})
const protocols: Record<string, typeof devtest> = { devtest, view2 }
const protocol = protocols[values.pairs]
if (!values.model || !protocol) throw new Error('Expected --model <file.safetensors> and --pairs devtest|view2')
if ((values.detector !== undefined) !== (values.align === 'detect')) {
  throw new Error('Expected --align detect and --detector <file.safetensors> together')
}
const device = values.device as 'auto'
const threads = values.threads === undefined ? undefined : Number(values.threads)
const model = await openModel(values.model, { device, threads, dtype: values.dtype as 'f32' })
const detector = values.detector === undefined ? undefined : await openDetector(values.detector, { device, threads })
const by = detector ? `the faces that ${detector.name} finds` : values.align
console.log(`${model.name} on ${model.device.kind}, ${values.dtype}, aligned by ${by}`)
console.log(await protocol(model, { align: values.align as 'points', detector }))
model.dispose()
detector?.dispose()
