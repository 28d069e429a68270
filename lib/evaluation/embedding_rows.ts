/** Embeddings that were stored by `facenet embed --out x.jsonl`. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { assertSameFingerprint } from '../embeddings/distances.js'
import {
  checkPreparation,
  checkPreparedAlike,
  type MixedOptions,
  type Preparation,
  type PreparedSide,
  warnUnknown,
} from '../embeddings/preparation.js'
import { cannotRead, FaceNetError } from '../errors.js'
import { checkAbout, checkMissing, type RowAbout, type StoredMissing } from '../files/outputs/about.js'
import { checkFlag, checkOptions } from '../native/check_arguments.js'
import { lineError } from './lfw_pairs.js'

/** Embeddings that were stored, and the model they are of. */
export interface StoredEmbeddings {
  /** Image of each row. */
  paths: string[]
  /** The embeddings. */
  rows: Float32Array[]
  /** Of the model that made them. */
  fingerprint: string
  /** How all their images were prepared; undefined where the files do not say it, or where mixed rows are allowed. */
  preparation?: Preparation
  /** What is known of each row. */
  about: RowAbout[]
  /** Images without an embedding. */
  missing: StoredMissing[]
}

/** What has been read so far. */
interface Reading extends StoredEmbeddings {
  /** The first line, which all others are held against. */
  first?: PreparedSide
  /** A line that says nothing of its preparation. */
  silent?: string
  mixed: boolean
}

/**
 * A line a row, `{"path","embedding","fingerprint","preparation"}`; lines `{"path","error"}` are left out. All files together must
 * be of one model and prepared alike.
 *
 * @param files by their paths. Lines without `preparation`, as of versions before 0.2, give a warning.
 * @param options whether rows of several preparations are an error.
 * @throws FaceNetError ERR_FACENET_IO where a file cannot be read; ERR_FACENET_INVALID_ARGUMENT for a malformed line, and
 *   where a fingerprint or a preparation differs from the first.
 *
 * @example
 * ```ts
 * const { paths, rows, fingerprint, preparation } = await readEmbeddings(['faces.jsonl'])
 * ```
 */
export async function readEmbeddings(files: readonly string[], options: MixedOptions = {}): Promise<StoredEmbeddings> {
  checkOptions(options, 'options', ['allowMixed'])
  checkFlag(options.allowMixed, 'options.allowMixed')
  const reading: Reading = { paths: [], rows: [], about: [], missing: [], fingerprint: '', mixed: false }
  for (const file of files) {
    let number = 0
    try {
      for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
        number++
        if (line.trim() !== '') add(reading, line, { file, number }, options)
      }
    } catch (cause) {
      throw cannotRead(file, 'a readable file', cause)
    }
  }
  const { paths, rows, fingerprint, about, missing, first, silent, mixed } = reading
  if (rows.length === 0)
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `No embeddings were found in ${files.join(', ')}`)
  if (silent !== undefined) warnUnknown(silent)
  const preparation = mixed || silent !== undefined ? undefined : first?.preparation
  return { paths, rows, fingerprint, about, missing, ...(preparation && { preparation }) }
}

function add(
  reading: Reading,
  line: string,
  { file, number }: { file: string; number: number },
  { allowMixed }: MixedOptions,
): void {
  const parsed = parse(line)
  const { path, embedding, fingerprint, preparation, error, passedOver, stats } = parsed
  // What `embed --json` says last: of files that are no images, and of the time it took.
  if ((passedOver ?? stats) !== undefined && path === undefined && embedding === undefined) return
  if (typeof path === 'string' && typeof error === 'string' && embedding === undefined) {
    reading.missing.push(checkMissing(parsed, `${file}:${number}`))
    return
  }
  const dimensions = reading.rows[0]?.length ?? (Array.isArray(embedding) ? embedding.length : 0)
  const rows = Array.isArray(embedding) && embedding.length === dimensions && embedding.every(Number.isFinite)
  const named = typeof fingerprint === 'string' && fingerprint !== ''
  if (typeof path !== 'string' || !named || !rows || dimensions === 0) {
    const expected = `a path, a fingerprint and an embedding of ${dimensions || 'some'} finite numbers`
    throw lineError(file, number, expected, JSON.stringify(line.slice(0, 80)))
  }
  if (reading.fingerprint === '') reading.fingerprint = fingerprint
  assertSameFingerprint(reading.fingerprint, fingerprint)
  addPreparation(
    reading,
    { name: `${file}:${number}`, preparation: checkPreparation(preparation, `${file}:${number}`) },
    allowMixed,
  )
  reading.about.push(checkAbout(parsed, `${file}:${number}`))
  reading.paths.push(path)
  reading.rows.push(Float32Array.from(embedding as number[]))
}

function addPreparation(reading: Reading, line: PreparedSide, allowMixed = false): void {
  if (!line.preparation) {
    reading.silent ??= line.name
    return
  }
  reading.first ??= line
  try {
    checkPreparedAlike(reading.first, line)
  } catch (error) {
    if (!allowMixed) throw error
    reading.mixed = true
  }
}

type Line = Partial<
  Record<'path' | 'embedding' | 'fingerprint' | 'preparation' | 'error' | 'passedOver' | 'stats', unknown>
>

function parse(line: string): Line {
  try {
    return JSON.parse(line) ?? {}
  } catch {
    return {}
  }
}
