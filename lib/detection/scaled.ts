/** Images as a fully convolutional detector takes them: scaled down, and padded at the right and at the bottom. */
import { warp } from '../images/warp.js'
import type { FaceBox, RgbImage } from './types.js'

export interface ScaledImage {
  /** Pixels of the image to one of the network's input, at least 1. */
  shrink: number
  /** Size of the network's input, padding included. */
  height: number
  width: number
  /** height x width x 3; black outside the image. */
  data: Uint8Array
}

/** `longest`: what the longer side becomes where it is longer. Sides are padded to multiples of `multiple`. */
export async function scaled(image: RgbImage, longest: number, multiple: number): Promise<ScaledImage> {
  const shrink = Math.max(1, Math.max(image.width, image.height) / longest)
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
