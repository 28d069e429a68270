/**
 * Where the pixels of a network's input lie in a photograph, as affine maps. Coordinates are in pixels, x to the right,
 * y down, and whole numbers are the centres of pixels: an image of width w covers x from -0.5 to w - 0.5.
 */
import { invalidArgument } from '../errors.js'

/** An affine map of the plane: `x' = xx x + xy y + x0`, `y' = yx x + yy y + y0`. */
export interface Affine {
  /** How much of x goes into x'. */
  xx: number
  /** How much of y goes into x'. */
  xy: number
  /** What is added to x'. */
  x0: number
  /** How much of x goes into y'. */
  yx: number
  /** How much of y goes into y'. */
  yy: number
  /** What is added to y'. */
  y0: number
}

/**
 * Right eye, left eye, nose tip, right and left corner of the mouth, x and y of each: ten numbers. Right and left are
 * the person's, so in a photograph the right eye is the one on the left.
 */
export type FivePoints = readonly number[]

/** What tables call the numbers of five points. */
export const pointColumns = ['rex', 'rey', 'lex', 'ley', 'nx', 'ny', 'rmx', 'rmy', 'lmx', 'lmy'] as const

/** Width and height in pixels. */
export interface Size {
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
}

/** A rectangle of whole pixels. */
export interface Region extends Size {
  left: number
  top: number
}

/**
 * The rotation, scale and shift that bring the points `from` nearest to the points `to` in the least-squares sense
 * (Umeyama 1991; in the plane and without mirroring the solution is this closed form). Points are x, y pairs, two or
 * more.
 */
export function similarity(from: readonly number[], to: readonly number[]): Affine {
  const n = from.length / 2
  let [fx, fy, tx, ty] = [0, 0, 0, 0]
  for (let i = 0; i < n; ++i) {
    fx += from[2 * i]! / n
    fy += from[2 * i + 1]! / n
    tx += to[2 * i]! / n
    ty += to[2 * i + 1]! / n
  }
  let [dot, cross, spread] = [0, 0, 0]
  for (let i = 0; i < n; ++i) {
    const [ax, ay] = [from[2 * i]! - fx, from[2 * i + 1]! - fy]
    const [bx, by] = [to[2 * i]! - tx, to[2 * i + 1]! - ty]
    dot += ax * bx + ay * by
    cross += ax * by - ay * bx
    spread += ax * ax + ay * ay
  }
  const [c, s] = [dot / spread, cross / spread]
  return { xx: c, xy: -s, x0: tx - c * fx + s * fy, yx: s, yy: c, y0: ty - s * fx - c * fy }
}

export function invert({ xx, xy, x0, yx, yy, y0 }: Affine): Affine {
  const d = xx * yy - xy * yx
  return {
    xx: yy / d,
    xy: -xy / d,
    x0: (xy * y0 - yy * x0) / d,
    yx: -yx / d,
    yy: xx / d,
    y0: (yx * x0 - xx * y0) / d,
  }
}

/** Points where the map takes them. */
export function moved({ xx, xy, x0, yx, yy, y0 }: Affine, points: FivePoints): FivePoints {
  return points.map((value, i) =>
    i % 2 === 0 ? xx * value + xy * points[i + 1]! + x0 : yx * points[i - 1]! + yy * value + y0,
  )
}

/** From output pixels to the pixels of an image: the largest centred area of the output's shape, times `fraction`. */
export function centred(image: Size, output: Size, fraction: number): Affine {
  const scale = fraction * Math.min(image.width / output.width, image.height / output.height)
  return {
    xx: scale,
    xy: 0,
    x0: (image.width - 1) / 2 - (scale * (output.width - 1)) / 2,
    yx: 0,
    yy: scale,
    y0: (image.height - 1) / 2 - (scale * (output.height - 1)) / 2,
  }
}

/** From output pixels to the pixels of an image in which `points` were found, so that they land on `template`. */
export function aligned(points: FivePoints, template: readonly number[]): Affine {
  if (points.length === 0) {
    const what = 'five points (a detector that finds them, or a template of boxes, as margin:20%)'
    throw invalidArgument('points', what, 'a face without points')
  }
  if (points.length !== 10 || !points.every(Number.isFinite)) {
    throw invalidArgument('points', 'ten finite numbers, x and y of five points', points)
  }
  const map = similarity(points, template)
  if (!(Math.hypot(map.xx, map.yx) > 1e-6))
    throw invalidArgument('points', 'five points that are apart', points.join(' '))
  return invert(map)
}

/** From output pixels to the pixels of an image, so that the output shows this rectangle, given by its edges, in full. */
export function stretched(left: number, top: number, right: number, bottom: number, output: Size): Affine {
  const [xx, yy] = [(right - left) / output.width, (bottom - top) / output.height]
  return { xx, xy: 0, x0: left + xx / 2 - 0.5, yx: 0, yy, y0: top + yy / 2 - 0.5 }
}

/** Image pixels a step of one output pixel covers. */
export function scaleOf(map: Affine): number {
  return Math.sqrt(Math.abs(map.xx * map.yy - map.xy * map.yx))
}

/** The part of an image that the output needs, with `margin` pixels around it for interpolation. */
export function footprint(map: Affine, output: Size, image: Size, margin: number): Region {
  const xs: number[] = []
  const ys: number[] = []
  for (const x of [-0.5, output.width - 0.5]) {
    for (const y of [-0.5, output.height - 0.5]) {
      xs.push(map.xx * x + map.xy * y + map.x0)
      ys.push(map.yx * x + map.yy * y + map.y0)
    }
  }
  const clamp = (v: number, limit: number) => Math.min(Math.max(v, 0), limit)
  const left = clamp(Math.floor(Math.min(...xs)) - margin, image.width - 1)
  const top = clamp(Math.floor(Math.min(...ys)) - margin, image.height - 1)
  const right = clamp(Math.ceil(Math.max(...xs)) + margin + 1, image.width)
  const bottom = clamp(Math.ceil(Math.max(...ys)) + margin + 1, image.height)
  return { left, top, width: Math.max(right - left, 1), height: Math.max(bottom - top, 1) }
}

/** `map` into an image, restated for the same image resized by `sx` and `sy` and then cut at `left`, `top`. */
export function rescaled(map: Affine, sx: number, sy: number, left: number, top: number): Affine {
  return {
    xx: map.xx * sx,
    xy: map.xy * sx,
    x0: (map.x0 + 0.5) * sx - 0.5 - left,
    yx: map.yx * sy,
    yy: map.yy * sy,
    y0: (map.y0 + 0.5) * sy - 0.5 - top,
  }
}
