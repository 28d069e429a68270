/** The faces of a photograph, found by a detector and brought to the network's input. */
import { checkMinSize, minPixels } from '../detection/min_size.js'
import { findTurned, type TurnedFaces, turnedBack } from '../detection/turned.js'
import type { DetectedFace, RgbImage } from '../detection/types.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { checkFlag, checkOneOf, throwIfAborted, untilAborted } from '../native/check_arguments.js'
import {
  type DecodeLimits,
  decode,
  type EncodedImage,
  type FileLimits,
  type ImageInput,
  readImage,
  readImageSize,
} from './decode.js'
import { type Affine, aligned, type Size, stretched } from './geometry.js'
import { type Detection, type FaceChoice, type FaceTarget, faceChoices } from './target.js'
import { checkTemplate, marginOf, type TemplateName, templatePoints } from './templates.js'
import { warp } from './warp.js'

/** A face that was found, and the network input cut out for it. */
export interface LoadedFace {
  /** height x width x 3 bytes. */
  pixels: Uint8Array
  /** In pixels of the image as displayed, that is with its EXIF orientation applied. */
  face: DetectedFace
}

/** Larger images are halved, as often as it takes, before faces are looked for: the pixels then take at most 75 MB. */
const mostPixels = 25_000_000

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for what no detector takes. */
export function checkDetection(options: Partial<Detection>, faces: FaceChoice): Detection {
  const { detector, minSize, scoreThreshold, tryRotated } = options
  if (typeof detector !== 'object' || detector === null || typeof detector.detect !== 'function') {
    throw invalidArgument('options.detector', "a detector (of openDetector), with align 'detect'", detector)
  }
  checkMinSize(minSize)
  checkFlag(tryRotated, 'options.tryRotated')
  if (scoreThreshold !== undefined && !(scoreThreshold >= 0 && scoreThreshold <= 1)) {
    throw invalidArgument('options.scoreThreshold', 'a number in 0..1', scoreThreshold)
  }
  checkOneOf(options.faces ?? faces, 'options.faces', faceChoices)
  return { detector, faces: options.faces ?? faces, minSize, scoreThreshold, tryRotated }
}

/**
 * Decodes an image, finds its faces and cuts them out, the largest first.
 *
 * @throws FaceNetError ERR_FACENET_FACE_COUNT where there is no face, or with `faces: 'one'` more than one.
 */
export async function loadFaces(
  input: ImageInput,
  target: FaceTarget,
  name?: string,
  signal?: AbortSignal,
): Promise<LoadedFace[]> {
  const { detection, template } = target
  if (!detection) throw invalidArgument('detector', "a detector, with align 'detect'", detection)
  if (!template) throw invalidArgument('template', "a template's name, with align 'detect'", template)
  checkTemplate(template)
  const encoded = await readImage(input, name)
  throwIfAborted(signal)
  const { image, shrink } = await decodeForDetection(encoded, target)
  throwIfAborted(signal)
  const found = await lookFor(detection, image, shrink, signal)
  const chosen = choose(found.faces, detection.faces, encoded.name)
  const bytes = target.height * target.width * 3
  const pixels = new Uint8Array(chosen.length * bytes)
  // Cut out of the image as it was looked at: a box with a margin is upright there.
  const turnedShrink = found.turn % 180 === 0 ? shrink : { x: shrink.y, y: shrink.x }
  const place = (face: DetectedFace) => placeFace(face, found.image, turnedShrink, target, template)
  const crops = chosen.map((face) => ({ image: found.image, map: place(face) }))
  await warp(crops, target, pixels, signal)
  return chosen.map((face, i) => ({
    pixels: pixels.subarray(i * bytes, (i + 1) * bytes),
    face: enlarged(turnedBack(face, found.turn, image), shrink),
  }))
}

/** The faces of an image file, the largest first; none is no error. */
export async function findFaces(
  input: ImageInput,
  detection: Omit<Detection, 'faces'>,
  limits: FileLimits = {},
  signal?: AbortSignal,
): Promise<DetectedFace[]> {
  const encoded = await untilAborted(readImage(input, undefined, limits.maxImageBytes), signal)
  const { image, shrink } = await decodeForDetection(encoded, limits, signal)
  const found = await lookFor(detection, image, shrink, signal)
  return bySize(found.faces).map((face) => enlarged(turnedBack(face, found.turn, image), shrink))
}

