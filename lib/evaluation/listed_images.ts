/** Images that a list of pairs names: found, embedded, and the pairs whose images are there. */
import { FaceNetError } from '../errors.js'
import type { FivePoints } from '../images/index.js'
import type { Model } from '../model/model.js'
import {
  type FailedImage,
  openSource,
  type PassedOver,
  type SourceImage,
  type SourceOptions,
  type SourcePaths,
  sourceOptionsOf,
} from '../sources/index.js'
import { type EmbedImagesOptions, embedImages } from './embed_images.js'
import type { ImagePair } from './lfw_pairs.js'

/** A list of pairs, and where it stands. */
export interface PairList {
  /** For errors. */
  file: string
  /** In the order of the list. */
  pairs: ImagePair[]
}

/** Embeddings of named images, and what has to be said of them. */
export interface EmbeddedImages {
  /** By name. */
  embeddings: Map<string, Float32Array>
  /** By name: the embeddings of the degraded input, one for each of the degradations. */
  degraded: Map<string, Float32Array[]>
  /** Images that could not be used. */
  failures: FailedImage[]
  /** Images in which no face was found. */
  fallbacks: { path: string; by: 'points' | 'center' }[]
  /** By path: what images were aligned by where faces were detected. */
  points: Map<string, FivePoints>
}

/** How images are embedded; what is left out is as `embedImages` has it, without mirror images. */
export type ListedOptions = Omit<Partial<EmbedImagesOptions>, 'onFailure' | 'onFallback' | 'onPoints'> & SourceOptions

/** Images of a source by their names, and what of the source cannot be used. */
export interface FoundImages {
  /** Those that can be read, by name. */
  images: Map<string, SourceImage>
  /** Folders and archives that cannot, and files above the limit. */
  failures: FailedImage[]
}

/** Lists that Labeled Faces in the Wild has beside its images: they are read, or of another protocol, and nobody misses them. */
const listName = /(^|[\\/])(pairs|people)(DevTrain|DevTest)?\.txt$/

/** The images of `sources` by the name `keyOf` gives their path; those it gives none are left out. The first of equals counts. */
export async function findImages(
  sources: SourcePaths,
  keyOf: (path: string) => string | undefined,
  options: SourceOptions = {},
): Promise<FoundImages> {
  const images = new Map<string, SourceImage>()
  const failures: FailedImage[] = []
  const { onPassedOver } = options
  const tell = onPassedOver && ((entry: PassedOver) => listName.test(entry.path) || onPassedOver(entry))
  for await (const image of openSource(sources, { ...sourceOptionsOf(options), onPassedOver: tell })) {
    const key = keyOf(image.path)
    if (image.error) failures.push({ path: image.path, error: image.error })
    else if (key !== undefined && !images.has(key)) images.set(key, image)
  }
  if (images.size === 0) {
    const found =
      failures.length > 0 ? `No images could be read: ${failures[0]!.error.message}` : 'No images were found'
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', found)
  }
  return { images, failures }
}

/**
 * Pairs whose two sides are `there`, and how many are not. Unless `skipMissing` the first that is not is an error, which says
 * `why`: an image that is there and cannot be used is not missing.
 */
export function presentPairs(
  { pairs, file }: PairList,
  there: (name: string) => boolean,
  skipMissing: boolean,
  why: (name: string) => string = () => 'is missing',
): { present: ImagePair[]; skipped: number } {
  const present: ImagePair[] = []
  for (const pair of pairs) {
    const missing = [pair.a, pair.b].find((name) => !there(name))
    if (missing === undefined) present.push(pair)
    else if (!skipMissing) {
      const argument = `${file}:${pair.line}`
      const message = `Expected images that can be used for ${argument} but received ${missing}, which ${why(missing)}; skipMissing (--skip-missing) leaves such pairs out`
      throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', message, { argument, received: missing })
    }
  }
  if (present.length === 0)
    throw new FaceNetError('ERR_FACENET_INVALID_ARGUMENT', `No pair of ${file} has images that can be used`)
  return { present, skipped: pairs.length - present.length }
}

/** Why a name has no embedding, for `presentPairs`; `imagesOf` are the images that it stands for. */
export function whyUnusable({ failures }: EmbeddedImages, imagesOf: (name: string) => readonly SourceImage[]) {
  return (name: string): string => {
    const paths = imagesOf(name).map(({ path }) => path)
    const failure = failures.find(({ path }) => paths.includes(path))
    return failure ? `could not be used: ${failure.error.message}` : 'is missing'
  }
}

/** In the order of the images, which for an archive is its own. What was not found to be readable is a failure too. */
export async function embedNamed(
  model: Model,
  { images, failures }: FoundImages,
  { exclude: _, onPassedOver: __, maxImageBytes: ___, ...options }: ListedOptions,
): Promise<EmbeddedImages> {
  const embedded: EmbeddedImages = {
    embeddings: new Map(),
    degraded: new Map(),
    failures: [...failures],
    fallbacks: [],
    points: new Map(),
  }
  const names = new Map([...images].map(([name, { path }]) => [path, name]))
  async function* source() {
    yield* images.values()
  }
  const rows = embedImages(model, source(), {
    ...options,
    align: options.align ?? (options.detector ? 'detect' : 'none'),
    flip: options.flip ?? false,
    onFailure: (failure) => embedded.failures.push(failure),
    onFallback: (path, by) => embedded.fallbacks.push({ path, by }),
    onPoints: (path, points) => embedded.points.set(path, points),
  })
  for await (const { path, embedding, degraded } of rows) {
    embedded.embeddings.set(names.get(path)!, embedding)
    embedded.degraded.set(names.get(path)!, degraded)
  }
  return embedded
}

export function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2
  return sum
}
