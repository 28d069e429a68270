/**
 * From an image file to the pixels a network takes: which part of it to use, decoded no larger than needed, resampled.
 */
import { FaceNetError, invalidArgument } from '../errors.js'
import { decode, type ImageInput, readImage, readImageSize, type Window } from './decode.js'
import { type Affine, aligned, centred, type FivePoints, footprint, rescaled, type Size, scaleOf } from './geometry.js'
import { defaultCenterFraction, type FaceTarget } from './target.js'
import { marginOf, templatePoints } from './templates.js'
import { type RawImage, warp } from './warp.js'

/** Files up to this size are decoded whole at once; above it, reading the header first pays (it takes 0.2 ms). */
const decodeWholeBytes = 128 * 1024
/** Pixels kept around the part of an image that a crop needs: enough for a bilinear sample after rounding. */
const margin = 2

/**
 * Decodes an image and writes one network input, height x width x 3 bytes of RGB, into `out`.
 * `points` and `known` are in pixels of the image as displayed, that is with its EXIF orientation applied. `known` is the map
 * from output pixels where a caller has made it already; `target.align` and points then say nothing.
 */
export async function loadFace(
  input: ImageInput,
  target: FaceTarget,
  out: Uint8Array,
  points?: FivePoints,
  name?: string,
  known?: Affine,
): Promise<void> {
  const encoded = await readImage(input, name)
  const place = known ? () => known : placement(target, points, encoded.name)
  if (encoded.bytes.length > decodeWholeBytes) {
    const size = await readImageSize(encoded, target)
    const { window, map } = reduce(size, place(size), target)
    await warp([{ image: await decode(encoded, target, window), map }], target, out)
  } else {
    const image = await decode(encoded, target)
    await warp([{ image, map: place(image) }], target, out)
  }
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

/** Checks the options, and returns the map from output pixels into an image of a given size. */
function placement(target: FaceTarget, points: FivePoints | undefined, name: string): (image: Size) => Affine {
  const { align = 'none', centerFraction = defaultCenterFraction, template } = target
  if (align === 'none') return (image) => centred(image, target, 1)
  if (align === 'center') {
    if (!(centerFraction > 0 && centerFraction <= 1)) {
      throw invalidArgument('centerFraction', 'a number above 0 and at most 1', centerFraction)
    }
    return (image) => centred(image, target, centerFraction)
  }
  if (align !== 'points') throw invalidArgument('align', "'none', 'center' or 'points'", align)
  if (!template) throw invalidArgument('template', "a template's name, with align 'points'", template)
  if (marginOf(template)) throw invalidArgument('align', `'detect', as template ${template} needs a face's box`, align)
  if (!points) {
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `Expected five points for ${name} but received none`, {
      argument: name,
      expected: 'five points',
      received: 'none',
    })
  }
  const map = aligned(points, templatePoints(template, target))
  return () => map
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
