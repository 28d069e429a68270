/** Checks of what callers hand to a detector. */
import { types } from 'node:util'
import { invalidArgument } from '../errors.js'
import { checkOptions, checkSignal } from '../native/check_arguments.js'
import { checkMinSize } from './min_size.js'
import type { DetectOptions, RgbImage } from './types.js'

/** Throws ERR_FACENET_INVALID_ARGUMENT that names the argument. */
export function checkDetectOptions(images: readonly RgbImage[], options: DetectOptions): DetectOptions {
  checkOptions(options, 'options', ['minSize', 'scoreThreshold', 'signal'])
  const { minSize, scoreThreshold } = options
  checkMinSize(minSize)
  if (scoreThreshold !== undefined && !(scoreThreshold >= 0 && scoreThreshold <= 1)) {
    throw invalidArgument('options.scoreThreshold', 'a number 0..1', scoreThreshold)
  }
  if (!Array.isArray(images)) throw invalidArgument('images', 'an array of { data, width, height }', images)
  for (const [i, image] of images.entries()) {
    if (typeof image !== 'object' || image === null) {
      throw invalidArgument(`images[${i}]`, '{ data, width, height }', image)
    }
    const { data, width, height } = image
    const sound = Number.isSafeInteger(width) && Number.isSafeInteger(height) && width > 0 && height > 0
    if (!sound)
      throw invalidArgument(`images[${i}]`, 'a width and a height of at least 1 pixel', `${width} x ${height}`)
    if (!types.isUint8Array(data) || data.length !== width * height * 3) {
      throw invalidArgument(`images[${i}].data`, `a Uint8Array of ${width} x ${height} x 3 bytes of RGB`, data)
    }
  }
  return { ...options, signal: checkSignal(options.signal) }
}
