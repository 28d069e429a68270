/** What a source of images gives. */
import type { Affine, FivePoints } from '../images/geometry.js'

/** An image file of a source, read when it is asked for. */
export interface SourceImage {
  /** The file's path; within an archive `archive.tar/entry`. Folder separators are `/` within archives. */
  path: string
  /** The bytes of the image file. May be called at any time, in any order. */
  read(): Promise<Uint8Array>
  /** Five points of the face, in pixels of the image, where they are known. */
  points?: FivePoints
}

/** An image of which is known beforehand what is cut out. */
export interface PlacedImage extends SourceImage {
  /** From pixels of the network's input to pixels of the image; it takes the place of alignment. */
  placement?: Affine
}

/** Images one after the other. */
export type ImageSource = AsyncIterable<PlacedImage>
