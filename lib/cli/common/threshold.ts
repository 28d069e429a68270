/** The threshold of a command: a number, a threshold file that `evaluate pairs` wrote, or else the model's own. */
import { readThresholdFile, type ThresholdFile, type ThresholdRows } from '../../evaluation/threshold_file.js'
import type { MixedOptions, Model } from '../../index.js'

export interface Threshold {
  /** Squared L2; two faces are one person where their distance is below it. */
  value: number
  file?: ThresholdFile
}

/**
 * Undefined where nothing is given and the model names none. `given` is a number or a path; a file that was made for another model,
 * or for images that were prepared otherwise than `rows`, is refused.
 */
export async function thresholdFor(
  given: number | string | undefined,
  model: Pick<Model, 'threshold'>,
  rows: ThresholdRows,
  mixed: MixedOptions,
): Promise<Threshold | undefined> {
  if (typeof given === 'number') return { value: given }
  if (given !== undefined) {
    const file = await readThresholdFile(given, rows, mixed)
    return { value: file.threshold, file }
  }
  return model.threshold === null ? undefined : { value: model.threshold }
}

/** `1.1`, or of a file `1.1, for FAR 0.001, 95 % interval 1.05 to 1.15`. */
export function describeThreshold({ value, file }: Threshold): string {
  if (!file) return `${value}`
  const { low, high } = file.confidenceInterval
  return `${value.toFixed(4)}, for FAR ${file.far}, 95 % interval ${low.toFixed(4)} to ${high.toFixed(4)}`
}

/** For machines: what of the file says how sure the threshold is. */
export function thresholdFacts({ file }: Threshold) {
  return file ? { far: file.far, confidenceInterval: file.confidenceInterval } : {}
}
