/**
 * Memory that callers cannot take away. They may transfer an ArrayBuffer as soon as a call has returned its promise, and native
 * code that reads it then would end the process. The addon copies what it is handed, so only what waits in TypeScript first, or
 * is too large to be copied at each call, is copied here.
 */

import { setImmediate } from 'node:timers/promises'
import { checkAttached, throwIfAborted } from './check_arguments.js'

/** Bytes of one's own; those on a SharedArrayBuffer, which cannot be taken away, as they are. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return isShared(bytes) ? bytes : Uint8Array.prototype.slice.call(bytes)
}

/** Floats that several calls read: on a SharedArrayBuffer, which the addon reads in place. */
export function ownFloats(values: Float32Array): Float32Array {
  if (isShared(values)) return values
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength))
  copy.set(values)
  return copy
}

/** The same of many floats; what is shared stays where it is. */
export async function ownManyFloats(values: Float32Array, name: string, signal?: AbortSignal): Promise<Float32Array> {
  return isShared(values) ? values : copyManyFloats(values, name, signal)
}

/**
 * A copy on a SharedArrayBuffer that nobody else has, made bit by bit, so that timers and requests are served meanwhile. Up to 2 MiB are
 * copied before it returns; more must stay as they are until it resolves.
 */
export async function copyManyFloats(values: Float32Array, name: string, signal?: AbortSignal): Promise<Float32Array> {
  const { length } = values
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength))
  for (let at = 0; at < length; at += floatsAtOnce) {
    throwIfAborted(signal)
    checkAttached(values, name)
    copy.set(values.subarray(at, at + floatsAtOnce), at)
    await setImmediate()
  }
  return copy
}

/** 2 MiB, which takes about a millisecond. */
const floatsAtOnce = 2 ** 19

/** By its name, since other realms have a constructor of their own. */
const isShared = ({ buffer }: ArrayBufferView) =>
  Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]'
