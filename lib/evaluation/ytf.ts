/** YouTube Faces. A pair's distance is the mean over all pairs of frames of its two videos. */
import { invalidArgument } from '../errors.js'
import { readText, readTextIfAny } from '../files/read.js'
import type { Model } from '../model/model.js'
import { checkInteger } from '../native/check_arguments.js'
import {
  type FailedImage,
  pathsOf,
  type SourceImage,
  type SourceOptions,
  type SourcePaths,
  withoutArchiveEnding,
} from '../sources/index.js'
import { evaluatePairs } from './evaluate_pairs.js'
import type { ListedResult } from './lfw.js'
import {
  type EmbeddedImages,
  embedNamed,
  type FoundImages,
  findImages,
  type ListedOptions,
  type PairList,
  presentPairs,
  whyUnusable,
} from './listed_images.js'
import {
  type Frame,
  frameOfPath,
  meanDistance,
  parseFrameTable,
  parseYtfSplits,
  sumUp,
  type VideoSummary,
} from './ytf_splits.js'

/** Options of `evaluateYtf`. */
export interface YtfOptions extends ListedOptions {
  /** The list of splits. */
  pairs: string
  /**
   * The most frames of a video that are used, its first ones.
   * @default 100
   */
  frames?: number
  /**
   * Leave out pairs whose videos are missing, instead of refusing them.
   * @default false
   */
  skipMissing?: boolean
}

/** What an evaluation on YouTube Faces finds; images are frames, by their paths. */
export interface YtfResult extends ListedResult {
  /** The frames of each video, in their order. */
  videos: Map<string, SourceImage[]>
  /** Of the videos that were judged: their mean embeddings. */
  summaries: Map<string, VideoSummary>
}

/**
 * Accuracy on YouTube Faces, as `facenet evaluate ytf` measures it.
 *
 * @param model what embeds the faces.
 * @param sources folders or archives with the frames.
 * @param options the list of pairs, and how faces are cut out.
 * @throws FaceNetError ERR_FACENET_IO where frames or the list cannot be read, ERR_FACENET_INVALID_ARGUMENT for a list that is
 *   malformed or names videos that are missing, ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * const { result } = await evaluateYtf(model, 'ytf.tar', { pairs: 'splits.txt', align: 'points', frames: 20 })
 * ```
 */
export async function evaluateYtf(model: Model, sources: SourcePaths, options: YtfOptions): Promise<YtfResult> {
  const { pairs: file, frames = 100, skipMissing = false, ...how } = options
  checkInteger(frames, 'options.frames', 1)
  const list = await readYtfList(file)
  if (foldCount(list) < 2) throw invalidArgument('options.pairs', 'a list of at least two folds', file)
  const paths = pathsOf(sources, 'sources')
  return judgeYtf(list, paths, frames, (found) => embedNamed(model, found, how), skipMissing, how)
}

export async function readYtfList(file: string): Promise<PairList> {
  return { file, pairs: parseYtfSplits(await readText(file), file) }
}

export const foldCount = ({ pairs }: PairList): number => new Set(pairs.map((pair) => pair.fold)).size

export async function judgeYtf(
  list: PairList,
  sources: SourcePaths,
  most: number,
  embed: (found: FoundImages) => Promise<EmbeddedImages>,
  skipMissing: boolean,
  reading: SourceOptions = {},
): Promise<YtfResult> {
  const { videos, failures } = await findVideos(sources, most, reading)
  const { present } = presentPairs(list, (name) => videos.has(name), skipMissing)
  const needed = new Set(present.flatMap(({ a, b }) => [a, b]))
  const images = new Map<string, SourceImage>()
  for (const name of needed) for (const image of videos.get(name)!) images.set(image.path, image)
  const embedded = await embed({ images, failures })
  const summaries = new Map<string, VideoSummary>()
  for (const name of needed) {
    const rows = videos.get(name)!.flatMap(({ path }) => embedded.embeddings.get(path) ?? [])
    if (rows.length > 0) summaries.set(name, sumUp(rows))
  }
  const why = whyUnusable(embedded, (name) => videos.get(name) ?? [])
  const judged = presentPairs(list, (name) => summaries.has(name), skipMissing, why)
  const pairs = judged.present
  const distances = Float64Array.from(pairs, ({ a, b }) => meanDistance(summaries.get(a)!, summaries.get(b)!))
  const same = pairs.map((pair) => pair.same)
  const folds = Int32Array.from(pairs, (pair) => pair.fold)
  const result = await evaluatePairs(distances, same, folds, { unequalFolds: true })
  return { result, pairs: [pairs], distances, skipped: judged.skipped, images, embedded, videos, summaries }
}

/** The first frames of each video, in their order. A table beside the images says which they are, or else their paths do. */
async function findVideos(
  sources: SourcePaths,
  most: number,
  reading: SourceOptions,
): Promise<{ videos: Map<string, SourceImage[]>; failures: FailedImage[] }> {
  const tables = new Map<string, Frame>()
  for (const source of pathsOf(sources)) {
    const path = `${withoutArchiveEnding(source)}.tsv`
    const text = await readTextIfAny(path)
    if (text !== null) for (const [name, frame] of parseFrameTable(text, path)) tables.set(name, frame)
  }
  const nameOf = (path: string) => path.split(/[/\\]/).slice(-2).join('/')
  const videos = new Map<string, { frame: number; image: SourceImage }[]>()
  const { images, failures } = await findImages(sources, (path) => path, reading)
  for (const [path, image] of images) {
    const place = tables.get(nameOf(path)) ?? frameOfPath(path)
    if (!place) continue
    if (!videos.has(place.video)) videos.set(place.video, [])
    videos.get(place.video)!.push({ frame: place.frame, image })
  }
  const first = new Map(
    [...videos].map(([name, frames]) => [
      name,
      frames
        .sort((a, b) => a.frame - b.frame)
        .slice(0, most)
        .map(({ image }) => image),
    ]),
  )
  return { videos: first, failures }
}
