/** `facenet embed`: images to embeddings, in a file or on stdout. */
import { jsonLine, type MissingRow, missingLine, type OutputOptions, openOutput } from '../../files/outputs/index.js'
import { type EmbeddedImage, FaceNetError, type FailedImage, type Model, openModel } from '../../index.js'
import { type Alignment, readAlignment, withDetector } from '../common/alignment.js'
import { isMistake, listFailures } from '../common/failures.js'
import { imageProgress } from '../common/progress.js'
import { RunStats } from '../common/run_stats.js'
import { type Context, PartialFailure } from '../context.js'
import type { EmbedOptions } from '../options/images.js'

/** Rows written at a time. */
const writeEvery = 256

export async function run(context: Context<EmbedOptions>): Promise<void> {
  const alignment = readAlignment(context)
  await using model = await openModel(context.options.model, context.opening())
  await withDetector(context, alignment, (alignment) => embed(context, model, alignment))
}

async function embed(context: Context<EmbedOptions>, model: Model, alignment: Alignment): Promise<void> {
  const { out, batchSize } = context.options
  const rows = {
    dimensions: model.dimensions,
    fingerprint: model.fingerprint,
    preparation: model.preparationOf(alignment),
  }
  const sink = out === undefined ? toStdout(context, rows) : await toFile(context, rows, out)

  const progress = imageProgress(context.quiet)
  const stats = new RunStats()
  const failures: FailedImage[] = []
  const waiting: { rows: EmbeddedImage[]; missing: MissingRow[] } = { rows: [], missing: [] }
  const flush = () =>
    stats.writing(async () => {
      await sink.write(waiting.rows.splice(0))
      await sink.writeMissing(waiting.missing.splice(0))
    })
  const images = model.embedStream(context.operands, {
    ...alignment,
    ...context.limits(),
    ...context.reading(),
    batchSize,
    onError: (failure) => {
      failures.push(failure)
      const { path, error } = failure
      if (error.code === 'ERR_FACENET_FACE_COUNT') waiting.missing.push({ path, error: error.message })
    },
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
      if (waiting.rows.push(image) === writeEvery) await flush()
    }
    if (done + failures.length === 0) throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No images were found')
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
  context.say(`${done} ${what} embedded${out === undefined ? '' : ` into ${out}`}`)
  listFailures(context, failures, imagesDone + failures.length)
  if (failures.some((failure) => isMistake(failure, alignment.faces))) throw new PartialFailure()
}

interface Sink {
  write(rows: EmbeddedImage[]): Promise<void>
  writeMissing(rows: MissingRow[]): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}

function toStdout(context: Context, options: OutputOptions): Sink {
  return {
    async write(rows) {
      for (const row of rows) {
        const { path, embedding } = row
        if (context.json) await context.print(jsonLine(row, options))
        else await context.print(`${path}\t${Array.from(embedding, (value) => value.toPrecision(9)).join(' ')}`)
      }
    },
    async writeMissing(rows) {
      if (context.json) for (const row of rows) await context.print(missingLine(row))
    },
    async close() {},
    async abort() {},
  }
}

/** With --json the lines go to stdout as well. */
async function toFile(context: Context, options: OutputOptions, path: string): Promise<Sink> {
  const file = await openOutput(path, options)
  const lines = toStdout(context, options)
  return {
    async write(rows) {
      await file.write(rows)
      if (context.json) await lines.write(rows)
    },
    async writeMissing(rows) {
      await file.writeMissing(rows)
      await lines.writeMissing(rows)
    },
    close: () => file.close(),
    abort: () => file.abort(),
  }
}
