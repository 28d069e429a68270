/** `facenet embed`: images to embeddings, in a file or on stdout. */
import type { OutputOptions } from '../../files/outputs/index.js'
import { FaceNetError, type FailedImage, type Model, openModel } from '../../index.js'
import type { SourceImage } from '../../sources/index.js'
import { notYetDone, ofShard } from '../../sources/shard.js'
import { type Alignment, readAlignment, withDetector } from '../common/alignment.js'
import { isMistake, listFailures, sayRefused } from '../common/failures.js'
import { imageProgress } from '../common/progress.js'
import { RunStats } from '../common/run_stats.js'
import { type Context, PartialFailure } from '../context.js'
import { type EmbedOptions, isGalleryName } from '../options/images.js'
import { UsageError } from '../usage_error.js'
import { Finished, openSink } from './embed_sinks.js'
import { addPhotographs } from './gallery_add.js'

/** Images written at a time. */
const writeEvery = 32

type Given = Context<EmbedOptions>

export async function run(context: Given): Promise<void> {
  if (context.options.resume && context.options.out === undefined) throw new UsageError('--resume is for --out')
  const alignment = readAlignment(context)
  await using model = await openModel(context.options.model, context.opening())
  const { out } = context.options
  await withDetector(context, alignment, (alignment) =>
    out !== undefined && isGalleryName(out)
      ? embedIntoGallery(context, model, alignment, out)
      : embed(context, model, alignment),
  )
}

/** Photographs that are there are passed over, so every run goes on with the one before. */
async function embedIntoGallery(context: Given, model: Model, alignment: Alignment, gallery: string): Promise<void> {
  const images = imagesOf(context)
  const stats = context.options.stats ? new RunStats() : undefined
  await addPhotographs(context, gallery, { model, alignment, images }, stats)
}

function imagesOf(context: Given): AsyncIterable<SourceImage> {
  const { shard } = context.options
  return shard ? ofShard(context.images(), shard) : context.images()
}

async function embed(context: Given, model: Model, alignment: Alignment): Promise<void> {
  const { out, batchSize } = context.options
  const rows: OutputOptions = {
    dimensions: model.dimensions,
    fingerprint: model.fingerprint,
    preparation: model.preparationOf(alignment),
  }
  const sink = await openSink(context, rows)
  const progress = imageProgress(context.quiet)
  const stats = new RunStats()
  const { before } = sink
  const failures: FailedImage[] = before.missing.map(({ path, error }) => {
    return { path, error: new FaceNetError('ERR_FACENET_FACE_COUNT', error, { argument: path }) }
  })
  const finished = new Finished()
  let refused = 0
  const flush = () => stats.writing(() => sink.write(finished.take()))
  const source = notYetDone(imagesOf(context), sink.done)
  const images = model.embedStream(source, {
    ...alignment,
    ...context.limits(),
    signal: context.signal,
    batchSize,
    onError: (failure) => {
      failures.push(failure)
      finished.addMissing(failure.path, failure.error)
    },
    onRefused: () => refused++,
    onProgress: (now, stages) => {
      stats.update(stages)
      progress.update(now, stages)
    },
  })
  let [done, imagesDone] = [0, 0]
  try {
    for await (const image of images) {
      done++
      if (!image.face?.index) imagesDone++
      finished.add(image)
      if (finished.count >= writeEvery) await flush()
    }
    finished.end()
    if (done + failures.length + before.rows === 0) {
      throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No images were found')
    }
    await flush()
    await context.printPassedOver()
    await sink.close()
    if (context.options.stats) await stats.print(context, imagesDone)
  } catch (error) {
    await sink.abort()
    throw error
  } finally {
    progress.stop()
  }
  const what = alignment.align === 'detect' ? 'faces' : 'images'
  const earlier = before.rows > 0 ? `, ${before.rows} of them by runs before` : ''
  context.say(`${done + before.rows} ${what} embedded${out === undefined ? '' : ` into ${out}`}${earlier}`)
  sayRefused(context, refused)
  listFailures(context, failures, before.images + imagesDone + failures.length)
  if (failures.some((failure) => isMistake(failure, alignment.faces))) throw new PartialFailure()
}
