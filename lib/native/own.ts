/**
 * Memory that callers cannot take away. They may transfer an ArrayBuffer as soon as a call has returned its promise, and native
 * code that reads it then would end the process. The addon copies what it is handed, so only what waits in TypeScript first, or
 * is too large to be copied at each call, is copied here.
 */

/** Bytes of one's own; those on a SharedArrayBuffer, which cannot be taken away, as they are. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return isShared(bytes) ? bytes : Uint8Array.prototype.slice.call(bytes)
}

/** Floats that several calls read: on a SharedArrayBuffer, which the addon reads in place. */
export function ownFloats(values: Float32Array): Float32Array {
  return isShared(values) ? values : onShared(Float32Array, values)
}

/** By its name, since other realms have a constructor of their own. */
const isShared = ({ buffer }: ArrayBufferView) =>
  Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]'

interface Kind<Numbers> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: SharedArrayBuffer): Numbers
}

function onShared<Numbers extends { length: number; set(values: Numbers): void }>(
  kind: Kind<Numbers>,
  values: Numbers,
): Numbers {
  const copy = new kind(new SharedArrayBuffer(values.length * kind.BYTES_PER_ELEMENT))
  copy.set(values)
  return copy
}
