/** How good the picture of a face is: what can be said of its box, its points and its crop. */
import type { DetectedFace } from '../detection/types.js'
import { invalidArgument } from '../errors.js'
import type { FivePoints, Size } from './geometry.js'

/** How good the picture of a face is. */
export interface FaceQuality {
  /** Shorter side of the box, in pixels of the photograph. */
  size: number
  /**
   * Variance of the Laplacian of the crop's luminance, 0..255: low where it is blurred, or enlarged. It is that of the crop that the
   * network sees, so it depends on the network's input size.
   */
  sharpness: number
  /** Degrees that the head is turned to the side, about, positive towards the right of the picture; null without five points. */
  yaw: number | null
  /** Degrees that it looks up, about; null without five points. */
  pitch: number | null
  /** Degrees that it is tilted, clockwise; null without five points. */
  roll: number | null
  /** Length of the embedding as the model gives it: 1 where its last layer normalises. */
  norm?: number
}

/** Which faces are left out. */
export interface QualityGates {
  /** For `align: 'detect'`: faces whose `sharpness` is lower are left out. */
  minSharpness?: number
  /** For `align: 'detect'`: faces that are turned further to either side are left out, in degrees. */
  maxYaw?: number
  /** For `align: 'detect'`: faces that look further up or down are left out, in degrees. */
  maxPitch?: number
  /** For `align: 'detect'`: faces that are tilted further are left out, in degrees. */
  maxRoll?: number
}

export const gateNames = ['minSharpness', 'maxYaw', 'maxPitch', 'maxRoll'] as const

export function checkGates(options: QualityGates): QualityGates {
  const gates: QualityGates = {}
  for (const name of gateNames) {
    const value = options[name]
    if (value === undefined) continue
    if (!(typeof value === 'number' && value >= 0)) {
      throw invalidArgument(`options.${name}`, 'a number of at least 0', value)
    }
    gates[name] = value
  }
  return gates
}

/** Why a face is left out, in words; undefined where it is not. Of a pose that nobody knows nothing is said. */
export function refusedBy(gates: QualityGates, quality: FaceQuality): string | undefined {
  const { minSharpness, maxYaw, maxPitch, maxRoll } = gates
  if (minSharpness !== undefined && quality.sharpness < minSharpness) {
    return `sharpness ${quality.sharpness.toFixed(1)} below ${minSharpness}`
  }
  for (const [name, most] of [
    ['yaw', maxYaw],
    ['pitch', maxPitch],
    ['roll', maxRoll],
  ] as const) {
    const degrees = quality[name]
    if (most !== undefined && degrees !== null && Math.abs(degrees) > most) {
      return `${name} ${degrees.toFixed(0)}, beyond ${most} degrees`
    }
  }
  return undefined
}

/** `crop`: height x width x 3 bytes. */
export function qualityOf({ box, points }: DetectedFace, crop: Uint8Array, size: Size): FaceQuality {
  return { size: Math.min(box.width, box.height), sharpness: sharpnessOf(crop, size), ...poseOf(points) }
}

/** Of a pixel and its four neighbours, of all but those at the border. */
function sharpnessOf(rgb: Uint8Array, { width, height }: Size): number {
  const luminance = new Float32Array(width * height)
  for (let i = 0; i < luminance.length; i++) {
    luminance[i] = 0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!
  }
  let [count, sum, squares] = [0, 0, 0]
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1, i = y * width + 1; x < width - 1; x++, i++) {
      const value =
        luminance[i - 1]! + luminance[i + 1]! + luminance[i - width]! + luminance[i + width]! - 4 * luminance[i]!
      sum += value
      squares += value * value
      count++
    }
  }
  return count > 0 ? Math.max(0, squares / count - (sum / count) ** 2) : 0
}

/**
 * Of a mean face: depth of the nose's tip before the plane of eyes and mouth, in distances of the eyes and of eyes and mouth; and where
 * between eyes and mouth it is, seen from the front (the mean of the two templates).
 */
const [depthByEyes, depthByHeight, noseAt] = [0.5, 0.48, 0.515]

/** The nose's tip moves against the plane of eyes and mouth as the head turns: its shift over the plane's width is the tangent. */
function poseOf(points: FivePoints): Pick<FaceQuality, 'yaw' | 'pitch' | 'roll'> {
  if (points.length !== 10) return { yaw: null, pitch: null, roll: null }
  const [rx, ry, lx, ly] = points as [number, number, number, number]
  const roll = Math.atan2(ly - ry, lx - rx)
  const [c, s] = [Math.cos(roll), Math.sin(roll)]
  const upright = (x: number, y: number) => [c * x + s * y, c * y - s * x] as const
  const [right, left, nose, mouthRight, mouthLeft] = [0, 2, 4, 6, 8].map((i) =>
    upright(points[i]!, points[i + 1]!),
  ) as [
    readonly [number, number],
    readonly [number, number],
    readonly [number, number],
    readonly [number, number],
    readonly [number, number],
  ]
  const eyes = [(right[0] + left[0]) / 2, (right[1] + left[1]) / 2] as const
  const mouth = [(mouthRight[0] + mouthLeft[0]) / 2, (mouthRight[1] + mouthLeft[1]) / 2] as const
  const width = Math.max(left[0] - right[0], 1e-6)
  const height = Math.max(mouth[1] - eyes[1], 1e-6)
  const along = (nose[1] - eyes[1]) / height
  const aside = nose[0] - (eyes[0] + (mouth[0] - eyes[0]) * along)
  const degrees = (radians: number) => (radians * 180) / Math.PI
  return {
    yaw: degrees(Math.atan(aside / width / depthByEyes)),
    pitch: degrees(Math.atan((noseAt - along) / depthByHeight)),
    roll: degrees(roll),
  }
}
