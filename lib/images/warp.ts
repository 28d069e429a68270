/**
 * The one resampler: every crop, whether the whole image, its centre or a face aligned by points, is an affine map from
 * output pixels to image pixels. Bilinear; where the image shrinks, the mean of k x k bilinear samples spread evenly
 * over each output pixel. k is the shrink rounded to whole: samples are then at most 1.5 pixels apart and each reads 2,
 * so no pixel of the image is left out, and shrinking by a whole number gives exact box means. The identity is exact.
 */
import { type Affine, type Size, scaleOf } from './geometry.js'

/** Interleaved RGB, height x width x 3. */
export interface RawImage extends Size {
  data: Uint8Array
}

/**
 * Fills `out` (height x width x 3 of `output`) with the pixels that `map` finds in `image`. What lies outside the image
 * is black; within half a pixel of its edge the edge is repeated. Rounds to nearest.
 */
export function warp(image: RawImage, map: Affine, output: Size, out: Uint8Array): void {
  const taps = Math.max(1, Math.round(scaleOf(map)))
  const { data, width, height } = image
  const pitch = width * 3
  const [right, bottom] = [width - 1, height - 1]
  const share = 1 / (taps * taps)
  const { xx, xy, x0, yx, yy, y0 } = map
  let at = 0
  for (let row = 0; row < output.height; ++row) {
    for (let column = 0; column < output.width; ++column) {
      let [r, g, b] = [0, 0, 0]
      for (let tap = 0; tap < taps * taps; ++tap) {
        const x = column + ((tap % taps) + 0.5) / taps - 0.5
        const y = row + (Math.floor(tap / taps) + 0.5) / taps - 0.5
        let u = xx * x + xy * y + x0
        let v = yx * x + yy * y + y0
        if (u < -0.5 || v < -0.5 || u > right + 0.5 || v > bottom + 0.5) continue
        u = Math.min(Math.max(u, 0), right)
        v = Math.min(Math.max(v, 0), bottom)
        const [left, top] = [u | 0, v | 0]
        const [fu, fv] = [u - left, v - top]
        const p = top * pitch + left * 3
        const q = left < right ? p + 3 : p
        const down = top < bottom ? pitch : 0
        const [w00, w01, w10, w11] = [(1 - fu) * (1 - fv), fu * (1 - fv), (1 - fu) * fv, fu * fv]
        r += w00 * data[p]! + w01 * data[q]! + w10 * data[p + down]! + w11 * data[q + down]!
        g += w00 * data[p + 1]! + w01 * data[q + 1]! + w10 * data[p + down + 1]! + w11 * data[q + down + 1]!
        b += w00 * data[p + 2]! + w01 * data[q + 2]! + w10 * data[p + down + 2]! + w11 * data[q + down + 2]!
      }
      out[at++] = r * share + 0.5
      out[at++] = g * share + 0.5
      out[at++] = b * share + 0.5
    }
  }
}
