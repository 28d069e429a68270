/** What a source of images gives, and what it may be told. */
import type { FaceNetError } from '../errors.js'
import type { Affine, FivePoints } from '../images/geometry.js'
import type { ImageMetadata } from './list_row.js'
import type { PassedOver } from './passed_over.js'

/** An image file of a source, read when it is asked for. */
export interface SourceImage {
  /** The file's path; within an archive `archive.tar/entry`. Folder separators are `/` within archives. */
  path: string
  /** The bytes of the image file. May be called at any time, in any order. */
  read(): Promise<Uint8Array>
  /** Five points of the face, in pixels of the image, where they are known. */
  points?: FivePoints
  /** What the list that named it says of it, by the names of its columns. */
  metadata?: ImageMetadata
  /**
   * Where it is known already that there is nothing to read: `read` rejects with it. So a folder that cannot be listed, or an
   * archive that is damaged from some place on, is one image that cannot be used.
   */
  error?: FaceNetError
}

/** An image of which is known beforehand what is cut out. */
export interface PlacedImage extends SourceImage {
  /** From pixels of the network's input to pixels of the image; it takes the place of alignment. */
  placement?: Affine
}

/** Images one after the other. */
export type ImageSource = AsyncIterable<PlacedImage>

/** What is left out of a source, and who hears of it. */
export interface SourceOptions {
  /**
   * Globs of what to leave out. One without a slash holds for names at any depth (`*.png`, `thumbs`), one with a slash for paths
   * from the folder or archive on (`2019/**`).
   */
  exclude?: readonly string[]
  /** Called for each file, folder or link that is left out: what is no image that can be decoded, hidden, or excluded. */
  onPassedOver?: (entry: PassedOver) => void
  /**
   * The most bytes of one image file; a larger one is an image that cannot be used.
   * @default 268435456, 256 MiB
   */
  maxImageBytes?: number
  /**
   * The column of `.csv`, `.tsv` and `.parquet` lists that has the paths.
   * @default the one whose name says so: path, file, filename, image, ...
   */
  pathColumn?: string
  /** What the path `-` stands for: paths, with a line break or a zero byte behind each. Left out, `-` is a file. */
  stdin?: AsyncIterable<Uint8Array>
  /** Rejects with ERR_FACENET_ABORTED. */
  signal?: AbortSignal
}

/** These options, of those of a call that has others too. */
export function sourceOptionsOf(options: SourceOptions): SourceOptions {
  const { exclude, onPassedOver, maxImageBytes, pathColumn, stdin, signal } = options
  return { exclude, onPassedOver, maxImageBytes, pathColumn, stdin, signal }
}

/** An image that is known to be unusable. */
export function unusable(path: string, error: FaceNetError): SourceImage {
  return { path, error, read: () => Promise.reject(error) }
}
