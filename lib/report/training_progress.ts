/**
 * The progress of a training run: `progress.jsonl` in its folder, a line of JSON a step that was written down.
 *
 *     {"step": 120, "loss": 0.113, "active": 5210, "meanPositive": 0.61, "meanNegative": 1.32, "imagesPerSecond": 410,
 *      "validation": {"accuracy": 0.941, "val": 0.52}}
 *
 * - `step`: optimiser steps done, growing from line to line; 0 is the network before training. A resumed run may write steps again; the later line counts.
 * - `loss`: mean hinge loss of the batch's triplets. `active`: how many of them have a loss above zero.
 * - `meanPositive`, `meanNegative`: mean squared L2 distance of anchors to their positives and to their negatives.
 * - `imagesPerSecond`: of the whole step. `validation`, on steps that validate: `accuracy` and `val`, each 0..1.
 *
 * All but `step` may be missing or null. Other fields are let pass. A last line without an end may be half written, as when
 * the run was killed, and is left out.
 */
import { join } from 'node:path'
import * as v from 'valibot'
import { lineError } from '../evaluation/lfw_pairs.js'
import { readText } from '../files/read.js'

const figure = v.nullish(v.pipe(v.number(), v.finite()))
const share = v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(1)))

/** One line of `progress.jsonl`. All but `step` may be missing. */
export interface Progress {
  /** Optimiser steps so far; 0 is the network before training. */
  step: number
  /** Mean hinge of the batch's triplets. */
  loss?: number | null
  /** Triplets with a hinge above zero. */
  active?: number | null
  /** Mean squared L2 distance of anchors and positives. */
  meanPositive?: number | null
  /** Mean squared L2 distance of anchors and negatives. */
  meanNegative?: number | null
  /** Images per second of the whole step. */
  imagesPerSecond?: number | null
  /** Accuracy and VAL, each 0..1, on steps that validate. */
  validation?: { accuracy?: number | null; val?: number | null } | null
}

const schema: v.GenericSchema<unknown, Progress> = v.object({
  step: v.pipe(v.number(), v.integer(), v.minValue(0)),
  loss: figure,
  active: figure,
  meanPositive: figure,
  meanNegative: figure,
  imagesPerSecond: figure,
  validation: v.nullish(v.object({ accuracy: share, val: share })),
})

export const progressFile = 'progress.jsonl'

/**
 * Reads the progress of a training run from `progress.jsonl` in its folder.
 *
 * @param runFolder folder that `facenet train --out` names.
 * @throws FaceNetError ERR_FACENET_IO; ERR_FACENET_INVALID_ARGUMENT that names the line.
 *
 * @example
 * ```ts
 * const progress = await readProgress('run')
 * console.log(progress.at(-1)?.loss)
 * ```
 */
export async function readProgress(runFolder: string): Promise<Progress[]> {
  const file = join(runFolder, progressFile)
  return parseProgress(await readText(file), file)
}

/**
 * Parses the text of a `progress.jsonl`.
 *
 * @param text of the file.
 * @param file its name, for error messages.
 * @returns a line per step, in the order of the steps.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT that names the line.
 *
 * @example
 * ```ts
 * const progress = parseProgress('{"step": 1, "loss": 0.2}\n', 'progress.jsonl')
 * ```
 */
export function parseProgress(text: string, file: string): Progress[] {
  const lines = text.split('\n')
  const steps = new Map<number, Progress>()
  for (const [i, line] of lines.slice(0, -1).entries()) {
    if (line.trim() === '') continue
    const parsed = v.safeParse(schema, parseJson(line))
    if (!parsed.success) {
      const [issue] = parsed.issues
      const where = v.getDotPath(issue)
      throw lineError(file, i + 1, 'a line of training progress', `${where ? `${where}: ` : ''}${issue.message}`)
    }
    steps.set(parsed.output.step, parsed.output)
  }
  if (steps.size === 0) throw lineError(file, 1, 'a line of training progress', 'none')
  return [...steps.values()].sort((a, b) => a.step - b.step)
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
