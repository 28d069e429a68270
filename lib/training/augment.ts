/**
 * What is changed about a face before a network sees it. Every change is drawn from the seed, the batch and the place in it,
 * so that training that was resumed sees the same images.
 */
import { invalidArgument } from '../errors.js'
import type { Size } from '../images/geometry.js'
import { sharp } from '../images/sharp.js'
import { checkOptions } from '../native/check_arguments.js'
import { type Random, randomAt } from './sampler_random.js'

/** What is changed at random about an image before the network sees it. */
export interface AugmentOptions {
  /**
   * Random place of the crop inside the border; else the middle.
   * @default true
   */
  crop?: boolean
  /**
   * Mirrors every second image.
   * @default true
   */
  flip?: boolean
  /**
   * Brightness, contrast and saturation are changed by up to this share, 0..1.
   * @default 0.2
   */
  colour?: number
  /**
   * Share of images that are compressed by JPEG, quality 20..90, 0..1.
   * @default 0.1
   */
  jpeg?: number
}

/** Changes nothing: the middle of each image as it is. */
export const noAugmentation: Required<AugmentOptions> = { crop: false, flip: false, colour: 0, jpeg: 0 }

/**
 * Checks options and fills in the defaults.
 *
 * @param options what to change.
 * @returns all options with their values.
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT
 *
 * @example
 * ```ts
 * const augmentation = checkAugmentOptions({ jpeg: 0 }) // crop and flip true, colour 0.2
 * ```
 */
export function checkAugmentOptions(options: AugmentOptions): Required<AugmentOptions> {
  checkOptions(options, 'options', ['crop', 'flip', 'colour', 'jpeg'])
  const { crop = true, flip = true, colour = 0.2, jpeg = 0.1 } = options
  for (const [name, value] of Object.entries({ colour, jpeg })) {
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
      throw invalidArgument(`options.${name}`, 'a number in 0..1', value)
    }
  }
  return { crop, flip, colour, jpeg }
}

export interface Place {
  seed: number
  /** Number of the batch. */
  batch: number
  /** In the batch. */
  index: number
}

/** Writes one network input into `out`, from `face`: both are RGB, and `face` has `border` pixels more on each side. */
export async function augment(
  face: Uint8Array,
  border: Size,
  input: Size,
  place: Place,
  options: Required<AugmentOptions>,
  out: Uint8Array,
): Promise<void> {
  const random = randomAt(place.seed, 3, place.batch, place.index)
  // All are drawn always: an option that is off leaves the others' draws as they are.
  const [dx, dy] = [random.integer(2 * border.width + 1), random.integer(2 * border.height + 1)]
  const mirrored = random.uniform() < 0.5
  const change = drawColour(random, options.colour)
  const [compressed, quality] = [random.uniform() < options.jpeg, 20 + random.integer(71)]
  const from = options.crop ? { x: dx, y: dy } : { x: border.width, y: border.height }
  copy(face, input.width + 2 * border.width, from, options.flip && mirrored, input, out)
  if (options.colour > 0) recolour(out, change)
  if (compressed) await compress(out, input, quality)
}

function copy(
  face: Uint8Array,
  stride: number,
  from: { x: number; y: number },
  mirrored: boolean,
  { width, height }: Size,
  out: Uint8Array,
): void {
  for (let y = 0; y < height; y++) {
    const start = ((from.y + y) * stride + from.x) * 3
    const row = out.subarray(y * width * 3, (y + 1) * width * 3)
    row.set(face.subarray(start, start + width * 3))
    if (mirrored) mirror(row)
  }
}

function mirror(row: Uint8Array): void {
  for (let left = 0, right = row.length - 3; left < right; left += 3, right -= 3) {
    for (let channel = 0; channel < 3; channel++) {
      const kept = row[left + channel]!
      row[left + channel] = row[right + channel]!
      row[right + channel] = kept
    }
  }
}

export interface Colour {
  /** Factors, 1 for no change. */
  brightness: number
  contrast: number
  saturation: number
}

function drawColour(random: Random, share: number): Colour {
  const factor = () => 1 + share * (2 * random.uniform() - 1)
  return { brightness: factor(), contrast: factor(), saturation: factor() }
}

/**
 * v' = (grey + saturation (v - grey)) * gain + shift, rounded and clamped, with the grey of ITU-R BT.601; contrast scales
 * about the image's mean grey, and brightness scales what comes of that.
 */
export function recolour(pixels: Uint8Array, { brightness, contrast, saturation }: Colour): void {
  let sum = 0
  for (let i = 0; i < pixels.length; i += 3) sum += grey(pixels, i)
  const mean = sum / (pixels.length / 3)
  const gain = brightness * contrast
  const shift = brightness * (1 - contrast) * mean + 0.5
  for (let i = 0; i < pixels.length; i += 3) {
    const base = grey(pixels, i) * (1 - saturation)
    for (let channel = i; channel < i + 3; channel++) {
      const value = (base + saturation * pixels[channel]!) * gain + shift
      pixels[channel] = Math.min(Math.max(value, 0), 255)
    }
  }
}

const grey = (pixels: Uint8Array, i: number) => 0.299 * pixels[i]! + 0.587 * pixels[i + 1]! + 0.114 * pixels[i + 2]!

async function compress(pixels: Uint8Array, { width, height }: Size, quality: number): Promise<void> {
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer()
  pixels.set(await sharp(jpeg).raw().toBuffer())
}
