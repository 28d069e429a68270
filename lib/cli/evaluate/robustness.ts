/** `facenet evaluate robustness`: the paper's tables of JPEG quality, image size, dimensions and training images. */
import { type Degradation, jpegQualities, pixelCounts } from '../../evaluation/degrade.js'
import { lfwName } from '../../evaluation/lfw.js'
import { type FoundImages, findImages, presentPairs, squaredDistance } from '../../evaluation/listed_images.js'
import {
  countDifferent,
  type Robustness,
  robustnessOfAllPairs,
  robustnessOfListedPairs,
  supportedFar,
} from '../../evaluation/robustness.js'
import { type Context, PartialFailure } from '../context.js'
import type { EvaluateOptions } from '../options/evaluate.js'
import { writeRobustnessReport } from '../report/robustness.js'
import { reportTarget } from '../report/target.js'
import { UsageError } from '../usage_error.js'
import { kinds } from './format.js'
import { describeSetup, embedAll, modelPaths, type Setup, setupLine, withSetup } from './images.js'
import { readLists } from './lfw.js'
import type { DegradedRow, Judged, ModelRobustness } from './model_robustness.js'
import { labeledByFolder } from './pairs.js'
import { printRobustness } from './print_robustness.js'

const degradations: Degradation[] = [
  ...jpegQualities.map((quality) => ({ kind: 'jpeg' as const, quality })),
  ...pixelCounts.map((pixels) => ({ kind: 'pixels' as const, pixels })),
]

export async function run(context: Context<EvaluateOptions>, sources: string[]): Promise<void> {
  const paths = modelPaths(context)
  const target = await reportTarget(context)
  const trainingImages = readTrainingImages(context, paths.length)
  const judge = context.options.pairs === undefined ? await onPeople(context, sources) : await onPairs(context, sources)
  const models: ModelRobustness[] = []
  for (const [i, path] of paths.entries()) {
    const use = async (setup: Setup) => void models.push(await judgeModel(context, setup, judge, trainingImages[i]))
    await withSetup(context, use, path)
  }
  await printRobustness(context, models)
  if (target) await writeRobustnessReport(context, target, models)
  if (models.some(({ failed }) => failed > 0)) throw new PartialFailure()
}

async function judgeModel(
  context: Context<EvaluateOptions>,
  setup: Setup,
  judge: Judge,
  trainingImages: number | undefined,
): Promise<ModelRobustness> {
  const embedded = await embedAll(context, setup, judge.found, degradations)
  const names = [...embedded.embeddings.keys()]
  const judged = judge.describe(names)
  const original = await judge.measure(names, [...embedded.embeddings.values()], judged.far)
  const rows: DegradedRow[] = []
  for (const [k, how] of degradations.entries()) {
    const embeddings = names.map((name) => embedded.degraded.get(name)![k]!)
    const at = how.kind === 'jpeg' ? how.quality : how.pixels
    rows.push({ at, ...(await judge.measure(names, embeddings, judged.far)) })
  }
  const { dimensions, inputSize } = setup.model
  return {
    setup: { ...describeSetup(setup), dimensions, inputSize, trainingImages },
    line: setupLine(setup),
    judged,
    original,
    jpegQuality: rows.slice(0, jpegQualities.length),
    pixels: rows.slice(jpegQualities.length),
    images: names.length,
    failed: embedded.failures.length,
    fallbacks: embedded.fallbacks,
  }
}

function readTrainingImages({ options }: Context<EvaluateOptions>, models: number): number[] {
  const counts = options.trainingImages ?? []
  if (counts.length > 0 && counts.length !== models) {
    throw new UsageError(`--training-images takes one number per model, and ${counts.length} came for ${models} models`)
  }
  return counts
}

/** Without it, a rate is taken that the pairs can show. */
const askedFar = ({ options, given }: Context<EvaluateOptions>) => (given.has('far') ? options.far : undefined)

/** Which pairs are judged, and how: a list of pairs, or all pairs of labelled images. */
interface Judge {
  found: FoundImages
  /** For the images of these names. */
  describe(names: readonly string[]): Judged
  measure(names: readonly string[], rows: readonly Float32Array[], far: number): Promise<Robustness>
}

async function onPairs(context: Context<EvaluateOptions>, sources: string[]): Promise<Judge> {
  const [list] = await readLists(context, sources[0]!, 2)
  const asked = askedFar(context)
  const found = await findImages(sources, lfwName, context.reading())
  const { images } = found
  const among = (names: Iterable<string>) => {
    const there = new Set(names)
    // All that are needed stay in `images`, those that could not be embedded too.
    const why = (name: string) => (images.has(name) ? 'could not be used' : 'is missing')
    return presentPairs(list!, (name) => there.has(name), context.options.skipMissing, why)
  }
  const describe = (names: Iterable<string>) => {
    const { present, skipped } = among(names)
    const different = present.filter(({ same }) => !same).length
    return { pairs: kinds(present), far: supportedFar(different, asked), skipped }
  }
  describe(images.keys()) // Refuses what cannot be judged before anything is embedded.
  const needed = new Set(among(images.keys()).present.flatMap(({ a, b }) => [a, b]))
  for (const name of images.keys()) if (!needed.has(name)) images.delete(name)
  return {
    found,
    describe,
    async measure(names, rows, far) {
      const embeddings = new Map(names.map((name, i) => [name, rows[i]!]))
      const { present } = among(names)
      const distances = present.map(({ a, b }) => squaredDistance(embeddings.get(a)!, embeddings.get(b)!))
      const folds = Int32Array.from(present, ({ fold }) => fold)
      const same = present.map((pair) => pair.same)
      return robustnessOfListedPairs({ distances: Float64Array.from(distances), same, folds }, far)
    },
  }
}

/** The folder an image lies in names its person. */
async function onPeople(context: Context<EvaluateOptions>, sources: string[]): Promise<Judge> {
  const found = await findImages(sources, (path) => path, context.reading())
  const asked = askedFar(context)
  const { device, signal } = context.opening()
  const options = { splits: context.options.splits, device, signal }
  const describe = (names: readonly string[]) => {
    const { people } = labeledByFolder([...names], [])
    const different = countDifferent(people)
    const same = (people.length * (people.length - 1)) / 2 - different
    const count = (value: number) => value.toLocaleString('en-US')
    const pairs = `${count(same)} same and ${count(different)} different pairs`
    return { pairs, far: supportedFar(different, asked), skipped: 0 }
  }
  describe([...found.images.keys()])
  const measure = (names: readonly string[], rows: readonly Float32Array[], far: number) =>
    robustnessOfAllPairs(labeledByFolder([...names], [...rows]), far, options)
  return { found, describe, measure }
}
