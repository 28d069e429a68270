/**
 * The one resampler: every crop, whether the whole image, its centre or a face, is an affine map from output pixels to
 * image pixels, and is done by the native code off the event loop. `native/ops/warp.h` holds the formula.
 */
import { native } from '../native/addon.js'
import { enqueueCall } from '../native/queue.js'
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

/**
 * Fills `out`, crops x height x width x 3 bytes of `output`. What lies outside an image is black.
 *
 * Images are read in place, since a crop may use a thousandth of one: they are what was decoded here, or copied from a caller
 * (`lib/detection/own_pixels.ts`), and shown to nobody before the promise has settled.
 */
export async function warp(crops: readonly Crop[], output: Size, out: Uint8Array, signal?: AbortSignal): Promise<void> {
  if (crops.length === 0) return
  await enqueueCall(signal, (cancel) => native().warp(crops, { ...output, device: 'cpu' }, out, cancel))
}
