/** `facenet evaluate ytf`: YouTube Faces. A pair's distance is the mean over all pairs of frames of its two videos. */
import { basename, dirname, join } from 'node:path'
import { concatenateRows } from '../../embeddings/concatenate_rows.js'
import { evaluatePairs, type PairsResult } from '../../evaluation/evaluate_pairs.js'
import type { ImagePair } from '../../evaluation/lfw_pairs.js'
import {
  type Frame,
  frameOfPath,
  meanDistance,
  parseFrameTable,
  parseYtfSplits,
  sumUp,
  type VideoSummary,
} from '../../evaluation/ytf_splits.js'
import { readText, readTextIfAny } from '../../files/read.js'
import type { SourceImage } from '../../sources/index.js'
import { type Context, UsageError } from '../context.js'
import { type ShownListedPairs, writeListedPairsReport } from '../report/listed_pairs.js'
import { reportTarget } from '../report/target.js'
import { kinds } from './format.js'
import { type Embedded, embedAll, findImages, presentPairs, withSetup } from './images.js'
import { printListedPairs } from './print_listed_pairs.js'

export async function run(context: Context, sources: string[]): Promise<void> {
  const most = context.integer('frames', 1) ?? 100
  const file = context.required('pairs')
  const target = await reportTarget(context)
  const pairs = parseYtfSplits(await readText(file), file)
  if (new Set(pairs.map((pair) => pair.fold)).size < 2) throw new UsageError(`${file} has fewer than two folds`)
  await withSetup(context, async (setup) => {
    const videos = await findVideos(sources, most)
    const { present } = presentPairs(context, pairs, file, (name) => videos.has(name))
    const needed = new Set(present.flatMap(({ a, b }) => [a, b]))
    const frames = new Map<string, SourceImage>()
    for (const name of needed) for (const image of videos.get(name)!) frames.set(image.path, image)
    const embedded = await embedAll(context, setup, frames)
    const summaries = new Map<string, VideoSummary>()
    for (const name of needed) {
      const rows = videos.get(name)!.flatMap(({ path }) => embedded.embeddings.get(path) ?? [])
      if (rows.length > 0) summaries.set(name, sumUp(rows))
    }
    const judged = presentPairs(context, pairs, file, (name) => summaries.has(name))
    const counted = `${summaries.size} videos, ${embedded.embeddings.size} frames`
    const judgedPairs = judged.present
    const distances = judgedPairs.map(({ a, b }) => meanDistance(summaries.get(a)!, summaries.get(b)!))
    const printed = {
      set: 'ytf' as const,
      protocol: 'YouTube Faces',
      heading: `${kinds(judgedPairs)} of ${counted}, at most the first ${most} of a video`,
      result: await judge(judgedPairs, distances),
      errorOf: 'standard error of the mean over folds',
      embedded,
      skipped: judged.skipped,
    }
    await printListedPairs(context, setup, printed)
    if (target) {
      const shown = { pairs: judgedPairs, distances, ...shownVideos(videos, summaries, embedded) }
      await writeListedPairsReport(context, setup, target, printed, shown)
    }
  })
}

function judge(pairs: ImagePair[], distances: number[]): Promise<PairsResult> {
  const same = pairs.map((pair) => pair.same)
  return evaluatePairs(
    distances,
    same,
    Int32Array.from(pairs, (pair) => pair.fold),
    { unequalFolds: true },
  )
}

/** In a report a video is shown by its first frame that was used, and lies on the map where its mean embedding does. */
function shownVideos(
  videos: Map<string, SourceImage[]>,
  summaries: Map<string, VideoSummary>,
  { embeddings, points }: Embedded,
): Omit<ShownListedPairs, 'pairs' | 'distances'> {
  const frame = (name: string) => videos.get(name)!.find(({ path }) => embeddings.has(path))!
  const person = (name: string) => name.split('/')[0]!.replaceAll('_', ' ')
  const label = (name: string) => `${person(name)}, video ${name.split('/').at(-1)}`
  const names = [...summaries.keys()]
  const means = names.map((name) => summaries.get(name)!.mean)
  const dimensions = means[0]!.length
  return {
    faceOf: (name) => ({ path: name, label: label(name) }),
    find: (name) => {
      const image = frame(name)
      return { read: () => image.read(), points: points.get(image.path) ?? image.points }
    },
    map: {
      kind: 'person',
      paths: names,
      embeddings: concatenateRows(means),
      dimensions,
      groups: names.map(person),
      labels: names.map(label),
    },
  }
}

/** The first frames of each video, in their order. A table beside the images says which they are, or else their paths do. */
async function findVideos(sources: string[], most: number): Promise<Map<string, SourceImage[]>> {
  const tables = new Map<string, Frame>()
  for (const source of sources) {
    const path = join(dirname(source), `${basename(source).replace(/\.tar$/i, '')}.tsv`)
    const text = await readTextIfAny(path)
    if (text !== null) for (const [name, frame] of parseFrameTable(text, path)) tables.set(name, frame)
  }
  const nameOf = (path: string) => path.split(/[/\\]/).slice(-2).join('/')
  const videos = new Map<string, { frame: number; image: SourceImage }[]>()
  for (const [path, image] of await findImages(sources, (path) => path)) {
    const place = tables.get(nameOf(path)) ?? frameOfPath(path)
    if (!place) continue
    if (!videos.has(place.video)) videos.set(place.video, [])
    videos.get(place.video)!.push({ frame: place.frame, image })
  }
  return new Map(
    [...videos].map(([name, frames]) => [
      name,
      frames
        .sort((a, b) => a.frame - b.frame)
        .slice(0, most)
        .map(({ image }) => image),
    ]),
  )
}
