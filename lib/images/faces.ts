/** The faces of a photograph, found by a detector and brought to the network's input. */
import { checkMinSize, minPixels } from '../detection/min_size.js'
import { findTurned, type TurnedFaces, turnedBack } from '../detection/turned.js'
import type { DetectedFace, RgbImage } from '../detection/types.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { checkFlag, checkOneOf, untilAborted } from '../native/check_arguments.js'
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
import { checkGates, type QualityGates } from './quality.js'
import { type Detection, type FaceChoice, faceChoices } from './target.js'
import { marginOf, type TemplateName, templatePoints } from './templates.js'

/** Larger images are halved, as often as it takes, before faces are looked for: the pixels then take at most 75 MB. */
const mostPixels = 25_000_000

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT for what no detector takes. */
export function checkDetection(options: Partial<Detection> & QualityGates, faces: FaceChoice): Detection {
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
  const gates = checkGates(options)
  const gated = Object.keys(gates).length > 0
  return { detector, faces: options.faces ?? faces, minSize, scoreThreshold, tryRotated, ...(gated && { gates }) }
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
  const [found] = await lookFor(detection, [image], shrink, signal)
  const { faces, turn } = found!
  return bySize(faces).map((face) => enlarged(turnedBack(face, turn, image), shrink))
}

/**
 * In images of one size that were decoded smaller by `shrink`; detectors of one's own get pixels whatever `minSize` is given in.
 */
export function lookFor(
  { detector, scoreThreshold, minSize, tryRotated }: Omit<Detection, 'faces'>,
  images: readonly RgbImage[],
  shrink: Shrink,
  signal: AbortSignal | undefined,
): Promise<TurnedFaces[]> {
  const least = typeof minSize === 'number' ? minSize / shrink.x : minPixels(minSize, images[0]!)
  return findTurned(detector, images, { scoreThreshold, minSize: least, signal }, tryRotated)
}

/** Pixels of the image a pixel of what was decoded stands for, each way. */
export interface Shrink {
  x: number
  y: number
}

/** The size in which faces of an image are looked for. */
export function sizeForDetection({ width, height }: Size): Size {
  const half = 2 ** Math.max(0, Math.ceil(Math.log2((width * height) / mostPixels) / 2))
  return { width: Math.ceil(width / half), height: Math.ceil(height / half) }
}

/** `whole`: the image's own size, where it is known. */
export async function decodeForDetection(
  encoded: EncodedImage,
  limits: DecodeLimits,
  signal?: AbortSignal,
  whole?: Size,
): Promise<{ image: RgbImage; shrink: Shrink }> {
  const { width, height } = whole ?? (await readImageSize(encoded, limits, signal))
  const size = sizeForDetection({ width, height })
  const isWhole = size.width === width && size.height === height
  const window = isWhole ? undefined : { size, region: { left: 0, top: 0, ...size } }
  const image = await decode(encoded, limits, window, signal)
  return { image, shrink: { x: width / size.width, y: height / size.height } }
}

function bySize(faces: readonly DetectedFace[]): DetectedFace[] {
  const area = ({ box }: DetectedFace) => box.width * box.height
  return faces.toSorted((a, b) => area(b) - area(a))
}

/** @throws FaceNetError ERR_FACENET_FACE_COUNT */
export function choose(found: readonly DetectedFace[], faces: FaceChoice, name: string): DetectedFace[] {
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
export function enlarged(face: DetectedFace, { x: sx, y: sy }: Shrink): DetectedFace {
  if (sx === 1 && sy === 1) return face
  const { x, y, width, height } = face.box
  return {
    ...face,
    box: { x: (x + 0.5) * sx - 0.5, y: (y + 0.5) * sy - 0.5, width: width * sx, height: height * sy },
    points: face.points.map((value, i) => (value + 0.5) * (i % 2 === 0 ? sx : sy) - 0.5),
  }
}
