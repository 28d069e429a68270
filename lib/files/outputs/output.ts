/** What a file of embeddings takes, whatever its format. */
import type { DetectedFace } from '../../detection/types.js'
import type { Preparation } from '../../embeddings/preparation.js'

/** The embedding of an image or of a face in it. */
export interface EmbeddingRow {
  /** The image, with `#0`, `#1` ... where several faces of it are embedded. */
  path: string
  /** `dimensions` long. */
  embedding: Float32Array
  /** Where in the image the face was found; only .jsonl holds it. */
  face?: DetectedFace
  /** What a list of images says of the image; only .jsonl holds it. */
  metadata?: Readonly<Record<string, unknown>>
}

/** An image in which there was nothing to embed. */
export interface MissingRow {
  /** The image. */
  path: string
  /** What was missing, in words. */
  error: string
}

/** What a file of embeddings says about all of them. */
export interface OutputOptions {
  /** Length of an embedding. */
  dimensions: number
  /** Of the model that made the embeddings: only those of one fingerprint may be compared. */
  fingerprint: string
  /** How the images were prepared, of `model.preparationOf`. Files that do not say it are read with a warning. */
  preparation?: Preparation
}

/** What every format implements. One call at a time. */
export interface Output {
  /**
   * Adds embeddings.
   *
   * @param rows in the order in which they are to be stored.
   */
  write(rows: readonly EmbeddingRow[]): Promise<void>
  /**
   * Says that an image gave no embedding, in formats that have room for it.
   *
   * @param rows images without an embedding.
   */
  writeMissing(rows: readonly MissingRow[]): Promise<void>
  /** Completes the file and gives it its name. */
  close(): Promise<void>
  /** Leaves nothing behind. May be called at any time, also after a failure. */
  abort(): Promise<void>
}
