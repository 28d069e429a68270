/** What can be done with finished embeddings: rows of `dimensions` floats in one Float32Array. */
import { invalidArgument } from '../errors.js'
import { native, nativeCall } from '../native/addon.js'
import { checkInteger, checkOptions, type DevicePreference } from '../native/check_arguments.js'
import { resolveDevice } from '../native/devices.js'
import { checkRows } from './check_rows.js'

export interface DistanceOptions {
  /** Floats a row. */
  dimensions: number
  /** The other side, m rows; `a` itself where it is left out. */
  b?: Float32Array
  /** `auto` where it is left out. */
  device?: DevicePreference
}

/**
 * Squared L2 distances between the rows of `a` (n x dimensions) and of `options.b` (m x dimensions).
 * Resolves to n x m floats, row i holding the distances of a[i]; in [0, 4] for rows of unit length.
 */
export async function pairwiseDistances(a: Float32Array, options: DistanceOptions): Promise<Float32Array> {
  checkOptions(options, 'options', ['dimensions', 'b', 'device'])
  const dimensions = checkInteger(options.dimensions, 'options.dimensions', 1)
  const b = options.b ?? a
  const out = new Float32Array(checkRows(a, 'a', dimensions) * checkRows(b, 'options.b', dimensions))
  const device = resolveDevice(options.device)
  if (out.length > 0) await nativeCall(() => native().pairwiseDistances(a, b, dimensions, out, device.kind))
  return out
}

export interface NormalizeOptions {
  /** Floats a row. */
  dimensions: number
  /** Rows shorter than this are divided by it, so a row of zeros stays zero. 1e-12 where it is left out. */
  epsilon?: number
  /** `auto` where it is left out. */
  device?: DevicePreference
}

/** Resolves to a copy of `x` (n x dimensions) in which every row has unit length. */
export async function l2Normalize(x: Float32Array, options: NormalizeOptions): Promise<Float32Array> {
  checkOptions(options, 'options', ['dimensions', 'epsilon', 'device'])
  const dimensions = checkInteger(options.dimensions, 'options.dimensions', 1)
  const rows = checkRows(x, 'x', dimensions)
  const epsilon = options.epsilon ?? 1e-12
  if (typeof epsilon !== 'number' || !(epsilon > 0) || !Number.isFinite(epsilon)) {
    throw invalidArgument('options.epsilon', 'a finite number above zero', epsilon)
  }
  const device = resolveDevice(options.device)
  const out = new Float32Array(x.length)
  if (rows > 0) await nativeCall(() => native().l2Normalize(x, dimensions, epsilon, out, device.kind))
  return out
}

/** Throws where embeddings of different models would be compared: their distance means nothing. */
export function assertSameFingerprint(a: string, b: string): void {
  if (a !== b) throw invalidArgument('fingerprint', `embeddings of one model (${a})`, b)
}
