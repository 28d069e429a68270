/** The images of what is named: by a user, by a row of a list, or by a glob that it matches. */
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { FaceNetError } from '../errors.js'
import { notRegular, readHead, readImageFile } from '../files/read_bounded.js'
import { throwIfAborted } from '../native/check_arguments.js'
import type { Filter } from './filter.js'
import { folderImages, notUtf8, type Walk } from './folder.js'
import type { Match } from './glob.js'
import type { ListRow } from './list_row.js'
import { passedOverFormat } from './passed_over.js'
import type { pointsFinder } from './points.js'
import { type SourceImage, unusable } from './source.js'
import { gzippedTarImages, tarImages } from './tar_archive.js'

export interface NamedWalk extends Walk {
  /** Of files that are named themselves. */
  excluded: Filter
  pointsOf: ReturnType<typeof pointsFinder>
}

/** yauzl is loaded where it is needed: in a bundle of ES modules it cannot be, and the error would be about it and not about the addon. */
async function* zipImages(path: string, walk: Walk): AsyncGenerator<SourceImage> {
  const zip = await import('./zip.js')
  yield* zip.zipImages(path, walk)
}

const archives: readonly (readonly [RegExp, (path: string, walk: Walk) => AsyncGenerator<SourceImage>])[] = [
  [/\.tar$/i, tarImages],
  [/\.(tgz|tar\.gz)$/i, gzippedTarImages],
  [/\.zip$/i, zipImages],
]

const archiveOf = (path: string) => archives.find(([ending]) => ending.test(path))?.[1]

export const isArchive = (path: string): boolean => archiveOf(path) !== undefined

/** Of a file, a folder or an archive. `name` is what globs of what is left out are held against. */
export async function* namedImages(
  path: string,
  stats: Stats,
  walk: NamedWalk,
  name = basename(path),
): AsyncGenerator<SourceImage> {
  const archive = stats.isFile() ? archiveOf(path) : undefined
  const why = stats.isFile() && !archive ? walk.excluded(name) : undefined
  if (why) walk.passOver({ path, ...why })
  else if (stats.isDirectory()) yield* folderImages(path, walk)
  else if (!stats.isFile()) yield unusable(path, notRegular(path, stats))
  else if (archive) yield* toTheEnd(path, archive(path, walk), walk.signal)
  else yield { path, read: () => readImageFile(path, walk.maxImageBytes), points: await walk.pointsOf(path) }
}

/** Of the rows of a list, each with what the list says of it. One that is missing cannot be used, and the others are. */
export async function* listed(rows: AsyncIterable<ListRow>, walk: NamedWalk): AsyncGenerator<SourceImage> {
  for await (const { path, place, metadata, problem } of rows) {
    throwIfAborted(walk.signal)
    if (path === undefined) yield unusable(place, noPath(place, problem ?? 'an empty cell'))
    else if (problem !== undefined) yield unusable(path, notUtf8(path))
    else {
      const stats = await stat(path).catch((cause: Error) => missing(path, place, cause))
      if (stats instanceof FaceNetError) yield unusable(path, stats)
      else for await (const image of namedImages(path, stats, walk)) yield metadata ? { ...image, metadata } : image
    }
  }
}

/** Of the files that match a glob: images and archives. What else there is is passed over, as in a folder. */
export async function* matched(
  matches: AsyncIterable<Match | SourceImage>,
  walk: NamedWalk,
): AsyncGenerator<SourceImage> {
  for await (const match of matches) {
    throwIfAborted(walk.signal)
    if ('read' in match) yield match
    else {
      const { path, inner } = match
      const stats = await stat(path).catch((cause: Error) => missing(path, undefined, cause))
      const why = stats instanceof FaceNetError || !stats.isFile() ? undefined : await notAnImage(path)
      if (stats instanceof FaceNetError) yield unusable(path, stats)
      else if (why) walk.passOver(why)
      else yield* namedImages(path, stats, walk, inner)
    }
  }
}

/** What is no image by its first bytes; a file that cannot be read is found out when it is. */
async function notAnImage(path: string) {
  if (isArchive(path)) return undefined
  return passedOverFormat(path, (length) => readHead(path, length)).catch(() => undefined)
}

/** What is wrong with an archive or a list is told like what is wrong with an image, behind those that could be read. */
export async function* toTheEnd(
  path: string,
  images: AsyncGenerator<SourceImage>,
  signal: AbortSignal | undefined,
): AsyncGenerator<SourceImage> {
  try {
    yield* images
  } catch (error) {
    throwIfAborted(signal)
    if (!(error instanceof FaceNetError) || error.code !== 'ERR_FACENET_IO') throw error
    yield unusable(path, error)
  }
}

function noPath(place: string, received: string): FaceNetError {
  const expected = 'a path'
  const message = `Expected ${expected} for ${place} but received ${received}`
  return new FaceNetError('ERR_FACENET_IO', message, { argument: place, expected, received })
}

function missing(path: string, place: string | undefined, cause: NodeJS.ErrnoException): FaceNetError {
  const details = { argument: path, expected: 'a file, folder or archive', received: cause.code, cause }
  const whence = place === undefined ? '' : `, which ${place} names`
  return new FaceNetError('ERR_FACENET_IO', `Cannot read ${path}${whence}: ${cause.message}`, details)
}
