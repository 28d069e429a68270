/** Where `facenet embed` puts its rows: stdout, a file, or a journal that becomes a file. */
import { jsonLine, type MissingRow, missingLine, type OutputOptions, openOutput } from '../../files/outputs/index.js'
import { type FinishedImage, Journal } from '../../files/outputs/journal.js'
import type { EmbeddedImage, FaceNetError } from '../../index.js'
import { printableName } from '../common/printable.js'
import type { Context } from '../context.js'
import type { EmbedOptions } from '../options/images.js'

export interface Sink {
  /** How often each image was done by runs before. */
  done: Map<string, number>
  /** Of runs before. */
  before: Journal['before']
  write(images: readonly FinishedImage[]): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}

export function openSink(context: Context<EmbedOptions>, options: OutputOptions): Promise<Sink> {
  const { out, resume } = context.options
  if (out === undefined) return Promise.resolve(toStdout(context, options))
  return resume ? toJournal(context, options, out) : toFile(context, options, out)
}

function toStdout(context: Context, options: OutputOptions): Sink {
  return {
    ...fresh(),
    async write(images) {
      for (const row of rowsOf(images)) {
        const { path, embedding } = row
        if (context.json) await context.print(jsonLine(row, options))
        else
          await context.print(
            `${printableName(path)}\t${Array.from(embedding, (value) => value.toPrecision(9)).join(' ')}`,
          )
      }
      if (context.json) for (const row of missingOf(images)) await context.print(missingLine(row))
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
    ...fresh(),
    async write(images) {
      await file.write(rowsOf(images))
      await file.writeMissing(missingOf(images))
      if (context.json) await lines.write(images)
    },
    close: () => file.close(),
    abort: () => file.abort(),
  }
}

/** What was embedded stays in the journal whatever ends the run. */
async function toJournal(context: Context<EmbedOptions>, options: OutputOptions, path: string): Promise<Sink> {
  const { shard, align, faces, minSize, score, tryRotated, minSharpness, maxYaw, maxPitch, maxRoll } = context.options
  const gates = { minSharpness, maxYaw, maxPitch, maxRoll }
  const header = {
    ...options,
    ...(shard && { shard: `${shard.index}/${shard.count}` }),
    ...(align === 'detect' && { detection: { faces, minSize, score, tryRotated, ...gates } }),
  }
  const journal = await Journal.open(path, header)
  const failed: MissingRow[] = []
  const lines = toStdout(context, options)
  return {
    done: journal.done,
    before: journal.before,
    async write(images) {
      // A photograph without a face has none the next time; one that could not be read is tried again.
      const isDone = ({ missing, code }: FinishedImage) => missing === undefined || code === 'ERR_FACENET_FACE_COUNT'
      await journal.add(images.filter(isDone))
      failed.push(...missingOf(images.filter((image) => !isDone(image))))
      if (context.json) await lines.write(images)
    },
    async close() {
      await journal.finish(failed)
      await journal.close()
    },
    abort: () => journal.close(),
  }
}

const fresh = () => ({ done: new Map<string, number>(), before: { images: 0, rows: 0, missing: [] } })
const rowsOf = (images: readonly FinishedImage[]) => images.flatMap(({ rows = [] }) => rows)
const missingOf = (images: readonly FinishedImage[]) =>
  images.flatMap(({ image, missing, code }): MissingRow[] =>
    missing === undefined ? [] : [{ path: image, ...(code !== undefined && { code }), error: missing }],
  )

/** Rows as a stream gives them, gathered by images: one is done when the next one begins. */
export class Finished {
  #images: FinishedImage[] = []
  #open: { image: string; rows: EmbeddedImage[] } | undefined

  get count(): number {
    return this.#images.length
  }

  add(row: EmbeddedImage): void {
    if (this.#open && row.face?.index) this.#open.rows.push(row)
    else {
      this.end()
      this.#open = { image: row.image, rows: [row] }
    }
  }

  addMissing(image: string, { code, message }: FaceNetError): void {
    this.#images.push({ image, missing: message, code })
  }

  /** No row follows. */
  end(): void {
    if (this.#open) this.#images.push(this.#open)
    this.#open = undefined
  }

  take(): FinishedImage[] {
    return this.#images.splice(0)
  }
}
