/**
 * Image files and buffers to RGB pixels, by sharp (libvips): JPEG, PNG, WebP, GIF and AVIF (first frame), TIFF, SVG.
 */
import { readFile } from 'node:fs/promises'
import { types } from 'node:util'
import sharp, { type Sharp } from 'sharp'
import { cannotRead, describe, FaceNetError, invalidArgument } from '../errors.js'
import { isUrl, pathOf } from '../files/file_source.js'
import { checkAttached } from '../native/check_arguments.js'
import type { Region, Size } from './geometry.js'
import type { RawImage } from './warp.js'

/** An image file: its path, its `file:` URL, or its bytes. */
export type ImageInput = string | URL | Uint8Array

export interface DecodeLimits {
  /**
   * Images with more pixels than this are refused before they are decoded.
   * @default 100 megapixels
   */
  limitInputPixels?: number
}

export const defaultLimitInputPixels = 100_000_000

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

/** @throws FaceNetError ERR_FACENET_IO where the file cannot be read. */
export async function readImage(input: ImageInput, name?: string): Promise<EncodedImage> {
  if (types.isUint8Array(input)) {
    checkAttached(input, 'image')
    return { bytes: input, name: name ?? 'image' }
  }
  const path = isUrl(input) ? pathOf(input, 'image') : input
  if (typeof path !== 'string')
    throw invalidArgument('image', 'a file: URL, a path or the bytes of an image file', path)
  try {
    return { bytes: await readFile(path), name: name ?? path }
  } catch (cause) {
    throw cannotRead(name ?? path, 'a readable file', cause)
  }
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

export async function decode(image: EncodedImage, limits: DecodeLimits, window?: Window): Promise<RawImage> {
  const pipeline = open(image, limits)
  try {
    if (window) pipeline.resize({ ...window.size, fit: 'fill' }).extract(window.region)
    const { data, info } = await pipeline
      .flatten({ background: '#000' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`)
    return { data, width: info.width, height: info.height }
  } catch (cause) {
    throw invalidImage(image, limits, cause as Error)
  }
}

/** Width and height with the EXIF orientation applied, from the file's header alone. */
export async function readImageSize(image: EncodedImage, limits: DecodeLimits): Promise<Size> {
  try {
    const { autoOrient } = await open(image, limits).metadata()
    return { width: autoOrient.width, height: autoOrient.height }
  } catch (cause) {
    throw invalidImage(image, limits, cause as Error)
  }
}

function open({ bytes, name }: EncodedImage, limits: DecodeLimits): Sharp {
  const limitInputPixels = limits.limitInputPixels ?? defaultLimitInputPixels
  if (!Number.isSafeInteger(limitInputPixels) || limitInputPixels < 1) {
    throw invalidArgument('limitInputPixels', 'a whole number of pixels, 1 or more', limitInputPixels)
  }
  if (bytes.length === 0) throw invalidImage({ bytes, name }, limits, new Error('the file is empty'))
  // 'error' refuses what is truncated or corrupt, and forgives the odd bytes of cameras that every viewer accepts.
  return sharp(bytes, { limitInputPixels, failOn: 'error' }).autoOrient()
}

function invalidImage({ bytes, name }: EncodedImage, limits: DecodeLimits, cause: Error): FaceNetError {
  const tooLarge = cause.message.includes('exceeds pixel limit')
  const limit = ((limits.limitInputPixels ?? defaultLimitInputPixels) / 1e6).toLocaleString('en-US')
  const expected = tooLarge ? `an image of at most ${limit} megapixels` : 'a complete image file'
  const received = tooLarge ? 'a larger one' : `${bytes.length} bytes${firstBytes(bytes)}`
  const reason = tooLarge ? '' : `: ${cause.message.split('\n')[0]}`
  return new FaceNetError(
    'ERR_FACENET_IMAGE_INVALID',
    `Expected ${expected} for ${name} but received ${received}${reason}`,
    { argument: name, expected, received, cause },
  )
}

function firstBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return ''
  const text = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  const readable = /^[\x20-\x7e\s]+$/.test(text)
  return ` starting with ${readable ? describe(text) : Buffer.from(bytes.subarray(0, 4)).toString('hex')}`
}
