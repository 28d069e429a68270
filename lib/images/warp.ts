/**
 * The one resampler: every crop, whether the whole image, its centre or a face, is an affine map from output pixels to
 * image pixels, and is done by the native code off the event loop. `native/ops/warp.h` holds the formula.
 */
import { native, nativeCall } from '../native/addon.js'
import type { Affine, Size } from './geometry.js'

/** Interleaved RGB, height x width x 3. */
export interface RawImage extends Size {
  data: Uint8Array
}

export interface Crop {
  image: RawImage
  /** From pixels of the output to pixels of the image. */
  map: Affine
}

/** Fills `out`, crops x height x width x 3 bytes of `output`. What lies outside an image is black. */
export async function warp(crops: readonly Crop[], output: Size, out: Uint8Array): Promise<void> {
  if (crops.length > 0) await nativeCall(() => native().warp(crops, { ...output, device: 'cpu' }, out))
}
