/** What calls on rows of embeddings share: options, and their checks. */
import type { DeviceKind } from '../../types/native.js'
import { invalidArgument } from '../errors.js'
import { checkSignal, checkThreads, type DevicePreference } from '../native/check_arguments.js'
import { checkDeviceIndex, resolveDevice } from '../native/devices.js'

/** What every function on rows of embeddings takes. */
export interface RowOptions {
  /** Floats of a row. Only for bare arrays: `Embeddings` know it. */
  dimensions: number
  /**
   * What computes.
   * @default 'auto'
   */
  device?: DevicePreference
  /** Which of several CUDA devices, by its number. The first that can be used where it is left out. */
  deviceIndex?: number
  /** CPU threads, 1..1024; every core where it is left out. The result does not depend on them. */
  threads?: number
  /** Rejects with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

/** The same options where the rows are `Embeddings`, which know their dimensions. */
export type ForEmbeddings<Options extends RowOptions> = Omit<Options, 'dimensions'> & { dimensions?: number }

export const rowOptionNames = ['dimensions', 'device', 'deviceIndex', 'threads', 'signal'] as const

/** Where a call on rows runs. */
export interface RowPlace {
  device: DeviceKind
  deviceIndex?: number
  threads: number
  signal?: AbortSignal
}

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT, ERR_FACENET_CUDA_UNAVAILABLE */
export function checkRowPlace(options: Omit<RowOptions, 'dimensions'>): RowPlace {
  const deviceIndex = checkDeviceIndex(options.deviceIndex, options.device)
  return {
    threads: checkThreads(options.threads),
    signal: checkSignal(options.signal),
    device: resolveDevice(options.device, deviceIndex).kind,
    ...(deviceIndex !== undefined && { deviceIndex }),
  }
}

/** Squares of differences of such values, and their sums, stay within fp32. */
const maxMagnitude = 1e15

export function checkFinite(rows: Float32Array, name: string, dimensions: number): void {
  for (let i = 0; i < rows.length; i++) {
    if (!(Math.abs(rows[i]!) <= maxMagnitude)) {
      const received = `${rows[i]} in row ${Math.floor(i / dimensions)}`
      throw invalidArgument(name, `finite values of at most ${maxMagnitude} in size`, received)
    }
  }
}
