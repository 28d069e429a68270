/**
 * Embeddings in a byte a value: a row is its values over its largest one, in 127 steps each way, and that step as a float32. Each value is
 * off by half a step at most, so for rows of unit length by 1/254 of the largest value.
 */

/** Bytes of `rows` rows: their steps, little-endian float32, then their values. */
export const eightBitBytes = (rows: number, dimensions: number): number => rows * (4 + dimensions)

export function toEightBits(embeddings: Float32Array, dimensions: number): Uint8Array {
  const rows = embeddings.length / dimensions
  const bytes = new Uint8Array(eightBitBytes(rows, dimensions))
  const [view, values] = [new DataView(bytes.buffer), new Int8Array(bytes.buffer, rows * 4)]
  for (let row = 0; row < rows; row++) {
    const from = row * dimensions
    let largest = 0
    for (let j = 0; j < dimensions; j++) largest = Math.max(largest, Math.abs(embeddings[from + j]!))
    const step = Math.fround(largest / 127)
    view.setFloat32(row * 4, step, true)
    for (let j = 0; j < dimensions && step > 0; j++) {
      values[from + j] = Math.max(-127, Math.min(127, Math.round(embeddings[from + j]! / step)))
    }
  }
  return bytes
}

/** Undefined where the bytes are not of so many rows. */
export function fromEightBits(bytes: Uint8Array, rows: number, dimensions: number): Float32Array | undefined {
  if (bytes.byteLength !== eightBitBytes(rows, dimensions)) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const embeddings = new Float32Array(rows * dimensions)
  for (let row = 0; row < rows; row++) {
    const step = view.getFloat32(row * 4, true)
    for (let j = row * dimensions; j < (row + 1) * dimensions; j++) embeddings[j] = step * view.getInt8(rows * 4 + j)
  }
  return embeddings
}
