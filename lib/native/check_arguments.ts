/** Checks of what callers pass in. Each throws a `FaceNetError` that names the argument, what was expected and what came. */
import { availableParallelism } from 'node:os'
import type { DType } from '../../types/native.js'
import { FaceNetError, invalidArgument } from '../errors.js'

export const devicePreferences = ['auto', 'cuda', 'cpu', 'reference'] as const
export type DevicePreference = (typeof devicePreferences)[number]
export const dtypes: readonly DType[] = ['f32', 'bf16', 'f16']

export function checkOptions(value: unknown, name: string, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgument(name, 'an object', value)
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw invalidArgument(`${name}.${key}`, `one of the options ${known.join(', ')}`, key)
  }
}

export function checkOneOf<T extends string | boolean>(value: unknown, name: string, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) throw invalidArgument(name, `one of ${allowed.join(', ')}`, value)
  return value as T
}

export function checkInteger(value: unknown, name: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer ${least}..${most}`
    throw invalidArgument(name, range, value)
  }
  return value as number
}

/** Threads of a model: every core there is, unless told. */
export function checkThreads(value: unknown): number {
  return value === undefined ? availableParallelism() : checkInteger(value, 'options.threads', 1, 1024)
}

export function checkFunction(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== 'function') throw invalidArgument(name, 'a function', value)
}

export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw invalidArgument('options.signal', 'an AbortSignal', value)
  }
  return value
}

export function aborted(signal: AbortSignal): FaceNetError {
  return new FaceNetError('ERR_FACENET_ABORTED', 'The operation was aborted', { cause: signal.reason })
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal)
}
