/** `facenet evaluate ytf`: YouTube Faces. A pair's distance is the mean over all pairs of frames of its two videos. */
import { concatenateRows } from '../../embeddings/concatenate_rows.js'
import type { FoundImages } from '../../evaluation/listed_images.js'
import { foldCount, judgeYtf, readYtfList, type YtfResult } from '../../evaluation/ytf.js'
import { type Context, PartialFailure } from '../context.js'
import type { EvaluateOptions } from '../options/evaluate.js'
import { type ShownListedPairs, writeListedPairsReport } from '../report/listed_pairs.js'
import { reportTarget } from '../report/target.js'
import { UsageError } from '../usage_error.js'
import { kinds } from './format.js'
import { embedAll, withSetup } from './images.js'
import { printListedPairs } from './print_listed_pairs.js'

export async function run(context: Context<EvaluateOptions>, sources: string[]): Promise<void> {
  const { frames: most, pairs: file } = context.options
  if (file === undefined) throw new UsageError('--pairs is missing: the file of the splits')
  const target = await reportTarget(context)
  const list = await readYtfList(file)
  if (foldCount(list) < 2) throw new UsageError(`${file} has fewer than two folds`)
  await withSetup(context, async (setup) => {
    const embed = (found: FoundImages) => embedAll(context, setup, found)
    const judged = await judgeYtf(list, sources, most, embed, context.options.skipMissing, context.reading())
    const { result, embedded, skipped, distances, summaries } = judged
    const pairs = judged.pairs[0]!
    const counted = `${summaries.size} videos, ${embedded.embeddings.size} frames`
    const printed = {
      set: 'ytf' as const,
      protocol: 'YouTube Faces',
      heading: `${kinds(pairs)} of ${counted}, at most the first ${most} of a video`,
      result,
      errorOf: 'standard error of the mean over folds',
      embedded,
      skipped,
    }
    await printListedPairs(context, setup, printed)
    if (target) {
      const shown = { pairs, distances, ...shownVideos(judged) }
      await writeListedPairsReport(context, setup, target, printed, shown)
    }
    if (embedded.failures.length > 0) throw new PartialFailure()
  })
}

/** In a report a video is shown by its first frame that was used, and lies on the map where its mean embedding does. */
function shownVideos({
  videos,
  summaries,
  embedded: { embeddings, points },
}: YtfResult): Omit<ShownListedPairs, 'pairs' | 'distances'> {
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
