/**
 * An image at many scales, cut into tiles for a network that looks through a window of fixed size (P-net: 12x12 pixels, at
 * every second one). Such a network gives the same answer for a window wherever it lies, so a level may be looked at in tiles
 * that overlap: tiles come in few sizes, those of one size go through the network together, and no level is ever held whole.
 */
import { type Crop, warp } from '../images/warp.js'
import { sharedBytes } from '../native/shared_memory.js'
import type { RgbImage } from './types.js'

/** Pixels of a window, and from one window to the next. */
export const cell = 12
export const step = 2
/** Ratio of the sides of one level and the next: areas halve. */
const factor = 0.709
/** Windows along a side of a tile. More waste fewer pixels on overlap, fewer give more tiles to share among threads. */
const mostWindows = 64
/** Tiles' sides are rounded up to multiples of it, so that different levels have tiles of one size. */
const windowsMultiple = 8

/** A scale of the image. */
export interface Level {
  /** Pixels of the image a pixel of the level covers. Sides are rounded to even pixels, so the two may differ a little. */
  shrinkX: number
  shrinkY: number
  /** Windows along each side. */
  columns: number
  rows: number
}

/** Some of a level's windows. */
export interface Tile {
  level: number
  /** Of the first window. */
  column: number
  row: number
  /** Windows that are used. */
  columns: number
  rows: number
  /** Size of the tile in pixels; what is beyond its windows, or the image, is not used. */
  width: number
  height: number
}

/** Levels from the one where a face of `minSize` pixels fills a window to the last whose shorter side holds a window. */
export function pyramidLevels({ width, height }: { width: number; height: number }, minSize: number): Level[] {
  const levels: Level[] = []
  for (let scale = cell / Math.max(minSize, cell); ; scale *= factor) {
    const [levelWidth, levelHeight] = [evenSize(width * scale), evenSize(height * scale)]
    if (Math.min(levelWidth, levelHeight) < cell) return levels
    levels.push({
      shrinkX: width / levelWidth,
      shrinkY: height / levelHeight,
      columns: windows(levelWidth),
      rows: windows(levelHeight),
    })
  }
}

const evenSize = (size: number) => 2 * Math.round(size / 2)
const windows = (pixels: number) => (pixels - cell) / step + 1
const pixels = (count: number) => cell + (count - 1) * step

/** Tiles that cover all levels, grouped by their size. */
export function tilesBySize(levels: readonly Level[]): Tile[][] {
  const groups = new Map<string, Tile[]>()
  for (const [index, { columns, rows }] of levels.entries()) {
    const [across, down] = [partsOf(columns), partsOf(rows)]
    for (let row = 0; row < rows; row += down.step) {
      for (let column = 0; column < columns; column += across.step) {
        const tile: Tile = {
          level: index,
          column,
          row,
          columns: Math.min(across.step, columns - column),
          rows: Math.min(down.step, rows - row),
          width: across.pixels,
          height: down.pixels,
        }
        const key = `${tile.height}x${tile.width}`
        const group = groups.get(key)
        if (group) group.push(tile)
        else groups.set(key, [tile])
      }
    }
  }
  return [...groups.values()]
}

/** Windows along a side shared out evenly. */
function partsOf(count: number): { step: number; pixels: number } {
  const share = Math.ceil(count / Math.ceil(count / mostWindows))
  return { step: share, pixels: pixels(Math.ceil(share / windowsMultiple) * windowsMultiple) }
}

/**
 * An image and its halves, so that reading a small part of it at a coarse scale costs what the part has pixels there. Halves
 * are made when they are first asked for.
 */
export class HalvedImage {
  private readonly halves: Promise<RgbImage>[]

  constructor(private readonly image: RgbImage) {
    this.halves = [Promise.resolve(image)]
  }

  /**
   * The rectangle with its left top corner at x, y and `shrinkX` times `shrinkY` pixels for each of the output, as a crop of
   * whichever half is just as fine as the output or finer. Coordinates are of the image, whose left top corner is 0, 0.
   */
  async crop(x: number, y: number, shrinkX: number, shrinkY: number): Promise<Crop> {
    const half = await this.half(Math.floor(Math.log2(Math.max(1, Math.min(shrinkX, shrinkY)))))
    const [scaleX, scaleY] = [half.width / this.image.width, half.height / this.image.height]
    const [xx, yy] = [shrinkX * scaleX, shrinkY * scaleY]
    const map = { xx, xy: 0, x0: x * scaleX + xx / 2 - 0.5, yx: 0, yy, y0: y * scaleY + yy / 2 - 0.5 }
    return { image: half, map }
  }

  private half(times: number): Promise<RgbImage> {
    while (this.halves.length <= times) this.halves.push(this.halves.at(-1)!.then(halfOf))
    return this.halves[times]!
  }
}

async function halfOf(finer: RgbImage): Promise<RgbImage> {
  const [width, height] = [Math.ceil(finer.width / 2), Math.ceil(finer.height / 2)]
  const [xx, yy] = [finer.width / width, finer.height / height]
  const map = { xx, xy: 0, x0: xx / 2 - 0.5, yx: 0, yy, y0: yy / 2 - 0.5 }
  const data = sharedBytes(width * height * 3)
  await warp([{ image: finer, map }], { width, height }, data)
  return { data, width, height }
}
