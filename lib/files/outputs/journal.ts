/**
 * What a run has embedded so far, beside the file that it is to become, so that a run that was killed can go on: `<out>.partial`, a
 * line of JSON an image. A line is written when all faces of its image are embedded; one that was cut off by the end of the process
 * counts as not written. When the run is through, the lines become the file, and the journal goes.
 */
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rm, truncate } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import { cannotRead, cannotWrite, invalidArgument } from '../../errors.js'
import { Lock } from '../lock.js'
import { openOutput } from './open.js'
import type { EmbeddingRow, MissingRow, OutputOptions } from './output.js'

/** What a run is of: one that is of something else does not go on with it. */
export interface JournalHeader extends OutputOptions {
  /** Which part of the images, as `2/8`; all of them where it is left out. */
  shard?: string
  /** What else decides which rows there are. */
  detection?: Readonly<Record<string, unknown>>
}

/** An image that is done: the rows of its faces, or why it has none. */
export interface FinishedImage {
  image: string
  rows?: readonly EmbeddingRow[]
  missing?: string
  /** Of the error that says why. */
  code?: string
}

interface StoredRow extends Omit<EmbeddingRow, 'embedding'> {
  /** Float32, little-endian, in base64. */
  values: string
}
interface Line {
  image: string
  rows?: StoredRow[]
  missing?: string
  code?: string
}

/** Images that become rows of the file together. */
const together = 256

export class Journal {
  /** How often each image, by its path, was done by runs before. */
  readonly done = new Map<string, number>()
  /** Of runs before. */
  readonly before = { images: 0, rows: 0, missing: [] as { path: string; error: string }[] }
  readonly #path: string
  #file!: FileHandle

  private constructor(
    private readonly out: string,
    private readonly header: JournalHeader,
    private readonly lock: Lock,
  ) {
    this.#path = `${out}.partial`
  }

  /**
   * Goes on with the journal of `out`, or begins one.
   *
   * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where the one that is there is of another model, of images that were prepared
   *   otherwise or of another shard; ERR_FACENET_IO, also where another process is writing it.
   */
  static async open(out: string, header: JournalHeader): Promise<Journal> {
    const journal = new Journal(out, header, await Lock.take(`${out}.partial.lock`))
    try {
      const whole = await journal.#read()
      if (whole > 0) await truncate(journal.#path, whole)
      journal.#file = await open(journal.#path, whole > 0 ? 'a' : 'w')
      if (whole === 0) await journal.#file.write(`${oneLine(header)}\n`)
      return journal
    } catch (cause) {
      await journal.close()
      throw cannotWrite(journal.#path, 'a writable file', cause)
    }
  }

  /** Bytes of whole lines; 0 where there is no journal yet. */
  async #read(): Promise<number> {
    let whole = 0
    let header: unknown
    for await (const { line, end } of this.#lines()) {
      if (header === undefined) {
        header = line
        this.#check(line as Record<string, unknown>)
      } else {
        const { image, rows = [], missing } = line as Line
        this.done.set(image, (this.done.get(image) ?? 0) + 1)
        this.before.rows += rows.length
        if (missing === undefined) this.before.images++
        else this.before.missing.push({ path: image, error: missing })
      }
      whole = end
    }
    return whole
  }

  #check(found: Record<string, unknown>): void {
    const wanted = JSON.parse(JSON.stringify(this.header)) as Record<string, unknown>
    for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
      if (isDeepStrictEqual(wanted[key], found[key])) continue
      const said = (value: unknown) => `${key} ${value === undefined ? 'none' : JSON.stringify(value)}`
      const advice = `remove it to begin anew`
      throw invalidArgument(
        this.#path,
        `a run with ${said(wanted[key])} to go on with`,
        `${said(found[key])}: ${advice}`,
      )
    }
  }

  /** Whole lines, and where each ends. What stands behind the last line break was cut off. */
  async *#lines(): AsyncGenerator<{ line: object; end: number }> {
    let end = 0
    const stream = createReadStream(this.#path)
    try {
      for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
        end += Buffer.byteLength(text) + 1
        const line = parsed(text)
        if (!line || end > stream.bytesRead) return
        yield { line, end }
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cannotRead(this.#path, 'a readable file', cause)
    } finally {
      stream.destroy()
    }
  }

  /** Says that images are done. */
  async add(images: readonly FinishedImage[]): Promise<void> {
    if (images.length === 0) return
    try {
      await this.#file.writeFile(images.map((image) => `${oneLine(stored(image))}\n`).join(''))
    } catch (cause) {
      throw cannotWrite(this.#path, 'a writable file', cause)
    }
  }

  /**
   * Makes the file of what all runs have embedded, in the order in which they did, and removes the journal. `failed`: images that are
   * tried again by every run, and could not be used by this one.
   */
  async finish(failed: readonly MissingRow[] = []): Promise<void> {
    const output = await openOutput(this.out, this.header)
    try {
      let [rows, missing]: [EmbeddingRow[], MissingRow[]] = [[], []]
      const flush = async () => {
        await output.write(rows)
        await output.writeMissing(missing)
        rows = []
        missing = []
      }
      let isHeader = true
      for await (const { line } of this.#lines()) {
        const image = line as Line
        if (!isHeader) {
          rows.push(...(image.rows ?? []).map(restored))
          const { image: path, missing: error, code } = image
          if (error !== undefined) missing.push({ path, ...(code !== undefined && { code }), error })
        }
        isHeader = false
        if (rows.length >= together) await flush()
      }
      missing.push(...failed)
      await flush()
      await output.close()
    } catch (error) {
      await output.abort()
      throw error
    }
    await rm(this.#path)
  }

  /** Leaves the journal as it is, for a run that goes on with it. */
  async close(): Promise<void> {
    await this.#file?.close()
    await this.lock.release()
  }
}

/** JSON without the separators that are line breaks to readers of text. */
const oneLine = (value: unknown) =>
  JSON.stringify(value).replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`)

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function stored({ image, rows, missing, code }: FinishedImage): Line {
  return {
    image,
    rows: rows?.map(({ path, embedding, image, face, quality, metadata }) => ({
      path,
      values: toBase64(embedding),
      image,
      face,
      quality,
      metadata,
    })),
    missing,
    code,
  }
}

function restored({ values, ...row }: StoredRow): EmbeddingRow {
  return { ...row, embedding: fromBase64(values) }
}

function toBase64(values: Float32Array): string {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, i * 4)
  return bytes.toString('base64')
}

function fromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64')
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))
}
