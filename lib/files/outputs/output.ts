/** What a file of embeddings takes, whatever its format. */
import type { DetectedFace } from '../../detection/types.js'
import type { Preparation } from '../../embeddings/preparation.js'
import type { FaceQuality } from '../../images/quality.js'

/** The embedding of an image or of a face in it. */
export interface EmbeddingRow {
  /** The image, with `#0`, `#1` ... where several faces of it are embedded. */
  path: string
  /** `dimensions` long. */
  embedding: Float32Array
  /** The image as it is. With it a row has a key, which does not change when another face is found in it. */
  image?: string
  /** Where in the image the face was found, and its place among the faces of the image. */
  face?: DetectedFace & { index?: number }
  /** How good the picture of the face is. */
  quality?: FaceQuality
  /** What a list of images says of the image. */
  metadata?: Readonly<Record<string, unknown>>
}

/** An image of which there is no embedding. */
export interface MissingRow {
  /** The image. */
  path: string
  /** Of the error. */
  code?: string
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
   * Says that an image gave no embedding, and why.
   *
   * @param rows images without an embedding.
   */
  writeMissing(rows: readonly MissingRow[]): Promise<void>
  /** Completes the file and gives it its name. */
  close(): Promise<void>
  /** Leaves nothing behind. May be called at any time, also after a failure. */
  abort(): Promise<void>
}
