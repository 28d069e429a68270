/**
 * Image files and buffers to RGB pixels: JPEG, PNG, WebP, GIF and AVIF (first frame), TIFF. Which of them a file is, its first
 * bytes say (`format.ts`); nothing else reaches a decoder. Most JPEGs are decoded by the addon (`jpeg.ts`), all else by sharp
 * (libvips), with the same pixels and the same errors either way.
 */
import { types } from 'node:util'
import type { Sharp } from 'sharp'
import { describe, FaceNetError, invalidArgument } from '../errors.js'
import { isUrl, pathOf } from '../files/file_source.js'
import { readImageFile } from '../files/read_bounded.js'
import { checkAttached, throwIfAborted, untilAborted } from '../native/check_arguments.js'
import { whyDamaged } from './damage.js'
import { kindOf } from './format.js'
import type { Region, Size } from './geometry.js'
import { decodeJpeg, displayedSize, jpegForAddon } from './jpeg.js'
import { sharp } from './sharp.js'
import type { RawImage } from './warp.js'

/** An image file: its path, its `file:` URL, or its bytes. */
export type ImageInput = string | URL | Uint8Array

/** Which image files are decoded. */
export interface DecodeLimits {
  /**
   * Images with more pixels than this are refused before they are decoded. Telephones make up to 200 megapixels.
   * @default 100000000, 100 megapixels
   */
  limitInputPixels?: number
  /**
   * Decode JPEGs that lack their last bytes as far as they go; what is missing is grey.
   * @default false
   */
  allowTruncated?: boolean
}

/** Also which are read. */
export interface FileLimits extends DecodeLimits {
  /**
   * The most bytes of an image file that is given by its path; a larger one is an image that cannot be used.
   * @default 268435456, 256 MiB
   */
  maxImageBytes?: number
}

export const defaultLimitInputPixels = 100_000_000

const kinds = 'JPEG, PNG, WebP, GIF, AVIF or TIFF'

/** A part of an image to decode: the image is resized to `size`, then `region` is cut out of that. */
export interface Window {
  size: Size
  region: Region
}

/** The bytes of an image file; `name` stands for it in errors. */
export interface EncodedImage {
  bytes: Uint8Array
  name: string
}

/** @throws FaceNetError ERR_FACENET_IO where the file cannot be read, ERR_FACENET_IMAGE_INVALID where it is too long. */
export async function readImage(input: ImageInput, name?: string, maxImageBytes?: number): Promise<EncodedImage> {
  if (types.isUint8Array(input)) {
    checkAttached(input, name ?? 'image')
    // Of one's own: libvips reads them while the caller may transfer theirs.
    return { bytes: new Uint8Array(input), name: name ?? 'image' }
  }
  const path = isUrl(input) ? pathOf(input, 'image') : input
  if (typeof path !== 'string')
    throw invalidArgument('image', 'a file: URL, a path or the bytes of an image file', path)
  return { bytes: await readImageFile(path, maxImageBytes), name: name ?? path }
}

/**
 * Decodes to 8-bit sRGB, height x width x 3. The EXIF orientation is applied, transparency is laid over black, grey
 * becomes three equal channels, 16 bits are cut to 8, CMYK is converted.
 *
 * @throws FaceNetError ERR_FACENET_IMAGE_INVALID for bytes that are no complete image, or one above the limit.
 */
export async function decodeImage(input: ImageInput, limits: DecodeLimits = {}): Promise<RawImage> {
  return decode(await readImage(input), limits)
}

/** Once `signal` is aborted it rejects at once: libvips, which cannot be stopped, ends by itself what it has begun. */
export async function decode(
  image: EncodedImage,
  limits: DecodeLimits,
  window?: Window,
  signal?: AbortSignal,
): Promise<RawImage> {
  return (await decodeInAddon(image, limits, window, signal)) ?? (await decodeBySharp(image, limits, window, signal))
}

