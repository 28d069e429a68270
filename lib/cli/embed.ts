/** `facenet embed`: images to embeddings, in a file or on stdout. */
import { type EmbeddedImage, FaceNetError, type FailedImage, type Model, openModel } from '../index.js'
import { jsonLine, openOutput } from '../outputs/index.js'
import { type Context, PartialFailure, UsageError } from './context.js'
import { alignment } from './embed_files.js'
import { imageProgress } from './progress.js'

/** Rows written at a time. */
const writeEvery = 256

export async function run(context: Context): Promise<void> {
  const out = context.text('out')
  if (out !== undefined && !/\.(npy|parquet|jsonl)$/i.test(out)) {
    throw new UsageError(`--out ends in .npy, .parquet or .jsonl, and ${out} does not`)
  }
  const align = alignment(context)
  const batchSize = context.integer('batch-size', 1)
  await using model = await openModel(context.modelPath(), context.modelOptions())
  const sink = out === undefined ? toStdout(context, model) : await toFile(context, model, out)

  const progress = imageProgress(context.quiet)
  const failures: FailedImage[] = []
  const images = model.embedStream(context.operands, {
    align,
    batchSize,
    signal: context.signal,
    onError: (failure) => failures.push(failure),
    onProgress: (now) => progress.update(now),
  })
  let done = 0
  try {
    let rows: EmbeddedImage[] = []
    for await (const image of images) {
      done++
      if (rows.push(image) < writeEvery) continue
      await sink.write(rows)
      rows = []
    }
    if (done + failures.length === 0) throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', 'No images were found')
    await sink.write(rows)
    await sink.close()
  } catch (error) {
    await sink.abort()
    throw error
  } finally {
    progress.stop()
  }
  report(context, done, failures, out)
}

function report(context: Context, done: number, failures: FailedImage[], out: string | undefined): void {
  context.say(`${done} images embedded${out === undefined ? '' : ` into ${out}`}`)
  if (failures.length === 0) return
  context.complain(`${failures.length} of ${done + failures.length} images could not be used:`)
  for (const { path, error } of failures) {
    context.complain(`  ${error.message.includes(path) ? '' : `${path}: `}${error.message} (${error.code})`)
  }
  throw new PartialFailure()
}

interface Sink {
  write(rows: EmbeddedImage[]): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}

function toStdout(context: Context, { fingerprint }: Model): Sink {
  return {
    async write(rows) {
      for (const { path, embedding } of rows) {
        if (context.json) await context.print(jsonLine({ path, embedding }, fingerprint))
        else await context.print(`${path}\t${Array.from(embedding, (value) => value.toPrecision(9)).join(' ')}`)
      }
    },
    async close() {},
    async abort() {},
  }
}

/** With --json the lines go to stdout as well. */
async function toFile(context: Context, model: Model, path: string): Promise<Sink> {
  const { dimensions, fingerprint } = model
  const file = await openOutput(path, { dimensions, fingerprint })
  const lines = toStdout(context, model)
  return {
    async write(rows) {
      await file.write(rows)
      if (context.json) await lines.write(rows)
    },
    close: () => file.close(),
    abort: () => file.abort(),
  }
}
