/** The faces of several photographs at once: photographs of one size are looked at together, and all crops are one native call. */
import { turnedBack } from '../detection/turned.js'
import type { DetectedFace } from '../detection/types.js'
import { FaceNetError, invalidArgument } from '../errors.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { sharedBytes } from '../native/shared_memory.js'
import { type EncodedImage, type ImageInput, readImage, readImageSize } from './decode.js'
import { choose, decodeForDetection, enlarged, lookFor, placeFace, sizeForDetection } from './faces.js'
import { type FivePoints, invert, moved, type Size } from './geometry.js'
import { Meters } from './meter.js'
import { type FaceQuality, qualityOf, refusedBy } from './quality.js'
import type { Detection, FaceTarget } from './target.js'
import { checkTemplate, type TemplateName } from './templates.js'
import { type Crop, warp } from './warp.js'

/** A face that was found, and the network input cut out for it. */
export interface LoadedFace {
  /** height x width x 3 bytes. */
  pixels: Uint8Array
  /** In pixels of the image as displayed, that is with its EXIF orientation applied. */
  face: DetectedFace
  quality: FaceQuality
  /** The face's points in pixels of the crop. */
  pointsInCrop: FivePoints
}

/** A face that was left out, and why. */
export interface RefusedFace extends Pick<LoadedFace, 'face' | 'quality'> {
  reason: string
}

/** The faces of an image, or why there are none to use; in either case those that gates of quality left out. */
export type FacesOrError =
  | { faces: LoadedFace[]; refused?: RefusedFace[] }
  | { error: unknown; refused?: RefusedFace[] }

/** Pixels that are in memory together, unless one image has more. */
const mostTogether = 16_000_000

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
  const image = await readImage(input, name)
  const [result] = await loadFacesBatch([image], target, signal)
  if ('error' in result!) throw result.error
  return result!.faces
}

/** What detection needs of a target. */
interface Way {
  target: FaceTarget
  detection: Detection
  template: TemplateName
  signal: AbortSignal | undefined
  meters: Meters
}

/** @throws FaceNetError ERR_FACENET_ABORTED, ERR_FACENET_INVALID_ARGUMENT where the target names no detector or template. */
export async function loadFacesBatch(
  images: readonly EncodedImage[],
  target: FaceTarget,
  signal?: AbortSignal,
  meters = new Meters(),
): Promise<FacesOrError[]> {
  const { detection, template } = target
  if (!detection) throw invalidArgument('detector', "a detector, with align 'detect'", detection)
  if (!template) throw invalidArgument('template', "a template's name, with align 'detect'", template)
  checkTemplate(template)
  const way: Way = { target, detection, template, signal, meters }
  const results: FacesOrError[] = []
  const sized: Sized[] = []
  const sizes = await Promise.allSettled(images.map((image) => readImageSize(image, target, signal)))
  throwIfAborted(signal)
  for (const [index, size] of sizes.entries()) {
    if (size.status === 'rejected') results[index] = { error: size.reason }
    else sized.push({ index, image: images[index]!, size: size.value })
  }
  for (const group of groupsOf(sized)) {
    const found = await facesOfGroup(group, way)
    for (const [n, { index }] of group.entries()) results[index] = found[n]!
  }
  return results
}

interface Sized {
  index: number
  image: EncodedImage
  size: Size
}

/** Photographs of one size, so many as are looked at together. */
function groupsOf(images: readonly Sized[]): Sized[][] {
  const groups: Sized[][] = []
  const open = new Map<string, Sized[]>()
  for (const each of images) {
    const key = `${each.size.width}x${each.size.height}`
    const { width, height } = sizeForDetection(each.size)
    const group = open.get(key)
    if (group && (group.length + 1) * width * height <= mostTogether) group.push(each)
    else {
      const fresh = [each]
      open.set(key, fresh)
      groups.push(fresh)
    }
  }
  return groups
}

/** What fails for all of them together is tried with each alone, so that it is said of the image at fault. */
async function facesOfGroup(group: readonly Sized[], way: Way): Promise<FacesOrError[]> {
  try {
    return await cutOut(group, way)
  } catch (error) {
    throwIfAborted(way.signal)
    if (group.length === 1) return [{ error }]
    const results: FacesOrError[] = []
    for (const each of group) results.push(...(await facesOfGroup([each], way)))
    return results
  }
}

async function cutOut(
  group: readonly Sized[],
  { target, detection, template, signal, meters }: Way,
): Promise<FacesOrError[]> {
  const results: FacesOrError[] = []
  const all = await meters.time('decode', () =>
    Promise.allSettled(group.map(({ image, size }) => decodeForDetection(image, target, signal, size))),
  )
  throwIfAborted(signal)
  const decoded: { n: number; image: Awaited<ReturnType<typeof decodeForDetection>>['image'] }[] = []
  for (const [n, result] of all.entries()) {
    if (result.status === 'rejected') results[n] = { error: result.reason }
    else decoded.push({ n, image: result.value.image })
  }
  if (decoded.length === 0) return results
  const shrink = all.find((result) => result.status === 'fulfilled')!.value.shrink
  const images = decoded.map(({ image }) => image)
  const found = await meters.time('detect', () => lookFor(detection, images, shrink, signal))
  throwIfAborted(signal)

  const bytes = target.height * target.width * 3
  const crops: Crop[] = []
  const faces: { n: number; first: number; faces: DetectedFace[]; chosen: DetectedFace[] }[] = []
  for (const [i, { n, image }] of decoded.entries()) {
    const { image: seen, turn, faces: seenFaces } = found[i]!
    try {
      const chosen = choose(seenFaces, detection.faces, group[n]!.image.name)
      // Cut out of the image as it was looked at: a box with a margin is upright there.
      const turnedShrink = turn % 180 === 0 ? shrink : { x: shrink.y, y: shrink.x }
      const own = chosen.map((face) => ({ image: seen, map: placeFace(face, seen, turnedShrink, target, template) }))
      faces.push({
        n,
        first: crops.length,
        chosen,
        faces: chosen.map((face) => enlarged(turnedBack(face, turn, image), shrink)),
      })
      crops.push(...own)
    } catch (error) {
      if (!(error instanceof FaceNetError)) throw error
      results[n] = { error }
    }
  }
  const pixels = sharedBytes(crops.length * bytes)
  await meters.time('align', () => warp(crops, target, pixels, signal))
  for (const { n, first, faces: own, chosen } of faces) {
    const loaded = own.map((face, k) => {
      const crop = pixels.subarray((first + k) * bytes, (first + k + 1) * bytes)
      const pointsInCrop = moved(invert(crops[first + k]!.map), chosen[k]!.points)
      return { face, pixels: crop, quality: qualityOf(face, crop, target), pointsInCrop }
    })
    results[n] = throughGates(loaded, detection, group[n]!.image.name)
  }
  return results
}

function throughGates(loaded: readonly LoadedFace[], { gates }: Detection, name: string): FacesOrError {
  if (!gates) return { faces: [...loaded] }
  const refused: RefusedFace[] = []
  const faces = loaded.filter(({ face, quality }) => {
    const reason = refusedBy(gates, quality)
    if (reason !== undefined) refused.push({ face, quality, reason })
    return reason === undefined
  })
  if (faces.length > 0) return { faces, refused }
  const reasons = refused.map(({ reason }) => reason).join('; ')
  const [expected, received] = ['a face of the quality that is asked for', `${refused.length} others (${reasons})`]
  const message = `Expected ${expected} in ${name} but found ${received}`
  return { error: new FaceNetError('ERR_FACENET_FACE_COUNT', message, { argument: name, expected, received }), refused }
}
