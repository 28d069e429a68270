/**
 * Where images come from: files, folders and archives, in a fixed order, none of them read before it is asked for.
 */
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { cannotRead, FaceNetError, invalidArgument } from '../errors.js'
import { isUrl, pathOf } from '../files/file_source.js'
import { checkMaxImageBytes, notRegular, readImageFile } from '../files/read_bounded.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { makeFilter } from './filter.js'
import { folderImages, type Walk } from './folder.js'
import { pointsFinder } from './points.js'
import { type SourceImage, type SourceOptions, unusable } from './source.js'
import { gzippedTarImages, tarImages } from './tar_archive.js'

/** Files, folders and archives by their paths or `file:` URLs: one, or any collection of them. */
export type SourcePaths = string | URL | Iterable<string | URL>

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

/** An archive's or folder's own name: `lfw` of `data/lfw.tar`. */
export const sourceName = (path: string): string => withoutArchiveEnding(basename(path))

/** `data/lfw` of `data/lfw.tar` and of `data/lfw/`. */
export const withoutArchiveEnding = (path: string): string =>
  path.replace(/[/\\]+$/, '').replace(/\.(tar|tgz|tar\.gz|zip)$/i, '')

export const isArchive = (path: string): boolean => archives.some(([ending]) => ending.test(path))

/**
 * Images of the given files, folders (with their subfolders, in the order of their names) and archives (`.tar`, `.tgz`,
 * `.tar.gz`, `.zip`). A file is an image where its first bytes say so; files whose names say that they are images, and files
 * that are given themselves, are taken for images until they are decoded. Five points are taken from a `.tsv` beside: `x.tar`
 * has `x.tsv`, a folder `x` has `x.tsv` or `x/points.tsv`, a file is looked for in the tables of its folder and of the folder
 * above.
 *
 * A folder that cannot be listed, and an archive that is damaged, give an image that cannot be used, with an `error`; the others
 * are given.
 *
 * @param paths one path or several.
 * @param options what is left out, and who hears of it.
 * @throws FaceNetError ERR_FACENET_IO, on the first step, where a path is missing; ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * for await (const { path } of openSource(['photos/', 'shard.tar'])) console.log(path)
 * ```
 */
export async function* openSource(paths: SourcePaths, options: SourceOptions = {}): AsyncGenerator<SourceImage> {
  const list = pathsOf(paths)
  const { exclude, onPassedOver, maxImageBytes, signal } = options
  const walk: Walk = {
    filter: makeFilter(exclude),
    passOver: (entry) => onPassedOver?.(entry),
    maxImageBytes: checkMaxImageBytes(maxImageBytes),
    signal,
  }
  const found = await Promise.all(list.map(async (path) => ({ path, stats: await lookUp(path) })))
  // A file that is named itself is read whatever its name, unless a glob says otherwise.
  const excluded = makeFilter(exclude, false)
  const pointsOf = pointsFinder()
  for (const { path, stats } of found) {
    throwIfAborted(signal)
    const archive = archives.find(([ending]) => ending.test(path))?.[1]
    const why = stats.isFile() && !archive ? excluded(basename(path)) : undefined
    if (why) walk.passOver({ path, ...why })
    else if (stats.isDirectory()) yield* folderImages(path, walk)
    else if (!stats.isFile()) yield unusable(path, notRegular(path, stats))
    else if (archive) yield* toTheEnd(path, archive(path, walk), signal)
    else yield { path, read: () => readImageFile(path, walk.maxImageBytes), points: await pointsOf(path) }
  }
}

/** What is wrong with an archive is told like what is wrong with an image, behind those that could be read. */
async function* toTheEnd(
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

/** @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT */
export function pathsOf(paths: unknown, name = 'source'): string[] {
  const one = pathIfAny(paths, name)
  if (one !== undefined) return [one]
  if (typeof paths !== 'object' || paths === null || !(Symbol.iterator in paths)) {
    throw invalidArgument(name, 'a path, a file: URL, or an array or other iterable of them', paths)
  }
  return Array.from(paths as Iterable<unknown>, (path, i) => {
    const found = pathIfAny(path, name)
    if (found === undefined) throw invalidArgument(`${name}[${i}]`, 'a path or a file: URL', path)
    return found
  })
}

export function pathIfAny(path: unknown, name: string): string | undefined {
  return typeof path === 'string' ? path : isUrl(path) ? pathOf(path, name) : undefined
}

async function lookUp(path: string): Promise<Stats> {
  try {
    return await stat(path)
  } catch (cause) {
    throw cannotRead(path, 'a file, folder or archive', cause)
  }
}
