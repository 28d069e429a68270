/**
 * Whose pixels a detector looks at. Crops read images in place (`lib/images/warp.ts`), so those of a caller, who may transfer them
 * while faces are looked for, are copied first. Images that were decoded here and that nobody else knows are not.
 */
import type { DetectedFace, DetectOptions, FaceFinder, RgbImage } from './types.js'

/** `detect` of this package's detectors, for images that nobody else knows. */
export const detectInPlace = Symbol('detectInPlace')

/** Of this package's detectors: begins a caller's work, or refuses it where too much is under way. */
export const admit = Symbol('admit')

/** A caller's work with a finder. */
export function admittedBy<T>(finder: FaceFinder, work: () => Promise<T>): Promise<T> {
  const { [admit]: ask } = finder as { [admit]?: (work: () => Promise<T>) => Promise<T> }
  return ask ? ask.call(finder, work) : work()
}

type Detect = (images: readonly RgbImage[], options: DetectOptions) => Promise<DetectedFace[][]>

/**
 * Faces of each of several images that nobody else knows. A finder of the caller's own may keep or transfer its images, so it gets
 * copies, and one image a call.
 */
export async function facesOfAll(
  finder: FaceFinder,
  images: readonly RgbImage[],
  options: DetectOptions,
): Promise<DetectedFace[][]> {
  const { [detectInPlace]: inPlace } = finder as { [detectInPlace]?: Detect }
  if (inPlace) return inPlace.call(finder, images, options)
  const all: DetectedFace[][] = []
  for (const image of images) all.push((await finder.detect([copyOf(image)], options))[0]!)
  return all
}

export async function facesOf(finder: FaceFinder, image: RgbImage, options: DetectOptions): Promise<DetectedFace[]> {
  const [faces] = await facesOfAll(finder, [image], options)
  return faces!
}

export function copyOf({ data, width, height }: RgbImage): RgbImage {
  return { data: new Uint8Array(data), width, height }
}
