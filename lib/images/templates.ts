/** Where a network expects the five points of a face, in the order of `FivePoints`. */
import { invalidArgument } from '../errors.js'
import type { Size } from './geometry.js'

export type TemplateName = 'dlib' | 'arcface112'

interface Template {
  /** Side in pixels of the square the points are given in. */
  side: number
  points: readonly number[]
}

/**
 * dlib's mean face (`get_face_chip_details` in dlib/image_processing/render_face_detections.h and interpolation.h) in
 * the unit square: the eye centres are the means of each eye's six contour points, the nose is the tip, the mouth the
 * two outer corners. With dlib's padding of 0.25 a side, a 150-pixel chip holds the square's coordinate v at
 * (v + 0.25) / 1.5 * 150.
 */
const dlibMeanFace = [
  0.224152, 0.211947, 0.756101, 0.211947, 0.490127, 0.515625, 0.254149, 0.780233, 0.726104, 0.780233,
]

export const templates: Record<TemplateName, Template> = {
  dlib: { side: 150, points: dlibMeanFace.map((v) => ((v + 0.25) / 1.5) * 150) },
  /** The 112 x 112 crop of SphereFace, CosFace, ArcFace and MobileFaceNet. */
  arcface112: {
    side: 112,
    points: [38.2946, 51.6963, 73.5318, 51.5014, 56.0252, 71.7366, 41.5493, 92.3655, 70.7299, 92.2041],
  },
}

/** The template's points in pixels of an output of the given size: scaled to fit inside it, centred. */
export function templatePoints(name: TemplateName, output: Size): number[] {
  if (!Object.hasOwn(templates, name))
    throw invalidArgument('template', `one of ${Object.keys(templates).join(', ')}`, name)
  const template = templates[name]
  const scale = Math.min(output.width, output.height) / template.side
  const offsets = [(output.width - template.side * scale) / 2, (output.height - template.side * scale) / 2]
  return template.points.map((v, i) => (v + 0.5) * scale - 0.5 + offsets[i % 2]!)
}
