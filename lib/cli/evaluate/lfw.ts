/** `facenet evaluate lfw`: Labeled Faces in the Wild, View 2 (ten folds) or View 1 (development). */
import { concatenateRows } from '../../embeddings/concatenate_rows.js'
import { judgeLfw, readLfwLists } from '../../evaluation/lfw.js'
import type { ImagePair } from '../../evaluation/lfw_pairs.js'
import type { EmbeddedImages, FoundImages, PairList } from '../../evaluation/listed_images.js'
import { isFolder } from '../../files/read.js'
import type { SourceImage } from '../../sources/index.js'
import { type Context, PartialFailure } from '../context.js'
import type { EvaluateOptions } from '../options/evaluate.js'
import { type ShownListedPairs, writeListedPairsReport } from '../report/listed_pairs.js'
import { reportTarget } from '../report/target.js'
import { UsageError } from '../usage_error.js'
import { kinds } from './format.js'
import { embedAll, withSetup } from './images.js'
import { printListedPairs } from './print_listed_pairs.js'

export async function run(context: Context<EvaluateOptions>, sources: string[]): Promise<void> {
  const view = Number(context.options.view)
  const target = await reportTarget(context)
  const lists = await readLists(context, sources[0]!, view)
  await withSetup(context, async (setup) => {
    const embed = (found: FoundImages) => embedAll(context, setup, found)
    const judged = await judgeLfw(lists, sources, embed, context.options.skipMissing, context.reading())
    const { pairs, images, result, embedded, skipped, distances } = judged
    const printed = {
      set: 'lfw' as const,
      protocol: `LFW View ${view}`,
      heading: heading(view, pairs, images.size),
      result,
      errorOf: view === 2 ? 'standard error of the mean over folds' : 'standard error of a share',
      embedded,
      skipped,
    }
    await printListedPairs(context, setup, printed)
    if (target) {
      const shown = { pairs: pairs.at(-1)!, distances, ...shownImages(images, embedded) }
      await writeListedPairsReport(context, setup, target, printed, shown)
    }
    if (embedded.failures.length > 0) throw new PartialFailure()
  })
}

/** `pairs.txt`, or the two lists of View 1; beside the images unless --pairs says where. */
export async function readLists(
  { options }: Context<EvaluateOptions>,
  images: string,
  view: number,
): Promise<PairList[]> {
  const given = options.pairs
  if (view === 1 && given !== undefined && !(await isFolder(given))) {
    throw new UsageError('--view 1 reads two lists: --pairs is the folder they are in')
  }
  return readLfwLists(images, view, given)
}

/** The pictures of a report, and its map. Images are named `person/person_0001`. */
function shownImages(
  images: Map<string, SourceImage>,
  { embeddings, points }: EmbeddedImages,
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