/** In an image that was decoded smaller by `shrink`; detectors of one's own get pixels whatever `minSize` is given in. */
function lookFor(
  { detector, scoreThreshold, minSize, tryRotated }: Omit<Detection, 'faces'>,
  image: RgbImage,
  shrink: Shrink,
  signal: AbortSignal | undefined,
): Promise<TurnedFaces> {
  const least = typeof minSize === 'number' ? minSize / shrink.x : minPixels(minSize, image)
  return findTurned(detector, image, { scoreThreshold, minSize: least, signal }, tryRotated)
}

/** Pixels of the image a pixel of what was decoded stands for, each way. */
interface Shrink {
  x: number
  y: number
}

export async function decodeForDetection(
  encoded: EncodedImage,
  limits: DecodeLimits,
  signal?: AbortSignal,
): Promise<{ image: RgbImage; shrink: Shrink }> {
  const { width, height } = await readImageSize(encoded, limits, signal)
  const half = 2 ** Math.max(0, Math.ceil(Math.log2((width * height) / mostPixels) / 2))
  if (half === 1) return { image: await decode(encoded, limits, undefined, signal), shrink: { x: 1, y: 1 } }
  const size = { width: Math.ceil(width / half), height: Math.ceil(height / half) }
  const image = await decode(encoded, limits, { size, region: { left: 0, top: 0, ...size } }, signal)
  return { image, shrink: { x: width / size.width, y: height / size.height } }
}

function bySize(faces: readonly DetectedFace[]): DetectedFace[] {
  const area = ({ box }: DetectedFace) => box.width * box.height
  return faces.toSorted((a, b) => area(b) - area(a))
}

function choose(found: readonly DetectedFace[], faces: FaceChoice, name: string): DetectedFace[] {
  if (found.length === 0 || (faces === 'one' && found.length > 1)) {
    const expected = faces === 'one' ? 'one face' : 'a face'
    const received = found.length === 0 ? 'none' : `${found.length}`
    throw new FaceNetError('ERR_FACENET_FACE_COUNT', `Expected ${expected} in ${name} but found ${received}`, {
      argument: name,
      expected,
      received,
    })
  }
  return faces === 'largest' ? bySize(found).slice(0, 1) : bySize(found)
}

/** From pixels of the network's input to pixels of the image the face was found in, which is reduced by `shrink`. */
export function placeFace(
  { box, points }: DetectedFace,
  image: Size,
  shrink: Shrink,
  output: Size,
  template: TemplateName,
): Affine {
  const margin = marginOf(template)
  if (!margin) return aligned(points, templatePoints(template, output))
  const inPixels = margin.unit === 'pixels'
  const dx = (inPixels ? margin.value / shrink.x : (box.width * margin.value) / 100) / 2
  const dy = (inPixels ? margin.value / shrink.y : (box.height * margin.value) / 100) / 2
  const left = Math.min(Math.max(box.x - dx, 0), image.width - 1)
  const top = Math.min(Math.max(box.y - dy, 0), image.height - 1)
  const right = Math.max(Math.min(box.x + box.width + dx, image.width), left + 1)
  const bottom = Math.max(Math.min(box.y + box.height + dy, image.height), top + 1)
  return stretched(left, top, right, bottom, output)
}

/** A face of the reduced image in pixels of the image itself. */
function enlarged(face: DetectedFace, { x: sx, y: sy }: Shrink): DetectedFace {
  if (sx === 1 && sy === 1) return face
  const { x, y, width, height } = face.box
  return {
    ...face,
    box: { x: (x + 0.5) * sx - 0.5, y: (y + 0.5) * sy - 0.5, width: width * sx, height: height * sy },
    points: face.points.map((value, i) => (value + 0.5) * (i % 2 === 0 ? sx : sy) - 0.5),
  }
}
