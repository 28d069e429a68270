/**
 * Memory for the addon to read and write where it is: what lies in an ArrayBuffer it copies, on the event loop, since JavaScript may
 * transfer that meanwhile. For large arrays that this package makes, fills and drops.
 */

/** So many bytes, zeroed. */
export const sharedBytes = (length: number) => new Uint8Array(new SharedArrayBuffer(length))

/** So many 32-bit floats, zeroed. */
export const sharedFloats = (length: number) => new Float32Array(new SharedArrayBuffer(length * 4))
