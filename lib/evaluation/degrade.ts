/** Network inputs made worse as the paper does it: by JPEG compression, and by fewer pixels. */
import type { Sharp } from 'sharp'
import type { Size } from '../images/geometry.js'
import { sharp } from '../images/sharp.js'

/** - `jpeg`: encoded at this quality and decoded again. - `pixels`: made as small as this many pixels and enlarged again. */
export type Degradation = { kind: 'jpeg'; quality: number } | { kind: 'pixels'; pixels: number }

/** The JPEG qualities of the paper's table 4 (Schroff et al., CVPR 2015). */
export const jpegQualities = [10, 20, 30, 50, 70, 90] as const
/** The image sizes of the paper's table 4, in pixels. */
export const pixelCounts = [1600, 6400, 14_400, 25_600, 65_536] as const

/** The size of about `pixels` pixels with the shape of `input`; undefined where that has no more of them. */
export function reducedSize({ width, height }: Size, pixels: number): Size | undefined {
  const scale = Math.sqrt(pixels / (width * height))
  if (scale >= 1) return undefined
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/**
 * Makes network inputs worse. Undefined where the degradation changes nothing.
 *
 * @param inputs count x height x width x 3 bytes of RGB.
 * @param count how many inputs there are.
 * @param size of one input, in pixels.
 * @param how by JPEG compression, or by fewer pixels.
 * @returns the inputs made worse, in a new array.
 *
 * @example
 * ```ts
 * const worse = await degrade(images, 16, { width: 112, height: 112 }, { kind: 'jpeg', quality: 20 })
 * ```
 */
export async function degrade(
  inputs: Uint8Array,
  count: number,
  size: Size,
  how: Degradation,
): Promise<Uint8Array | undefined> {
  const reduced = how.kind === 'pixels' ? reducedSize(size, how.pixels) : size
  if (!reduced) return undefined
  const bytes = size.width * size.height * 3
  const out = new Uint8Array(count * bytes)
  const one = async (i: number) => {
    const input = sharp(inputs.subarray(i * bytes, (i + 1) * bytes), raw(size))
    const pixels = how.kind === 'jpeg' ? recompress(input, how.quality) : resample(input, reduced, size)
    out.set(await pixels, i * bytes)
  }
  await Promise.all(Array.from({ length: count }, (_, i) => one(i)))
  return out
}

const raw = ({ width, height }: Size) => ({ raw: { width, height, channels: 3 as const } })

async function recompress(input: Sharp, quality: number): Promise<Buffer> {
  return sharp(await input.jpeg({ quality }).toBuffer())
    .raw()
    .toBuffer()
}

async function resample(input: Sharp, small: Size, size: Size): Promise<Buffer> {
  const reduced = await input
    .resize({ ...small, fit: 'fill' })
    .raw()
    .toBuffer()
  return sharp(reduced, raw(small))
    .resize({ ...size, fit: 'fill' })
    .raw()
    .toBuffer()
}
