/**
 * From an image file to the pixels a network takes: which part of it to use, decoded no larger than needed, resampled.
 */
import { type ImageInput, readImage } from './decode.js'
import { loadFaceBatch } from './face_batch.js'
import type { FivePoints } from './geometry.js'
import { placement } from './placement.js'
import type { FaceTarget } from './target.js'
import { type RawImage, warp } from './warp.js'

/**
 * Decodes an image and writes one network input, height x width x 3 bytes of RGB, into `out`.
 * `points` are in pixels of the image as displayed, that is with its EXIF orientation applied.
 */
export async function loadFace(
  input: ImageInput,
  target: FaceTarget,
  out: Uint8Array,
  points?: FivePoints,
  name?: string,
): Promise<void> {
  const [error] = await loadFaceBatch([{ image: await readImage(input, name), points }], target, out)
  if (error !== undefined) throw error
}

/** The same from pixels that are already decoded. */
export async function cropFace(
  image: RawImage,
  target: FaceTarget,
  out: Uint8Array,
  points?: FivePoints,
): Promise<void> {
  await warp([{ image, map: placement(target, points, 'image')(image) }], target, out)
}
