/** Rows of embeddings that know what they are: how long a row is, and which model made them. */
import { types } from 'node:util'
import { describe, FaceNetError, invalidArgument } from '../errors.js'
import { checkFlag, checkFloats, checkInteger } from '../native/check_arguments.js'
import { concatenateRows } from './concatenate_rows.js'
import { checkPreparation, checkPreparedAlike, type Preparation } from './preparation.js'

/**
 * Embeddings of one model. Every function on rows takes them, so that `dimensions` need not be said again and rows of two
 * models are not compared. `model.embedRows` and `model.embeddings` make them, `readStored` of `facenet-native/files` reads them.
 */
export interface Embeddings {
  /** rows x dimensions floats, row after row. */
  readonly data: Float32Array
  /** How many embeddings there are. */
  readonly rows: number
  /** Floats of one embedding. */
  readonly dimensions: number
  /** Of the model that made them. */
  readonly fingerprint: string
  /** How images became what the model was given. Left out where nobody said it, as for pixels and files of older versions. */
  readonly preparation?: Preparation
}

/** Rows of `options.dimensions` floats in one array, or `Embeddings`, which know their dimensions and their model. */
export type EmbeddingRows = Float32Array | Embeddings

/** What is known of rows once they are checked; bare arrays have no fingerprint. */
export interface CheckedRows {
  data: Float32Array
  rows: number
  dimensions: number
  fingerprint?: string
  preparation?: Preparation
}

/** Of one embedding; the largest that native code takes. */
const maxDimensions = 2 ** 20

/**
 * @param dimensions what `options.dimensions` says: needed for a bare array, and not to contradict `Embeddings`.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT
 */
export function checkEmbeddings(value: unknown, name: string, dimensions: unknown): CheckedRows {
  if (isEmbeddings(value)) return checkCarried(value, name, dimensions)
  if (!types.isFloat32Array(value)) throw invalidArgument(name, 'Embeddings or a Float32Array', value)
  const data = checkFloats(value, name)
  const each = checkDimensions(dimensions, 'options.dimensions')
  if (data.length % each !== 0) throw invalidArgument(name, `a length that is a multiple of ${each}`, describe(data))
  return { data, rows: data.length / each, dimensions: each }
}

/**
 * Two sides of one call: a bare array has the dimensions of the other side. Of two models none is compared, and of two
 * preparations none unless that is allowed.
 */
export function checkBothSides(
  [a, nameA]: readonly [value: unknown, name: string],
  [b, nameB]: readonly [value: unknown, name: string],
  { dimensions, allowMixed }: { dimensions?: unknown; allowMixed?: boolean },
): [CheckedRows, CheckedRows] {
  checkFlag(allowMixed, 'options.allowMixed')
  const carried = dimensions ?? [a, b].find(isEmbeddings)?.dimensions
  const first = checkEmbeddings(a, nameA, isEmbeddings(a) ? dimensions : carried)
  const second = checkEmbeddings(b, nameB, isEmbeddings(b) ? dimensions : carried)
  checkSameModel(first, second, nameA, nameB)
  if (first.fingerprint !== undefined && second.fingerprint !== undefined) {
    const sides = [first, second].map(({ preparation }, i) => ({ name: [nameA, nameB][i]!, preparation }))
    checkPreparedAlike(sides[0]!, sides[1]!, allowMixed)
  }
  return [first, second]
}

/** `rows` floats or rows of floats, of a model of such dimensions and fingerprint, of images that were prepared so. */
export function embeddingsOf(
  rows: Float32Array | readonly Float32Array[],
  { dimensions, fingerprint }: Pick<Embeddings, 'dimensions' | 'fingerprint'>,
  preparation?: Preparation,
): Embeddings {
  const data = Array.isArray(rows) ? joined(rows, dimensions) : (rows as Float32Array)
  const checked = checkEmbeddings(data, 'rows', dimensions)
  const prepared = checkPreparation(preparation, 'preparation')
  return { data, rows: checked.rows, dimensions, fingerprint, ...(prepared && { preparation: prepared }) }
}

/** `options`, which may be left out where rows know their dimensions. */
export function optionsFor<Options>(options: Options | undefined, ...rows: unknown[]): Options {
  return options === undefined && rows.some(isEmbeddings) ? ({} as Options) : (options as Options)
}

/** By its own keys: a bare array has none of them. */
export function isEmbeddings(value: unknown): value is Embeddings {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && 'data' in value
}

function checkDimensions(value: unknown, name: string): number {
  const dimensions = checkInteger(value, name, 1)
  if (dimensions > maxDimensions) throw invalidArgument(name, `at most ${maxDimensions}`, value)
  return dimensions
}

function checkCarried(value: Embeddings, name: string, dimensions: unknown): CheckedRows {
  const { data, rows, fingerprint } = value
  const preparation = checkPreparation(value.preparation, `${name}.preparation`)
  checkFloats(data, `${name}.data`)
  const each = checkDimensions(value.dimensions, `${name}.dimensions`)
  if (dimensions !== undefined && dimensions !== each) {
    throw invalidArgument('options.dimensions', `${each}, as ${name} has, or nothing`, dimensions)
  }
  if (rows * each !== data.length) {
    throw invalidArgument(`${name}.rows`, `${data.length / each}, as its data holds`, rows)
  }
  if (typeof fingerprint !== 'string' || fingerprint === '') {
    throw invalidArgument(`${name}.fingerprint`, "the model's fingerprint", fingerprint)
  }
  return { data, rows, dimensions: each, fingerprint, preparation }
}

function checkSameModel(a: CheckedRows, b: CheckedRows, nameA: string, nameB: string): void {
  if (a.fingerprint !== undefined && b.fingerprint !== undefined && a.fingerprint !== b.fingerprint) {
    const [expected, received] = [`embeddings of one model, ${a.fingerprint} as ${nameA}`, b.fingerprint]
    const message = `Expected ${expected}, for ${nameB} but received embeddings of ${received}: their distances mean nothing`
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument: nameB, expected, received })
  }
  if (a.dimensions !== b.dimensions)
    throw invalidArgument(`${nameB}.dimensions`, `${a.dimensions}, as ${nameA}`, b.dimensions)
}

function joined(rows: readonly Float32Array[], dimensions: number): Float32Array {
  for (const [i, row] of rows.entries()) {
    const { length } = checkFloats(row, `rows[${i}]`)
    if (length !== dimensions) throw invalidArgument(`rows[${i}]`, `a Float32Array of ${dimensions}`, row)
  }
  return concatenateRows(rows)
}
