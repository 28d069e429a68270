/**
 * Images as a fully convolutional detector takes them: brought to a size, and padded with black at the right and at the
 * bottom. A network sees faces of a limited range of sizes, so an image is looked at several times, at scales that halve. A scale
 * that is too large to go through a network whole is cut into tiles that overlap.
 */
import { invalidArgument } from '../errors.js'
import { warp } from '../images/warp.js'
import { sharedBytes } from '../native/shared_memory.js'
import type { FaceBox, RgbImage } from './types.js'

export interface ScaledImage {
  /** Pixels of the image to one of the network's input. */
  shrink: number
  /** Left top corner in the scaled image; 0, 0 unless that is cut into tiles. */
  left: number
  top: number
  /** Size of the network's input, padding included. */
  height: number
  width: number
  /** The part of it that no other tile answers for: columns and rows of its own, the last not included. */
  own: { left: number; top: number; right: number; bottom: number }
  /** Larger boxes may be cut by the tile's border; a coarser scale shows them whole. */
  largest: number
  /** height x width x 3; black outside the image. */
  data: Uint8Array
}

/** Most pixels of a side that go through a network at once: a tile of 3 x this x this takes it some 100 MB. */
const tileSide = 1280
/** Of the finest scale: minutes of work, for an image of 100 megapixels as for one that is to be enlarged a thousand times. */
const mostPixels = 2 ** 30
/** Pixels that neighbouring tiles share. A face of at most this size, whose centre is a tile's own, is whole in it. */
const tileOverlap = 192

/** A coordinate of the network's input in pixels of the image; whole numbers are the centres of pixels in both. */
export function unscaled(value: number, shrink: number): number {
  return (value + 0.5) * shrink - 0.5
}

/** A box of the network's input in pixels of the image; undefined where it is another tile's, or a coarser scale's, to find. */
export function unscaledBox({ x, y, width, height }: FaceBox, scaled: ScaledImage): FaceBox | undefined {
  const { shrink, left, top, own, largest } = scaled
  const [middleX, middleY] = [x + width / 2, y + height / 2]
  const isOwn = middleX >= own.left && middleX < own.right && middleY >= own.top && middleY < own.bottom
  if (!isOwn || Math.max(width, height) > largest) return undefined
  return {
    x: unscaled(x + left, shrink),
    y: unscaled(y + top, shrink),
    width: width * shrink,
    height: height * shrink,
  }
}

/** A scale of one of the images, or a tile of it. */
export interface Look {
  image: number
  scaled: ScaledImage
}

export interface ScaleRule {
  multiple: number
  /** The longer side of the network's input at the finest scale. */
  longestOf(image: RgbImage): number
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
    const longer = Math.max(image.width, image.height)
    let longest = rule.longestOf(image)
    const pixels = image.width * image.height * (longest / longer) ** 2
    if (pixels > mostPixels) {
      const expected = `faces so large that the image is looked at with at most ${mostPixels} pixels`
      throw invalidArgument('options.minSize', expected, `faces for which it has ${pixels.toPrecision(3)}`)
    }
    for (;;) {
      const shrink = longer / longest
      const [across, down] = [image.width, image.height].map((size) => parts(size / shrink, rule.multiple))
      for (const row of down!) {
        for (const column of across!) yield { image: index, scaled: await scaledTile(image, shrink, column, row) }
      }
      if (longest <= rule.coarsest) break
      longest /= 2
    }
  }
}

/** Where a tile lies along one side of the scaled image. */
interface Part {
  start: number
  /** Of the network's input. */
  size: number
  /** Counted from `start`. */
  ownStart: number
  ownEnd: number
  cut: boolean
}

/** The tiles along a side, all of one size. */
function parts(side: number, multiple: number): Part[] {
  const pixels = Math.max(1, Math.round(side))
  const padded = (size: number) => Math.ceil(size / multiple) * multiple
  if (pixels <= tileSide) {
    return [{ start: 0, size: padded(pixels), ownStart: -Infinity, ownEnd: Infinity, cut: false }]
  }
  const count = Math.ceil((pixels - tileOverlap) / (tileSide - tileOverlap))
  const step = padded(Math.ceil((pixels - tileOverlap) / count))
  return Array.from({ length: count }, (_, i) => ({
    start: i * step,
    size: step + tileOverlap,
    ownStart: i === 0 ? -Infinity : tileOverlap / 2,
    ownEnd: i === count - 1 ? Infinity : step + tileOverlap / 2,
    cut: true,
  }))
}

async function scaledTile(image: RgbImage, shrink: number, column: Part, row: Part): Promise<ScaledImage> {
  const [width, height] = [column.size, row.size]
  const data = sharedBytes(height * width * 3)
  if (shrink === 1 && !column.cut && !row.cut) {
    const pitch = image.width * 3
    for (let y = 0; y < image.height; y++) data.set(image.data.subarray(y * pitch, (y + 1) * pitch), y * width * 3)
  } else {
    const middle = (shrink - 1) / 2
    const [x0, y0] = [column, row].map(({ start }) => start * shrink + middle) as [number, number]
    await warp([{ image, map: { xx: shrink, xy: 0, x0, yx: 0, yy: shrink, y0 } }], { width, height }, data)
  }
  return {
    shrink,
    left: column.start,
    top: row.start,
    height,
    width,
    own: { left: column.ownStart, top: row.ownStart, right: column.ownEnd, bottom: row.ownEnd },
    largest: column.cut || row.cut ? tileOverlap : Infinity,
    data,
  }
}