async function decodeInAddon(
  { bytes }: EncodedImage,
  limits: DecodeLimits,
  window: Window | undefined,
  signal: AbortSignal | undefined,
): Promise<RawImage | undefined> {
  const header = jpegForAddon(bytes, mostPixels(limits))
  if (!header) return undefined
  const size = displayedSize(header)
  // sharp resizes by a filter of its own.
  if (window && (window.size.width !== size.width || window.size.height !== size.height)) return undefined
  return decodeJpeg(bytes, header, window?.region ?? { left: 0, top: 0, ...size }, signal)
}

/** For JPEGs too: what the addon leaves undone. */
export async function decodeBySharp(
  image: EncodedImage,
  limits: DecodeLimits,
  window?: Window,
  signal?: AbortSignal,
): Promise<RawImage> {
  const pixels = (pipeline: Sharp) => {
    if (window) pipeline.resize({ ...window.size, fit: 'fill' }).extract(window.region)
    return pipeline
      .flatten({ background: '#000' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
  }
  const { data, info } = await untilAborted(attempt(image, limits, pixels), signal)
  if (info.channels !== 3) throw invalid(image, 'a complete image file', `${info.channels} channels`)
  return { data, width: info.width, height: info.height }
}

/** Width and height with the EXIF orientation applied, from the file's header alone. */
export async function readImageSize(image: EncodedImage, limits: DecodeLimits, signal?: AbortSignal): Promise<Size> {
  throwIfAborted(signal)
  const header = jpegForAddon(image.bytes, mostPixels(limits))
  if (header) return displayedSize(header)
  const { autoOrient } = await untilAborted(
    attempt(image, limits, (pipeline) => pipeline.metadata()),
    signal,
  )
  return { width: autoOrient.width, height: autoOrient.height }
}

export function mostPixels({ limitInputPixels = defaultLimitInputPixels }: DecodeLimits): number {
  if (!Number.isSafeInteger(limitInputPixels) || limitInputPixels < 1) {
    throw invalidArgument('limitInputPixels', 'a whole number of pixels, 1 or more', limitInputPixels)
  }
  return limitInputPixels
}

/** What sharp makes of an image of a kind that is on the list. */
async function attempt<T>(
  image: EncodedImage,
  limits: DecodeLimits,
  make: (pipeline: Sharp) => Promise<T>,
): Promise<T> {
  const { bytes } = image
  const limitInputPixels = mostPixels(limits)
  const kind = kindOf(bytes)
  if (bytes.length === 0) throw damaged(image, 'the file is empty')
  if (!kind) throw damaged(image, `its first bytes are of no ${kinds}`)
  if (!kind.decodes) throw invalid(image, `a ${kinds}`, kind.name, kind.advice)
  // 'error' refuses what is truncated or corrupt, and forgives the odd bytes of cameras that every viewer accepts.
  const failOn = limits.allowTruncated && kind.name === 'JPEG' ? 'none' : 'error'
  const decoder = sharp(bytes, { limitInputPixels, failOn }).autoOrient()
  try {
    return await make(decoder)
  } catch (cause) {
    if ((cause as Error).message.includes('exceeds pixel limit')) throw tooManyPixels(image, limitInputPixels)
    throw damaged(image, whyDamaged(bytes, kind), cause)
  }
}

function tooManyPixels(image: EncodedImage, limit: number): FaceNetError {
  const expected = `an image of at most ${(limit / 1e6).toLocaleString('en-US')} megapixels`
  return invalid(image, expected, 'a larger one', 'limitInputPixels (--max-megapixels) allows more')
}

function damaged(image: EncodedImage, why: string, cause?: unknown): FaceNetError {
  return invalid(image, 'a complete image file', received(image.bytes), why, cause)
}

function invalid({ name }: EncodedImage, expected: string, received: string, more?: string, cause?: unknown) {
  const message = `Expected ${expected} for ${name} but received ${received}${more ? `: ${more}` : ''}`
  return new FaceNetError('ERR_FACENET_IMAGE_INVALID', message, { argument: name, expected, received, cause })
}

/** `25 bytes starting with "this is no p"` */
function received(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  const readable = /^[\x20-\x7e\s]+$/.test(text)
  const start = readable ? describe(text) : Buffer.from(bytes.subarray(0, 4)).toString('hex')
  return `${bytes.length} bytes${bytes.length === 0 ? '' : ` starting with ${start}`}`
}
