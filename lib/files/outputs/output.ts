/** What a file of embeddings takes, whatever its format. */
import type { DetectedFace } from '../../detection/types.js'

export interface EmbeddingRow {
  path: string
  /** `dimensions` long. */
  embedding: Float32Array
  /** Where in the image the face was found; only .jsonl holds it. */
  face?: DetectedFace
}

/** An image in which there was nothing to embed. */
export interface MissingRow {
  path: string
  error: string
}

export interface OutputOptions {
  /** Length of an embedding. */
  dimensions: number
  /** Of the model that made the embeddings: only those of one fingerprint may be compared. */
  fingerprint: string
}

/** What every format implements. One call at a time. */
export interface Output {
  write(rows: readonly EmbeddingRow[]): Promise<void>
  /** Says that an image gave no embedding, in formats that have room for it. */
  writeMissing(rows: readonly MissingRow[]): Promise<void>
  /** Completes the file and gives it its name. */
  close(): Promise<void>
  /** Leaves nothing behind. May be called at any time, also after a failure. */
  abort(): Promise<void>
}
