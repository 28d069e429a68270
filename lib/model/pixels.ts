/** What images callers hand over: pixels of the network's size, or files that are decoded. */
import { types } from 'node:util'
import { describe, invalidArgument } from '../errors.js'
import { isUrl } from '../files/file_source.js'
import type { ImageInput } from '../images/index.js'
import { checkAttached } from '../native/check_arguments.js'

/** Decoded images of one size, one after the other. */
export interface Pixels {
  /** count x height x width x 3 bytes of RGB. */
  data: Uint8Array
  /** Of each image, in pixels. */
  width: number
  /** The same. */
  height: number
  /** Images in `data`; as many as it holds where it is left out. */
  count?: number
}

/** Images as `count` inputs of a network, or as files to decode. */
export type GivenImages =
  | { kind: 'pixels'; data: Uint8Array; count: number }
  | { kind: 'files'; files: readonly ImageInput[]; count: number }

interface InputSize {
  readonly height: number
  readonly width: number
}

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT */
export function checkImages(images: unknown, size: InputSize): GivenImages {
  const files = collection(images)
  if (!files) {
    const expected = '{ data, width, height, count }, a Uint8Array of pixels or an array of image files'
    return { kind: 'pixels', ...checkPixels(images, size, expected, ' (image files go into an array)') }
  }
  for (const [i, image] of files.entries()) {
    if (types.isUint8Array(image)) checkAttached(image, `images[${i}]`)
    else if (typeof image !== 'string' && !isUrl(image)) {
      throw invalidArgument(`images[${i}]`, 'a file: URL, a path or the bytes of an image file', image)
    }
  }
  return { kind: 'files', files: files as ImageInput[], count: files.length }
}

/** What an array, a set or a generator holds, apart from what the caller goes on using. Texts and typed arrays are none. */
function collection(images: unknown): unknown[] | undefined {
  const isCollection = typeof images === 'object' && images !== null && Symbol.iterator in images
  return isCollection && !ArrayBuffer.isView(images) ? [...(images as Iterable<unknown>)] : undefined
}

/** Pixels of the network's size, with or without their numbers. */
export function checkPixels(
  images: unknown,
  { height, width }: InputSize,
  expected = '{ data, width, height, count } or a Uint8Array of pixels',
  hint = '',
): { data: Uint8Array; count: number } {
  const each = height * width * 3
  if (types.isUint8Array(images)) {
    checkAttached(images, 'images')
    if (images.length % each !== 0) {
      throw invalidArgument(
        'images',
        `N x ${height} x ${width} x 3 = N x ${each} bytes of RGB${hint}`,
        describe(images),
      )
    }
    return { data: images, count: images.length / each }
  }
  const given = images as Partial<Pixels> | null
  if (typeof given !== 'object' || given === null || !types.isUint8Array(given.data)) {
    throw invalidArgument('images', expected, images)
  }
  checkAttached(given.data, 'images.data')
  if (given.width !== width || given.height !== height) {
    throw invalidArgument('images', `images of ${width} x ${height} pixels`, `${given.width} x ${given.height}`)
  }
  const count = given.count ?? given.data.length / each
  if (!Number.isSafeInteger(count) || count < 0 || given.data.length !== count * each) {
    const bytes = `${given.count ?? 'N'} x ${height} x ${width} x 3 bytes of RGB`
    throw invalidArgument('images.data', bytes, describe(given.data))
  }
  return { data: given.data, count }
}
