/** `facenet evaluate ytf`: YouTube Faces. A pair's distance is the mean over all pairs of frames of its two videos. */
import { basename, dirname, join } from 'node:path'
import { evaluatePairs } from '../evaluation/evaluate_pairs.js'
import { readText } from '../evaluation/text_files.js'
import {
  type Frame,
  frameOfPath,
  meanDistance,
  parseFrameTable,
  parseYtfSplits,
  sumUp,
  type VideoSummary,
} from '../evaluation/ytf_splits.js'
import type { SourceImage } from '../sources/index.js'
import { readTextIfAny } from '../sources/io.js'
import { type Context, UsageError } from './context.js'
import { describeSetup, embedAll, findImages, presentPairs, setupLine, withSetup } from './evaluate_images.js'
import { foldTable, publishedTable, valLines, withError } from './evaluate_print.js'

export async function run(context: Context, sources: string[]): Promise<void> {
  const most = context.integer('frames', 1) ?? 100
  const file = context.required('pairs')
  const pairs = parseYtfSplits(await readText(file), file)
  if (new Set(pairs.map((pair) => pair.fold)).size < 2) throw new UsageError(`${file} has fewer than two folds`)
  await withSetup(context, async (setup) => {
    const videos = await findVideos(sources, most)
    const { present } = presentPairs(context, pairs, file, (name) => videos.has(name))
    const needed = new Set(present.flatMap(({ a, b }) => [a, b]))
    const frames = new Map<string, SourceImage>()
    for (const name of needed) for (const image of videos.get(name)!) frames.set(image.path, image)
    const { embeddings, fallbacks } = await embedAll(context, setup, frames)
    const summaries = new Map<string, VideoSummary>()
    for (const name of needed) {
      const rows = videos.get(name)!.flatMap(({ path }) => embeddings.get(path) ?? [])
      if (rows.length > 0) summaries.set(name, sumUp(rows))
    }
    const judged = presentPairs(context, pairs, file, (name) => summaries.has(name))
    const distances = judged.present.map(({ a, b }) => meanDistance(summaries.get(a)!, summaries.get(b)!))
    const folds = Int32Array.from(judged.present, (pair) => pair.fold)
    const result = await evaluatePairs(
      distances,
      judged.present.map((pair) => pair.same),
      folds,
      { unequalFolds: true },
    )
    const facts = {
      pairs: distances.length,
      videos: summaries.size,
      images: embeddings.size,
      frames: most,
      skipped: judged.skipped,
    }
    if (context.json) {
      const { roc, ...figures } = result
      await context.print(
        JSON.stringify({ ...figures, protocol: 'YouTube Faces', ...facts, fallbacks, ...describeSetup(setup), roc }),
      )
      return
    }
    await context.print(setupLine(setup))
    await context.print(
      `YouTube Faces: ${facts.pairs} pairs of ${facts.videos} videos, ${facts.images} frames, at most the first ${most} of a video`,
    )
    if (judged.skipped > 0) await context.print(`${judged.skipped} pairs were skipped: their videos are missing`)
    if (setup.align === 'detect')
      await context.print(`no face was found in ${fallbacks.length} of ${facts.images} frames`)
    await context.print(foldTable(result))
    await context.print(
      `accuracy ${withError(result.accuracy, result.standardError)} (standard error of the mean over folds), threshold ${result.threshold.toFixed(4)}`,
    )
    await context.print(`${valLines(result.val)}\n\n${publishedTable('ytf')}`)
  })
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
