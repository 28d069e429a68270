/** Several images at once to the pixels a network takes: what can be done of all of them together is one native call. */
import { throwIfAborted } from '../native/check_arguments.js'
import { decode, decodeBySharp, type EncodedImage, mostPixels, readImageSize, type Window } from './decode.js'
import { type Affine, type FivePoints, footprint, rescaled, type Size, scaleOf } from './geometry.js'
import { cropJpegs, displayedSize, type JpegCrop, jpegForAddon } from './jpeg.js'
import { placement } from './placement.js'
import type { FaceTarget } from './target.js'
import { type Crop, warp } from './warp.js'

/** An image of which one network input is wanted. */
export interface FaceInput {
  image: EncodedImage
  /** In pixels of the image as displayed, that is with its EXIF orientation applied. */
  points?: FivePoints
  /** From output pixels, where a caller has made the map already; `target.align` and points then say nothing. */
  placement?: Affine
}

/** Files up to this size are decoded whole at once; above it, reading the header first pays (sharp takes 0.2 ms for it). */
const decodeWholeBytes = 128 * 1024
/** Pixels kept around the part of an image that a crop needs: enough for a bilinear sample after rounding. */
const margin = 2
/** Images that sharp decodes are in memory together, so many of them. */
const bySharpAtOnce = 4

/** A face input with its place in the batch and its map, which follows from the size of its image. */
interface Placed {
  index: number
  image: EncodedImage
  place: (image: Size) => Affine
}

/**
 * Decodes images and writes their network inputs, height x width x 3 bytes of RGB each, into `out`. Resolves to what keeps an image
 * from being used, or undefined, for each of them.
 *
 * @throws FaceNetError ERR_FACENET_ABORTED
 */
export async function loadFaceBatch(
  inputs: readonly FaceInput[],
  target: FaceTarget,
  out: Uint8Array,
  signal?: AbortSignal,
): Promise<unknown[]> {
  const errors: unknown[] = inputs.map(() => undefined)
  const bytes = target.height * target.width * 3
  const store = (batch: readonly Placed[], pixels: Uint8Array) => {
    for (const [n, { index }] of batch.entries()) {
      out.set(pixels.subarray(n * bytes, (n + 1) * bytes), index * bytes)
    }
  }

  const placed: Placed[] = []
  for (const [index, { image, points, placement: known }] of inputs.entries()) {
    try {
      placed.push({ index, image, place: known ? () => known : placement(target, points, image.name) })
    } catch (error) {
      errors[index] = error
    }
  }
  const { jpegs, others } = sortOut(placed, target, errors)
  if (jpegs.length > 0) {
    const whole = jpegs.length === inputs.length
    const pixels = whole ? out : new Uint8Array(jpegs.length * bytes)
    const crops = jpegs.map(({ crop }) => crop)
    const decoded = await cropJpegs(crops, target, pixels, signal)
    if (!whole) store(jpegs, pixels)
    others.push(...jpegs.filter((_, n) => decoded[n] === 0))
  }
  for (let first = 0; first < others.length; first += bySharpAtOnce) {
    throwIfAborted(signal)
    const batch = others.slice(first, first + bySharpAtOnce)
    const decoded = await Promise.allSettled(batch.map((each) => cropOf(each, target, signal)))
    throwIfAborted(signal)
    const crops: Crop[] = []
    const good: Placed[] = []
    for (const [n, result] of decoded.entries()) {
      if (result.status === 'rejected') errors[batch[n]!.index] = result.reason
      else {
        crops.push(result.value)
        good.push(batch[n]!)
      }
    }
    const pixels = new Uint8Array(good.length * bytes)
    await warp(crops, target, pixels, signal)
    store(good, pixels)
  }
  return errors
}

/** JPEGs that the addon decodes as much of as is needed, and the others. */
function sortOut(placed: readonly Placed[], target: FaceTarget, errors: unknown[]) {
  const jpegs: (Placed & { crop: JpegCrop })[] = []
  const others: (Placed & { crop?: JpegCrop })[] = []
  for (const each of placed) {
    try {
      const crop = jpegCrop(each, target)
      if (crop) jpegs.push({ ...each, crop })
      else others.push(each)
    } catch (error) {
      errors[each.index] = error
    }
  }
  return { jpegs, others }
}

function jpegCrop({ image: { bytes }, place }: Placed, target: FaceTarget): JpegCrop | undefined {
  const header = jpegForAddon(bytes, mostPixels(target))
  if (!header) return undefined
  const size = displayedSize(header)
  if (bytes.length <= decodeWholeBytes) return { bytes, header, region: { left: 0, top: 0, ...size }, map: place(size) }
  const { window, map } = reduce(size, place(size), target)
  // sharp resizes by a filter of its own.
  if (window.size.width !== size.width || window.size.height !== size.height) return undefined
  return { bytes, header, region: window.region, map }
}

/** Of an image that the addon does not decode, or has left undone. */
async function cropOf(
  { image, place, crop }: Placed & { crop?: JpegCrop },
  target: FaceTarget,
  signal: AbortSignal | undefined,
): Promise<Crop> {
  const decoder = crop ? decodeBySharp : decode
  if (image.bytes.length <= decodeWholeBytes) {
    const pixels = await decoder(image, target, undefined, signal)
    return { image: pixels, map: place(pixels) }
  }
  const size = await readImageSize(image, target, signal)
  const { window, map } = reduce(size, place(size), target)
  return { image: await decoder(image, target, window, signal), map }
}

/**
 * Decodes only what a crop needs of a large image: libvips halves it as long as two of its pixels still meet one of the
 * output (JPEG does so while decoding), and cuts out the crop's surroundings.
 */
function reduce(image: Size, map: Affine, output: Size): { window: Window; map: Affine } {
  const shrink = 2 ** Math.max(0, Math.floor(Math.log2(scaleOf(map))) - 1)
  const size = { width: Math.ceil(image.width / shrink), height: Math.ceil(image.height / shrink) }
  const [sx, sy] = [size.width / image.width, size.height / image.height]
  const region = footprint(rescaled(map, sx, sy, 0, 0), output, size, margin)
  return { window: { size, region }, map: rescaled(map, sx, sy, region.left, region.top) }
}
