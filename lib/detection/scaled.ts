/**
 * Images as a fully convolutional detector takes them: brought to a size, and padded with black at the right and at the
 * bottom. A network sees faces of a limited range of sizes, so a large image is looked at several times, at scales that halve.
 */
import { warp } from '../images/warp.js'
import type { FaceBox, RgbImage } from './types.js'

export interface ScaledImage {
  /** Pixels of the image to one of the network's input. */
  shrink: number
  /** Size of the network's input, padding included. */
  height: number
  width: number
  /** height x width x 3; black outside the image. */
  data: Uint8Array
}

/** `longest`: what the longer side becomes. Sides are padded to multiples of `multiple`. */
async function scaled(image: RgbImage, longest: number, multiple: number): Promise<ScaledImage> {
  const shrink = Math.max(image.width, image.height) / longest
  const padded = (size: number) => Math.ceil(Math.max(1, Math.round(size / shrink)) / multiple) * multiple
  const [height, width] = [padded(image.height), padded(image.width)]
  const data = new Uint8Array(height * width * 3)
  if (shrink === 1) {
    const pitch = image.width * 3
    for (let row = 0; row < image.height; row++) {
      data.set(image.data.subarray(row * pitch, (row + 1) * pitch), row * width * 3)
    }
  } else {
    const middle = (shrink - 1) / 2
    const map = { xx: shrink, xy: 0, x0: middle, yx: 0, yy: shrink, y0: middle }
    await warp([{ image, map }], { width, height }, data)
  }
  return { shrink, height, width, data }
}

/** A coordinate of the network's input in pixels of the image; whole numbers are the centres of pixels in both. */
export function unscaled(value: number, shrink: number): number {
  return (value + 0.5) * shrink - 0.5
}

export function unscaledBox({ x, y, width, height }: FaceBox, shrink: number): FaceBox {
  return { x: unscaled(x, shrink), y: unscaled(y, shrink), width: width * shrink, height: height * shrink }
}

/** A scale of one of the images. */
export interface Look {
  image: number
  scaled: ScaledImage
}

export interface ScaleRule {
  multiple: number
  /** The longer side of the network's input at the finest scale, of an image's longer side. */
  longestOf(longer: number): number
  /** Scales go on to halve until the longer side is at most this. */
  coarsest: number
}

/** Bytes of input that go through a network together. */
const batchBytes = 8 << 20

/** Every scale of every image, neighbours of one size together. Made as they are asked for, so that few are in memory. */
export async function* scaledBatches(images: readonly RgbImage[], rule: ScaleRule): AsyncGenerator<Look[]> {
  let batch: Look[] = []
  for await (const look of looks(images, rule)) {
    const first = batch[0]?.scaled
    const fits = first && first.height === look.scaled.height && first.width === look.scaled.width
    if (first && (!fits || (batch.length + 1) * first.data.length > batchBytes)) {
      yield batch
      batch = []
    }
    batch.push(look)
  }
  if (batch.length > 0) yield batch
}

async function* looks(images: readonly RgbImage[], rule: ScaleRule): AsyncGenerator<Look> {
  for (const [index, image] of images.entries()) {
    let longest = rule.longestOf(Math.max(image.width, image.height))
    for (;;) {
      yield { image: index, scaled: await scaled(image, longest, rule.multiple) }
      if (longest <= rule.coarsest) break
      longest /= 2
    }
  }
}
