/** What a row says of its face, beside the embedding. */
import type { DetectedFace } from '../../detection/types.js'
import { describe, invalidArgument } from '../../errors.js'
import { faceKey } from '../../gallery/face_key.js'
import type { FaceQuality } from '../../images/quality.js'
import type { EmbeddingRow } from './output.js'

/** What was stored with an embedding; what nobody said is left out. */
export interface RowAbout {
  /** The photograph. */
  image?: string
  /** What the face is called: photograph and place. It does not change when another face is found beside it. */
  key?: string
  /** Where in the photograph it was found; `index` is its place among the photograph's faces, the largest being 0. */
  face?: DetectedFace & { index?: number }
  /** How good its picture is. */
  quality?: FaceQuality
  /** What a list of images said of the photograph. */
  metadata?: Readonly<Record<string, unknown>>
}

/** An image of which there is no embedding, and why. */
export interface StoredMissing {
  /** The image. */
  path: string
  /** Of the error. */
  code?: string
  /** In words. */
  error: string
}

export function aboutOf({ image, face, quality, metadata }: EmbeddingRow): RowAbout {
  const key = image === undefined ? undefined : faceKey(image, face)
  return { image, key, face, quality, metadata }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

/** Of a file, whose row `name` is. */
export function checkAbout(value: Readonly<Record<string, unknown>>, name: string): RowAbout {
  const { image, key, face, quality, metadata } = value
  const wrong = (part: string, found: unknown) =>
    invalidArgument(`${name}: ${part}`, `what embed writes`, describe(found))
  const about: RowAbout = {}
  for (const [part, text] of Object.entries({ image, key })) {
    if (text === undefined || text === null) continue
    if (typeof text !== 'string') throw wrong(part, text)
    about[part as 'image' | 'key'] = text
  }
  if (face !== undefined && face !== null) {
    if (!isFace(face)) throw wrong('face', face)
    about.face = face
  }
  if (quality !== undefined && quality !== null) {
    const numbers = isObject(quality) && Object.values(quality).every((each) => each === null || isNumber(each))
    if (!numbers || !isNumber(quality.size) || !isNumber(quality.sharpness)) throw wrong('quality', quality)
    about.quality = quality as unknown as FaceQuality
  }
  if (metadata !== undefined && metadata !== null) {
    if (!isObject(metadata)) throw wrong('metadata', metadata)
    about.metadata = metadata
  }
  return about
}

function isFace(value: unknown): value is DetectedFace {
  if (!isObject(value)) return false
  const { box, score, points, turn } = value
  const sides = isObject(box) && [box.x, box.y, box.width, box.height].every(isNumber)
  const placed = Array.isArray(points) && (points.length === 0 || points.length === 10) && points.every(isNumber)
  return sides && placed && isNumber(score) && (turn === undefined || [90, 180, 270].includes(turn as number))
}

export function checkMissing(value: unknown, name: string): StoredMissing {
  const { path, code, error } = (value ?? {}) as Partial<Record<keyof StoredMissing, unknown>>
  const coded = code === undefined || code === null || typeof code === 'string'
  if (typeof path !== 'string' || typeof error !== 'string' || !coded) {
    throw invalidArgument(name, 'an image and why there is no embedding of it', describe(value))
  }
  return { path, ...(typeof code === 'string' && { code }), error }
}
