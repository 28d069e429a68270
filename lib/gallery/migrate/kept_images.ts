/** Where the photographs of a gallery are: at the paths that it knows, or below another folder they were moved to. */
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readImage, readImageSize } from '../../images/decode.js'
import { placeFace } from '../../images/faces.js'
import type { FaceTarget } from '../../images/target.js'
import { marginOf } from '../../images/templates.js'
import { isArchive, openSource, type PlacedImage, type SourceImage, type SourceOptions } from '../../sources/index.js'
import type { GalleryFace } from '../faces.js'

/** Photographs by which it is found out how many of the folders at the front of their paths were left behind. */
const mostTried = 200
/** Files that are looked up together. */
const together = 256

/** From a path as the gallery has it to where the photograph is. */
export type Locate = (image: string) => string

/** Below `root` photographs lie as they did below some folder: by which, most of them are found. */
export async function locator(images: readonly string[], root: string | undefined): Promise<Locate> {
  if (root === undefined) return (image) => image
  const moved = (image: string, left: number) => join(root, ...partsOf(image).slice(left))
  const tried = images.slice(0, mostTried)
  const deepest = Math.max(1, ...tried.map((image) => partsOf(image).length))
  let best = { left: 0, found: 0 }
  for (let left = 0; left < deepest; left++) {
    const found = await Promise.all(tried.map((image) => placeOf(moved(image, left))))
    const count = found.filter((place) => place !== undefined).length
    if (count > best.found) best = { left, found: count }
  }
  return (image) => moved(image, best.left)
}

const partsOf = (path: string) => path.split(/[/\\]/).filter((part) => part !== '')

/** The file itself, or the archive that it is in; undefined where neither is there. */
async function placeOf(path: string): Promise<string | undefined> {
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined)
    if (found) return found.isFile() && (at === path || isArchive(at)) ? at : undefined
    if (at === dirname(at)) return undefined
  }
}

/** Where photographs are, of those that are there; each path is looked up once. */
export async function placesOf(paths: Iterable<string>): Promise<Map<string, string>> {
  const places = new Map<string, string>()
  for (const path of new Set(paths)) {
    const place = await placeOf(path)
    if (place !== undefined) places.set(path, place)
  }
  return places
}

/** A face whose photograph is there. */
export interface KeptFace extends Pick<GalleryFace, 'id' | 'face'> {
  image: string
}

/** The photographs of `faces`, whose paths `locate` gives and whose `places` are known; each under the id of the face it is wanted for. */
export async function* imagesOfFaces(
  faces: readonly KeptFace[],
  locate: Locate,
  places: ReadonlyMap<string, string>,
  target: FaceTarget | undefined,
  reading: SourceOptions,
): AsyncGenerator<SourceImage> {
  const wanted = new Map<string, KeptFace[]>()
  for (const face of faces) {
    const path = locate(face.image)
    if (!wanted.has(path)) wanted.set(path, [])
    wanted.get(path)!.push(face)
  }
  const all = [...new Set([...wanted.keys()].map((path) => places.get(path) ?? path))]
  for (let first = 0; first < all.length; first += together) {
    for await (const image of openSource(all.slice(first, first + together), reading)) {
      for (const face of wanted.get(image.path) ?? []) yield await placed(image, face, target)
      wanted.delete(image.path)
    }
  }
}

/** With the place of the face, where one was found in it. */
async function placed(
  image: SourceImage,
  { id, face }: KeptFace,
  target: FaceTarget | undefined,
): Promise<PlacedImage> {
  if (!target || !face) return { ...image, path: id }
  try {
    const size = marginOf(target.template!)
      ? await readImageSize(await readImage(await image.read(), id), target)
      : { width: 0, height: 0 } // Points say it all.
    return { ...image, path: id, placement: placeFace(face, size, { x: 1, y: 1 }, target, target.template!) }
  } catch (error) {
    return { ...image, path: id, read: () => Promise.reject(error) }
  }
}
