/** Embeddings that `facenet embed --out` stored, read back. */
import { createHash } from 'node:crypto'
import { extname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { concatenateRows } from '../../embeddings/concatenate_rows.js'
import type { Embeddings } from '../../embeddings/embeddings.js'
import { checkPreparation, type MixedOptions, warnUnknown } from '../../embeddings/preparation.js'
import { describe, FaceNetError, invalidArgument } from '../../errors.js'
import { readEmbeddings } from '../../evaluation/embedding_rows.js'
import { readWhole } from '../read.js'
import { checkAbout, checkMissing, type RowAbout, type StoredMissing } from './about.js'
import { readEarlier } from './npy_pair.js'
import { readParquet } from './read_parquet.js'

/** Embeddings as they were stored, and what each is of. */
export interface StoredRows extends Embeddings {
  /** Of row i. */
  paths: string[]
  /** What is known of row i; undefined in files of versions before 0.2. */
  about?: RowAbout[]
  /** Images without an embedding. */
  missing?: StoredMissing[]
}

/**
 * Whether a path looks like such a file.
 *
 * @param path of a file that need not be there.
 *
 * @example
 * ```ts
 * isStored('faces.npy') // true
 * ```
 */
export const isStored = (path: string) => ['.npy', '.jsonl', '.parquet'].includes(extname(path).toLowerCase())

/**
 * Reads embeddings that `openOutput` or `facenet embed --out` wrote: `.npy`, with the `.npy.json` beside it, `.jsonl` and `.parquet`.
 *
 * @param path of the file. One that does not say how its images were prepared, as of versions before 0.2, gives a warning.
 * @param options whether lines of a `.jsonl` file may be of several preparations; the rows then know of none.
 * @throws FaceNetError ERR_FACENET_IO where a file cannot be read, ERR_FACENET_INVALID_ARGUMENT where it holds something else.
 *
 * @example
 * ```ts
 * const gallery = await readStored('faces.npy')
 * const { indices } = await nearestNeighbors(await model.embedRows(['party.jpg']), gallery, { k: 5 })
 * ```
 */
export async function readStored(path: string, options: MixedOptions = {}): Promise<StoredRows> {
  const format = extname(path).toLowerCase()
  if (format === '.npy') return readNpy(path)
  if (format === '.parquet') return readParquet(path)
  if (format !== '.jsonl')
    throw invalidArgument('path', 'embeddings in a .npy, .jsonl or .parquet file', describe(path))
  const { paths, rows, fingerprint, preparation, about, missing } = await readEmbeddings([path], options)
  const dimensions = rows[0]!.length
  return {
    paths,
    data: concatenateRows(rows),
    rows: rows.length,
    dimensions,
    fingerprint,
    ...(preparation && { preparation }),
    about,
    missing,
  }
}

/** Milliseconds that two renames may take, and how often they may come between two readings. */
const between = 100
const mostReadings = 3

/** Both files, which have to be of one run: a writer may be between giving the two their names, so they are read again. */
async function readNpy(path: string): Promise<StoredRows> {
  for (let readings = 1; ; readings++) {
    try {
      return parseNpy(path, await readWhole(`${path}.json`), await readWhole(path))
    } catch (error) {
      const mayBeMixed = error instanceof FaceNetError && error.code === 'ERR_FACENET_INVALID_ARGUMENT'
      if (!mayBeMixed) throw error
      if (readings < mostReadings) await setTimeout(between)
      else return await ofBefore(path, error)
    }
  }
}

/** Rows whose writer was killed before new ones took their place, with the paths that were theirs. */
async function ofBefore(path: string, error: unknown): Promise<StoredRows> {
  const earlier = await readEarlier(`${path}.json`)
  if (!earlier) throw error
  try {
    return parseNpy(path, earlier, await readWhole(path))
  } catch {
    throw error
  }
}

function parseNpy(path: string, beside: Uint8Array, array: Uint8Array): StoredRows {
  const { dimensions, paths, sha256, ...made } = parseBeside(Buffer.from(beside).toString('utf8'), `${path}.json`)
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength)
  const isNpy = bytes.length >= 10 && bytes.toString('latin1', 0, 8) === '\x93NUMPY\x01\x00'
  const start = isNpy ? 10 + bytes.readUInt16LE(8) : 0
  const header = bytes.toString('latin1', 10, start)
  const shape = header.match(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\), \}\s*$/)
  const expected = `a .npy file of float32, ${paths.length} x ${dimensions} as ${path}.json says`
  if (!shape) throw invalidArgument(path, expected, isNpy ? header.trim() : 'other bytes')
  const [, rows, columns] = shape.map(Number)
  const whole = bytes.length - start === paths.length * dimensions * 4
  if (rows !== paths.length || columns !== dimensions || !whole) {
    throw invalidArgument(path, expected, `${rows} x ${columns} in ${bytes.length - start} bytes`)
  }
  const found = sha256 === undefined ? undefined : createHash('sha256').update(bytes.subarray(start)).digest('hex')
  if (found !== sha256) {
    const wanted = `the rows that ${path}.json is of (sha-256 ${sha256})`
    throw invalidArgument(path, wanted, `others (${found}): the two files are not of one run, embed again`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start)
  const data = Float32Array.from({ length: rows * columns }, (_, i) => view.getFloat32(i * 4, true))
  return { paths, data, rows: paths.length, dimensions, ...made }
}

type Beside = Omit<StoredRows, 'data' | 'rows'> & {
  /** Of the bytes of the rows; files of versions before 0.2 do not say it. */
  sha256?: string
}

function parseBeside(text: string, file: string): Beside {
  let content: Partial<Record<keyof Beside, unknown>> = {}
  try {
    content = JSON.parse(text) ?? {}
  } catch {}
  const { fingerprint, dimensions, paths, sha256 } = content
  const preparation = checkPreparation(content.preparation, `${file}: preparation`)
  const named = Array.isArray(paths) && paths.every((path) => typeof path === 'string')
  if (sha256 !== undefined && typeof sha256 !== 'string') throw invalidArgument(`${file}: sha256`, 'a text', sha256)
  if (typeof fingerprint !== 'string' || !Number.isInteger(dimensions) || (dimensions as number) < 1 || !named) {
    throw invalidArgument(file, 'fingerprint, dimensions and paths', describe(text.slice(0, 80)))
  }
  if (!preparation) warnUnknown(file)
  const rest = { sha256, ...(preparation && { preparation }), ...aboutBeside(content, file, paths.length) }
  return { fingerprint, dimensions: dimensions as number, paths, ...rest }
}

function aboutBeside(content: Partial<Record<keyof Beside, unknown>>, file: string, rows: number) {
  const { about, missing } = content
  if (about === undefined) return {}
  if (!Array.isArray(about) || about.length !== rows || !Array.isArray(missing)) {
    throw invalidArgument(`${file}: about`, `what is known of ${rows} rows, and images without one`, describe(about))
  }
  return {
    about: about.map((each, i) => checkAbout(each ?? {}, `${file}: about[${i}]`)),
    missing: missing.map((each, i) => checkMissing(each, `${file}: missing[${i}]`)),
  }
}
