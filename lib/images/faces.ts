/** The faces of a photograph, found by a detector and brought to the network's input. */
import { facesOf } from '../detection/own_pixels.js'
import type { DetectedFace, RgbImage } from '../detection/types.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { checkOneOf, throwIfAborted, untilAborted } from '../native/check_arguments.js'
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
  const { detector, minSize, scoreThreshold } = options
  if (typeof detector !== 'object' || detector === null || typeof detector.detect !== 'function') {
    throw invalidArgument('options.detector', "a detector (of openDetector), with align 'detect'", detector)
  }
  if (minSize !== undefined && !(Number.isFinite(minSize) && minSize > 0)) {
    throw invalidArgument('options.minSize', 'a number of pixels above 0', minSize)
  }
  if (scoreThreshold !== undefined && !(scoreThreshold >= 0 && scoreThreshold <= 1)) {
    throw invalidArgument('options.scoreThreshold', 'a number in 0..1', scoreThreshold)
  }
  checkOneOf(options.faces ?? faces, 'options.faces', faceChoices)
  return { detector, faces: options.faces ?? faces, minSize, scoreThreshold }
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
  const { detector, faces, scoreThreshold, minSize } = detection
  const options = { scoreThreshold, minSize: minSize === undefined ? undefined : minSize / shrink.x, signal }
  const found = await facesOf(detector, image, options)
  const chosen = choose(found, faces, encoded.name)
  const bytes = target.height * target.width * 3
  const pixels = new Uint8Array(chosen.length * bytes)
  const crops = chosen.map((face) => ({ image, map: placeFace(face, image, shrink, target, template) }))
  await warp(crops, target, pixels, signal)
  return chosen.map((face, i) => ({
    pixels: pixels.subarray(i * bytes, (i + 1) * bytes),
    face: enlarged(face, shrink),
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
  const { detector, scoreThreshold, minSize } = detection
  const options = { scoreThreshold, minSize: minSize === undefined ? undefined : minSize / shrink.x, signal }
  const found = await facesOf(detector, image, options)
  return bySize(found).map((face) => enlarged(face, shrink))
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
