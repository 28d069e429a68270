/** `facenet evaluate lfw`: Labeled Faces in the Wild, View 2 (ten folds) or View 1 (development). */
import { dirname, join } from 'node:path'
import { concatenateRows } from '../../embeddings/concatenate_rows.js'
import { checkPairs, evaluatePairs, evaluateSplit, type PairsResult } from '../../evaluation/evaluate_pairs.js'
import { type ImagePair, parseLfwPairs } from '../../evaluation/lfw_pairs.js'
import { isFolder, readText } from '../../files/read.js'
import type { SourceImage } from '../../sources/index.js'
import { type Context, UsageError } from '../context.js'
import { type ShownListedPairs, writeListedPairsReport } from '../report/listed_pairs.js'
import { reportTarget } from '../report/target.js'
import { kinds } from './format.js'
import { type Embedded, embedAll, findImages, presentPairs, squaredDistance, withSetup } from './images.js'
import { printListedPairs } from './print_listed_pairs.js'

export interface List {
  file: string
  pairs: ImagePair[]
}

export async function run(context: Context, sources: string[]): Promise<void> {
  const view = Number(context.oneOf('view', ['1', '2']) ?? '2')
  const target = await reportTarget(context)
  const lists = await readLists(context, sources[0]!, view)
  await withSetup(context, async (setup) => {
    const images = await findImages(sources, keyOf)
    const listed = lists.flatMap(
      ({ pairs, file }) => presentPairs(context, pairs, file, (name) => images.has(name)).present,
    )
    const needed = new Set(listed.flatMap(({ a, b }) => [a, b]))
    for (const name of images.keys()) if (!needed.has(name)) images.delete(name)
    const embedded = await embedAll(context, setup, images)
    const judged = lists.map(({ pairs, file }) =>
      presentPairs(context, pairs, file, (name) => embedded.embeddings.has(name)),
    )
    const pairs = judged.map((list) => list.present)
    const { result, distances } = await judge(pairs, embedded)
    const printed = {
      set: 'lfw' as const,
      protocol: `LFW View ${view}`,
      heading: heading(view, pairs, images.size),
      result,
      errorOf: view === 2 ? 'standard error of the mean over folds' : 'standard error of a share',
      embedded,
      skipped: judged.reduce((sum, list) => sum + list.skipped, 0),
    }
    await printListedPairs(context, setup, printed)
    if (target) {
      const shown = { pairs: pairs.at(-1)!, distances, ...shownImages(images, embedded) }
      await writeListedPairsReport(context, setup, target, printed, shown)
    }
  })
}

/** `pairs.txt`, or the two lists of View 1; beside the images unless --pairs says where. */
export async function readLists(context: Context, images: string, view: number): Promise<List[]> {
  const given = context.text('pairs')
  const folder = given ?? ((await isFolder(images)) ? images : dirname(images))
  const single = given !== undefined && !(await isFolder(given))
  if (single && view === 1) throw new UsageError('--view 1 reads two lists: --pairs is the folder they are in')
  const names = view === 1 ? ['pairsDevTrain.txt', 'pairsDevTest.txt'] : ['pairs.txt']
  const files = single ? [given!] : names.map((name) => join(folder, name))
  return Promise.all(files.map(async (file) => ({ file, pairs: parseLfwPairs(await readText(file), file) })))
}

/** `person/person_0001` of any path that ends so, whatever the image's format. */
export function keyOf(path: string): string {
  return path
    .split(/[/\\]/)
    .slice(-2)
    .join('/')
    .replace(/\.[^.]+$/, '')
}

/** Also the distances of the pairs that accuracy is taken of: all, or those of DevTest. */
async function judge(
  lists: ImagePair[][],
  { embeddings }: Embedded,
): Promise<{ result: PairsResult; distances: Float64Array }> {
  const measured = lists.map((pairs) => ({
    distances: Float64Array.from(pairs, ({ a, b }) => squaredDistance(embeddings.get(a)!, embeddings.get(b)!)),
    same: pairs.map((pair) => pair.same),
    folds: Int32Array.from(pairs, (pair) => pair.fold),
  }))
  const [first, second] = measured
  const { distances } = second ?? first!
  const result = second
    ? evaluateSplit(checkPairs(first!.distances, first!.same), checkPairs(distances, second.same))
    : await evaluatePairs(distances, first!.same, first!.folds, { unequalFolds: true })
  return { result, distances }
}

/** The pictures of a report, and its map. Images are named `person/person_0001`. */
function shownImages(
  images: Map<string, SourceImage>,
  { embeddings, points }: Embedded,
): Omit<ShownListedPairs, 'pairs' | 'distances'> {
  const named = (text: string) => text.replaceAll('_', ' ')
  const label = (name: string) => named(name.split('/').at(-1)!)
  const names = [...embeddings.keys()]
  const dimensions = embeddings.get(names[0]!)!.length
  return {
    faceOf: (name) => ({ path: name, label: label(name) }),
    find: (name) => {
      const image = images.get(name)
      return image && { read: () => image.read(), points: points.get(image.path) ?? image.points }
    },
    map: {
      kind: 'person',
      paths: names,
      embeddings: concatenateRows([...embeddings.values()]),
      dimensions,
      groups: names.map((name) => named(name.split('/')[0]!)),
      labels: names.map(label),
    },
  }
}

function heading(view: number, [first, second]: ImagePair[][], images: number): string {
  return view === 2
    ? `${kinds(first!)} of ${images} images; each fold judged by the threshold of all others`
    : `threshold chosen on DevTrain, ${kinds(first!)}, accuracy on DevTest, ${kinds(second!)}; ${images} images`
}
