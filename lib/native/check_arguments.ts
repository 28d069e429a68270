/** Checks of what callers pass in. Each throws a `FaceNetError` that names the argument, what was expected and what came. */
import { availableParallelism } from 'node:os'
import { types } from 'node:util'
import type { DType } from '../../types/native.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { onAbort } from './on_abort.js'

/** What computes: a kind of device, or `auto`, the fastest there is. */
export type DevicePreference = 'auto' | 'cuda' | 'cpu' | 'reference'
export const devicePreferences: readonly DevicePreference[] = ['auto', 'cuda', 'cpu', 'reference']
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

export function checkPath(value: unknown, name: string): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw invalidArgument(name, 'a path', value)
  return value
}

export function checkText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidArgument(name, 'a text', value)
  return value
}

export function checkFlag(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== 'boolean') throw invalidArgument(name, 'true or false', value)
}

export function checkFunction(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== 'function') throw invalidArgument(name, 'a function', value)
}

/** By what it can do: test runners and `vm` contexts have an AbortSignal of their own. */
function isSignal(value: unknown): value is AbortSignal {
  const signal = value as Partial<AbortSignal> | null
  return (
    typeof signal === 'object' && typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function'
  )
}

export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value !== undefined && !isSignal(value)) throw invalidArgument('options.signal', 'an AbortSignal', value)
  return value
}

/** Typed arrays are told apart by `util.types`: those of test runners and `vm` contexts are no `instanceof` ours. */
export function checkFloats(value: unknown, name: string, expected = 'a Float32Array'): Float32Array {
  if (!types.isFloat32Array(value)) throw invalidArgument(name, expected, value)
  checkAttached(value, name)
  return value
}

/** Throws where the array's memory was transferred elsewhere, which leaves an array of length 0. */
export function checkAttached(view: ArrayBufferView, name: string): void {
  if (view.byteLength === 0 && isDetached(view.buffer)) {
    throw invalidArgument(name, 'an array that has its memory', 'one whose ArrayBuffer was transferred (detached)')
  }
}

/** `ArrayBuffer.prototype.detached`, which Node 20 has not. */
function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer)
    return false
  } catch {
    return true
  }
}

/** Where results are written to: `length` floats, or a new array where none is given. */
export function checkOut(value: unknown, length: number, why: string): Float32Array {
  if (value === undefined) return new Float32Array(length)
  const out = checkFloats(value, 'options.out', `a Float32Array of ${length} ${why}`)
  if (out.length !== length) throw invalidArgument('options.out', `a Float32Array of ${length} ${why}`, out)
  return out
}

/** Hands over what a call has computed: `out` may have been transferred meanwhile. */
export function fillOut(out: Float32Array, result: Float32Array): Float32Array {
  if (out.length !== result.length) {
    const expected = 'an array that keeps its memory until the call has ended'
    throw invalidArgument('options.out', expected, 'one whose ArrayBuffer was transferred (detached)')
  }
  if (out !== result) out.set(result)
  return out
}

/**
 * An option that must be something where it is named at all: leaving it out means everything, so a lookup that found nothing
 * must not be taken for leaving it out.
 */
export function checkNamed(options: object, key: string, expected: string): void {
  const value = (options as Record<string, unknown>)[key]
  if (key in options && (value === undefined || value === null)) {
    throw invalidArgument(`options.${key}`, `${expected}, or no such option`, value)
  }
}

export function aborted(signal: AbortSignal): FaceNetError {
  return new FaceNetError('ERR_FACENET_ABORTED', 'The operation was aborted', { cause: signal.reason })
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal)
}

/** What `work` resolves to, unless `signal` is aborted first: `work` is then left to end by itself. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  let stop!: () => void
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(signal))
  })
  const leave = onAbort(signal, stop)
  if (signal.aborted) stop()
  try {
    return await Promise.race([work, stopped])
  } finally {
    leave()
    work.catch(() => {}) // Where it was left, nobody else sees it fail.
  }
}

/** A signal that is aborted with `signal`, where there is one, and by `leave`, which also lets go of `signal`. */
export function linkedAbort(signal: AbortSignal | undefined): { signal: AbortSignal; leave(): void } {
  const controller = new AbortController()
  const follow = () => controller.abort(signal?.reason)
  if (signal?.aborted) follow()
  const unfollow = signal && onAbort(signal, follow)
  return {
    signal: controller.signal,
    leave() {
      unfollow?.()
      controller.abort()
    },
  }
}
