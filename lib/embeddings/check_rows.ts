/** What calls on rows of embeddings share: options, and the checks of them and of the rows. */
import type { DeviceKind } from '../../types/native.js'
import { describe, invalidArgument } from '../errors.js'
import { checkInteger, checkSignal, checkThreads, type DevicePreference } from '../native/check_arguments.js'
import { resolveDevice } from '../native/devices.js'

export interface RowOptions {
  /** Floats a row. */
  dimensions: number
  /** `auto` where it is left out. */
  device?: DevicePreference
  /** CPU threads, 1..1024; every core where it is left out. The result does not depend on them. */
  threads?: number
  /** Rejects with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

export const rowOptionNames = ['dimensions', 'device', 'threads', 'signal'] as const

export interface CheckedRowOptions {
  dimensions: number
  device: DeviceKind
  threads: number
  signal?: AbortSignal
}

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_CUDA_UNAVAILABLE */
export function checkRowOptions(options: RowOptions): CheckedRowOptions {
  return {
    dimensions: checkInteger(options.dimensions, 'options.dimensions', 1, 2 ** 20),
    threads: checkThreads(options.threads),
    signal: checkSignal(options.signal),
    device: resolveDevice(options.device).kind,
  }
}

/** A Float32Array of n rows of `dimensions`. Returns n. */
export function checkRows(value: unknown, name: string, dimensions: number): number {
  if (!(value instanceof Float32Array)) throw invalidArgument(name, 'a Float32Array', value)
  if (value.length % dimensions !== 0) {
    throw invalidArgument(name, `a length that is a multiple of ${dimensions}`, describe(value))
  }
  return value.length / dimensions
}

/** Squares of differences of such values, and their sums, stay within fp32. */
const largest = 1e15

export function checkFinite(rows: Float32Array, name: string, dimensions: number): void {
  for (let i = 0; i < rows.length; i++) {
    if (!(Math.abs(rows[i]!) <= largest)) {
      const received = `${rows[i]} in row ${Math.floor(i / dimensions)}`
      throw invalidArgument(name, `finite values of at most ${largest} in size`, received)
    }
  }
}
