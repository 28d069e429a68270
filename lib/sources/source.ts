/** What a source of images gives. */
import type { FivePoints } from '../images/index.js'

/** An image file of a source, read when it is asked for. */
export interface SourceImage {
  /** The file's path; within an archive `archive.tar/entry`. Folder separators are `/` within archives. */
  path: string
  /** The bytes of the image file. May be called at any time, in any order. */
  read(): Promise<Uint8Array>
  points?: FivePoints
}

export type ImageSource = AsyncIterable<SourceImage>
