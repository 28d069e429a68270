/** Where a network expects a face: its five points, in the order of `FivePoints`, or its box with a margin. */
import { invalidArgument } from '../errors.js'
import type { Size } from './geometry.js'

/** Templates of five points, by the networks that were trained with them. */
export type PointTemplate = 'dlib' | 'arcface112'

/**
 * `margin:32` is the detected box grown by 32 pixels, half of them on each side, cut at the image's border and resized to
 * the input without keeping its shape, as the successors of the paper's network crop faces; `margin:20%` grows it by that
 * part of its width and height.
 */
export type TemplateName = PointTemplate | `margin:${string}`

/** By how much a box grows altogether each way. */
export interface Margin {
  value: number
  unit: 'pixels' | 'percent'
}

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

export const templates: Record<PointTemplate, Template> = {
  dlib: { side: 150, points: dlibMeanFace.map((v) => ((v + 0.25) / 1.5) * 150) },
  /** The 112 x 112 crop of SphereFace, CosFace, ArcFace and MobileFaceNet. */
  arcface112: {
    side: 112,
    points: [38.2946, 51.6963, 73.5318, 51.5014, 56.0252, 71.7366, 41.5493, 92.3655, 70.7299, 92.2041],
  },
}

/** What is to be said of a network of FaceNet's usual size, for which no template is usual. */
export const alignmentsOf160 =
  '--alignment margin:32 when importing (facenet and facenet-pytorch: boxes with a margin), or dlib, arcface112, margin:<percent>%'

const templateNames = [...Object.keys(templates), 'margin:<pixels>', 'margin:<percent>%'].join(', ')

/** The margin that a template's name states; undefined for a template of points. */
export function marginOf(name: TemplateName): Margin | undefined {
  if (typeof name !== 'string' || !name.startsWith('margin:')) return undefined
  const [, digits, percent] = /^margin:(\d{1,4}(?:\.\d{1,4})?)(%?)$/.exec(name) ?? []
  if (digits === undefined) throw invalidArgument('template', `one of ${templateNames}`, name)
  return { value: Number(digits), unit: percent ? 'percent' : 'pixels' }
}

export function checkTemplate(name: TemplateName): TemplateName {
  if (!marginOf(name) && !Object.hasOwn(templates, name)) {
    throw invalidArgument('template', `one of ${templateNames}`, name)
  }
  return name
}

/** The template's points in pixels of an output of the given size: scaled to fit inside it, centred. */
export function templatePoints(name: TemplateName, output: Size): number[] {
  if (!Object.hasOwn(templates, name)) {
    throw invalidArgument('template', `one of ${Object.keys(templates).join(', ')}`, name)
  }
  const template = templates[name as PointTemplate]
  const scale = Math.min(output.width, output.height) / template.side
  const offsets = [(output.width - template.side * scale) / 2, (output.height - template.side * scale) / 2]
  return template.points.map((v, i) => (v + 0.5) * scale - 0.5 + offsets[i % 2]!)
}
