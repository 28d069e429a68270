/** Threshold files: a threshold chosen on a user's own pairs for a wanted FAR, with the model it holds for. */
import * as v from 'valibot'
import { assertSameFingerprint } from '../embeddings/distances.js'
import { FaceNetError } from '../errors.js'
import { PendingFile } from '../files/pending_file.js'
import { readText } from '../files/read.js'
import { parseStrictJson } from '../files/strict_json.js'
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
  slices: v.array(slice),
})

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
  const file = await PendingFile.open(path)
  const whole: ThresholdFile = { format: 'facenet-threshold', metric: 'squared-l2', ...content }
  try {
    await file.write(Buffer.from(`${JSON.stringify(whole, null, 2)}\n`))
    await file.commit()
  } finally {
    await file.abort()
  }
}

/**
 * Reads a threshold that `facenet evaluate pairs` chose, for the model it holds for.
 *
 * @param path of the file.
 * @param fingerprint of the model whose distances are to be judged.
 * @throws FaceNetError ERR_FACENET_IO where the file cannot be read, ERR_FACENET_INVALID_ARGUMENT where it is no threshold
 *   file or was made for another model.
 *
 * @example
 * ```ts
 * const { threshold } = await readThresholdFile('threshold.json', model.fingerprint)
 * ```
 */
export async function readThresholdFile(path: string, fingerprint: string): Promise<ThresholdFile> {
  const text = await readText(path)
  const parsed = v.safeParse(schema, parseJson(text, path))
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw wrongFile(path, `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`)
  }
  assertSameFingerprint(fingerprint, parsed.output.fingerprint)
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
