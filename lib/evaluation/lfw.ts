/** Labeled Faces in the Wild: View 2 (ten folds) or View 1 (development). */
import { dirname, join } from 'node:path'
import { invalidArgument } from '../errors.js'
import { isFolder, readText } from '../files/read.js'
import type { Model } from '../model/model.js'
import { checkNamed, checkOneOf } from '../native/check_arguments.js'
import { keyOfName, pathsOf, type SourceImage, type SourceOptions, type SourcePaths } from '../sources/index.js'
import { checkPairs, evaluatePairs, evaluateSplit, type PairsResult } from './evaluate_pairs.js'
import { type ImagePair, lfwNumber, parseLfwPairs } from './lfw_pairs.js'
import {
  type EmbeddedImages,
  embedNamed,
  type FoundImages,
  findImages,
  type ListedOptions,
  type PairList,
  presentPairs,
  squaredDistance,
  whyUnusable,
} from './listed_images.js'

/** Options of `evaluateLfw`. */
export interface LfwOptions extends ListedOptions {
  /**
   * 2: ten folds of `pairs.txt`. 1: the threshold is chosen on `pairsDevTrain.txt`, accuracy is that on `pairsDevTest.txt`.
   * @default 2
   */
  view?: 1 | 2
  /** The list of pairs, or the folder it is in; that of the images where it is left out. */
  pairs?: string
  /**
   * Leave out pairs whose images are missing, instead of refusing them.
   * @default false
   */
  skipMissing?: boolean
}

/** What an evaluation on a list of pairs finds, and what it judged. */
export interface ListedResult {
  /** Accuracy, threshold, VAL. */
  result: PairsResult
  /** The pairs of each list that were judged; accuracy is taken of the last list. */
  pairs: ImagePair[][]
  /** Squared, of the pairs of the last list. */
  distances: Float64Array
  /** Pairs that were left out. */
  skipped: number
  /** Images of the pairs, by name. */
  images: Map<string, SourceImage>
  /** Their embeddings, and images that could not be used. */
  embedded: EmbeddedImages
}

/**
 * Accuracy on Labeled Faces in the Wild, as `facenet evaluate lfw` measures it.
 *
 * @param model what embeds the faces.
 * @param sources folders or archives with the images, as `person/person_0001.jpg`.
 * @param options the view, the lists, and how faces are cut out.
 * @throws FaceNetError ERR_FACENET_IO where images or lists cannot be read, ERR_FACENET_INVALID_ARGUMENT for a list that is
 *   malformed or names images that are missing, ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * const { result } = await evaluateLfw(model, 'lfw.tar', { align: 'points' })
 * console.log(result.accuracy, result.standardError)
 * ```
 */
export async function evaluateLfw(model: Model, sources: SourcePaths, options: LfwOptions = {}): Promise<ListedResult> {
  const { view = 2, pairs, skipMissing = false, ...how } = options
  checkNamed(options, 'pairs', 'a list of pairs')
  const paths = pathsOf(sources, 'sources')
  const [first] = paths
  if (first === undefined) throw invalidArgument('sources', 'folders or archives with the images', 'none')
  const lists = await readLfwLists(first, Number(checkOneOf(String(view), 'options.view', ['1', '2'])), pairs)
  return judgeLfw(lists, paths, (found) => embedNamed(model, found, how), skipMissing, how)
}

/** `pairs.txt`, or the two lists of View 1; beside the images unless `given` says where. */
export async function readLfwLists(images: string, view: number, given?: string): Promise<PairList[]> {
  const folder = given ?? ((await isFolder(images)) ? images : dirname(images))
  const single = given !== undefined && !(await isFolder(given))
  if (single && view === 1) throw invalidArgument('pairs', 'the folder of the two lists that View 1 reads', given)
  const names = view === 1 ? ['pairsDevTrain.txt', 'pairsDevTest.txt'] : ['pairs.txt']
  const files = single ? [given!] : names.map((name) => join(folder, name))
  return Promise.all(files.map(async (file) => ({ file, pairs: parseLfwPairs(await readText(file), file) })))
}

/** `person/person_0001` of any path that ends so, whatever the image's format, and of `person/person_1` too. */
export function lfwName(path: string): string {
  const name = path
    .split(/[/\\]/)
    .slice(-2)
    .join('/')
    .replace(/\.[^./]+$/, '')
  return keyOfName(name.replace(/_(\d{1,9})$/, (_, digits) => `_${lfwNumber(Number(digits))}`))
}

/** One list: folds. Two: the first chooses the threshold that judges the second. */
export async function judgeLfw(
  lists: readonly PairList[],
  sources: SourcePaths,
  embed: (found: FoundImages) => Promise<EmbeddedImages>,
  skipMissing: boolean,
  reading: SourceOptions = {},
): Promise<ListedResult> {
  const { images, failures } = await findImages(sources, lfwName, reading)
  const listed = lists.flatMap((list) => presentPairs(list, (name) => images.has(name), skipMissing).present)
  const needed = new Set(listed.flatMap(({ a, b }) => [a, b]))
  for (const name of images.keys()) if (!needed.has(name)) images.delete(name)
  const embedded = await embed({ images, failures })
  const why = whyUnusable(embedded, (name) => (images.has(name) ? [images.get(name)!] : []))
  const judged = lists.map((list) => presentPairs(list, (name) => embedded.embeddings.has(name), skipMissing, why))
  const pairs = judged.map((list) => list.present)
  const skipped = judged.reduce((sum, list) => sum + list.skipped, 0)
  return { ...(await judge(pairs, embedded)), pairs, skipped, images, embedded }
}

/** Also the distances of the pairs that accuracy is taken of: all, or those of DevTest. */
async function judge(
  lists: ImagePair[][],
  { embeddings }: EmbeddedImages,
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
