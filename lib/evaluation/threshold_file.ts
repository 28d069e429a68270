/** Threshold files: a threshold chosen on a user's own pairs for a wanted FAR, with the model and the preparation it holds for. */
import * as v from 'valibot'
import { assertSameFingerprint } from '../embeddings/distances.js'
import {
  checkPreparedAlike,
  type MixedOptions,
  type Preparation,
  preparationSchema,
  warnUnknown,
} from '../embeddings/preparation.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { PendingFile } from '../files/pending_file.js'
import { readText } from '../files/read.js'
import { parseStrictJson } from '../files/strict_json.js'
import { checkPath } from '../native/check_arguments.js'
import type { Slice } from './evaluate_all_pairs.js'

const rate = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const distance = v.pipe(v.number(), v.finite(), v.minValue(0))
const count = v.pipe(v.number(), v.integer(), v.minValue(0))

/** What a threshold file holds. */
export interface ThresholdFile {
  /** Says that it is such a file. */
  format: 'facenet-threshold'
  /** What distances are measured in. */
  metric: 'squared-l2'
  /** Two faces are one person where their distance is below it. */
  threshold: number
  /** The FAR that was asked for. */
  far: number
  /** VAL at the threshold, 0..1. */
  val: number
  /** Where the threshold may lie in other pairs of the same kind. */
  confidenceInterval: { level: 0.95; low: number; high: number }
  /** How many pairs of each kind it was chosen on. */
  pairs: { same: number; different: number }
  /** Of the model whose embeddings it was chosen on. */
  fingerprint: string
  /** How the images of those embeddings were prepared. */
  preparation?: Preparation
  /** What it does to pairs of one value of the user's columns. */
  slices: (Slice & { column: string })[]
}

const slice = v.strictObject({
  column: v.string(),
  value: v.string(),
  pairs: v.strictObject({ same: count, different: count }),
  far: v.nullable(rate),
  val: v.nullable(rate),
  threshold: v.nullable(distance),
  reason: v.optional(v.string()),
})

const schema: v.GenericSchema<unknown, ThresholdFile> = v.strictObject({
  format: v.literal('facenet-threshold'),
  metric: v.literal('squared-l2'),
  threshold: distance,
  far: rate,
  val: rate,
  confidenceInterval: v.strictObject({ level: v.literal(0.95), low: distance, high: distance }),
  pairs: v.strictObject({ same: count, different: count }),
  fingerprint: v.string(),
  preparation: v.optional(preparationSchema),
  slices: v.array(slice),
})

/** What is known of rows that a threshold is for; `Embeddings` know it. */
export interface ThresholdRows {
  /** Of the model that made them. */
  readonly fingerprint: string
  /** How their images were prepared. */
  readonly preparation?: Preparation
}

/**
 * Writes a threshold file, whole or not at all.
 *
 * @param path of the file.
 * @param content the threshold, how it was chosen, and the model it holds for.
 * @throws FaceNetError ERR_FACENET_IO where the disk refuses.
 *
 * @example
 * ```ts
 * const { threshold, far, valAtThreshold: val, confidenceInterval, pairs } = await evaluateAllPairs(labeled)
 * const { fingerprint } = model
 * await writeThresholdFile('t.json', { threshold, far, val, confidenceInterval, pairs, fingerprint, slices: [] })
 * ```
 */
export async function writeThresholdFile(
  path: string,
  content: Omit<ThresholdFile, 'format' | 'metric'>,
): Promise<void> {
  if (typeof content !== 'object' || content === null) throw invalidArgument('content', 'an object', content)
  const file = await PendingFile.open(checkPath(path, 'path'))
  const whole: ThresholdFile = { format: 'facenet-threshold', metric: 'squared-l2', ...content }
  try {
    await file.write(Buffer.from(`${JSON.stringify(whole, null, 2)}\n`))
    await file.commit()
  } finally {
    await file.abort()
  }
}

/**
 * Reads a threshold that `facenet evaluate pairs` chose, for the model and the preparation it holds for.
 *
 * @param path of the file. One that does not say how its images were prepared, as of versions before 0.2, gives a warning.
 * @param rows whose distances are to be judged: `Embeddings`, or what is known of them. Of a fingerprint alone it cannot be told
 *   whether they were prepared as those of the file were, which gives a warning too.
 * @param options whether a threshold for another preparation is an error.
 * @throws FaceNetError ERR_FACENET_IO where the file cannot be read, ERR_FACENET_INVALID_ARGUMENT where it is no threshold
 *   file or was made for another model or another preparation.
 *
 * @example
 * ```ts
 * const faces = await model.embedRows(['anna.jpg', 'ben.jpg'], { detector })
 * const { threshold } = await readThresholdFile('threshold.json', faces)
 * ```
 */
export async function readThresholdFile(
  path: string,
  rows: string | ThresholdRows,
  { allowMixed }: MixedOptions = {},
): Promise<ThresholdFile> {
  checkPath(path, 'path')
  if (typeof rows !== 'string' && typeof rows?.fingerprint !== 'string') {
    throw invalidArgument('rows', 'Embeddings, or the fingerprint of a model', rows)
  }
  const { fingerprint, preparation } = typeof rows === 'string' ? { fingerprint: rows, preparation: undefined } : rows
  const text = await readText(path)
  const parsed = v.safeParse(schema, parseJson(text, path))
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw wrongFile(path, `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`)
  }
  assertSameFingerprint(fingerprint, parsed.output.fingerprint)
  const file = { name: path, preparation: parsed.output.preparation }
  if (!file.preparation && !preparation) warnUnknown(path)
  checkPreparedAlike({ name: 'the rows to be judged', preparation }, file, allowMixed)
  return parsed.output
}

function parseJson(text: string, path: string): unknown {
  try {
    return parseStrictJson(text, path)
  } catch (cause) {
    throw wrongFile(path, (cause as Error).message)
  }
}

function wrongFile(path: string, received: string): FaceNetError {
  const message = `Expected a threshold file at ${path} but received ${received}`
  return new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, {
    argument: path,
    expected: 'a threshold file',
    received,
  })
}
