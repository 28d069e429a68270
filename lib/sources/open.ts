/**
 * Where images come from: files, folders and archives, in a fixed order, none of them read before it is asked for.
 */
import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { cannotRead, FaceNetError, invalidArgument } from '../errors.js'
import { isUrl, pathOf } from '../files/file_source.js'
import { checkMaxImageBytes } from '../files/read_bounded.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { makeFilter } from './filter.js'
import { globMatches, type Match, readPattern } from './glob.js'
import { isList, listRows } from './list.js'
import { listedLines } from './list_lines.js'
import type { ListRow } from './list_row.js'
import { listed, matched, type NamedWalk, namedImages, toTheEnd } from './named.js'
import { pointsFinder } from './points.js'
import type { SourceImage, SourceOptions } from './source.js'

/** Files, folders, archives, lists and globs by their paths or `file:` URLs: one, or any collection of them. */
export type SourcePaths = string | URL | Iterable<string | URL>

/** An archive's or folder's own name: `lfw` of `data/lfw.tar`. */
export const sourceName = (path: string): string => withoutArchiveEnding(basename(path))

/** `data/lfw` of `data/lfw.tar` and of `data/lfw/`. */
export const withoutArchiveEnding = (path: string): string =>
  path.replace(/[/\\]+$/, '').replace(/\.(tar|tgz|tar\.gz|zip)$/i, '')

export { isArchive } from './named.js'

/**
 * Images of the given files, folders (with their subfolders, in the order of their names), archives (`.tar`, `.tgz`, `.tar.gz`,
 * `.zip`), globs (`photos/*.jpg`, `shards/{000..127}.tar`: the files that match) and lists of all of these (`.txt`: a path a line;
 * `.csv`, `.tsv`, `.parquet`: a column of paths, the others being the images' `metadata`; paths are from the list's folder on). A
 * file is an image where its first bytes say so; files whose names say that they are images, and files that are given themselves,
 * are taken for images until they are decoded. Five points are taken from a `.tsv` beside: `x.tar` has `x.tsv`, a folder `x` has
 * `x.tsv` or `x/points.tsv`, a file is looked for in the tables of its folder and of the folder above.
 *
 * A folder that cannot be listed, an archive or a list that is damaged, and a path of a list that is missing, give an image that
 * cannot be used, with an `error`; the others are given.
 *
 * @param paths one path or several.
 * @param options what is left out, and who hears of it.
 * @throws FaceNetError ERR_FACENET_IO, on the first step, where a path is missing or no file matches a glob;
 *   ERR_FACENET_INVALID_ARGUMENT where a table has no column of paths; ERR_FACENET_ABORTED.
 *
 * @example
 * ```ts
 * for await (const { path } of openSource(['photos/', 'shard.tar', 'more.csv'])) console.log(path)
 * ```
 */
export async function* openSource(paths: SourcePaths, options: SourceOptions = {}): AsyncGenerator<SourceImage> {
  const list = pathsOf(paths)
  const { exclude, onPassedOver, maxImageBytes, pathColumn, stdin, signal } = options
  const walk: NamedWalk = {
    filter: makeFilter(exclude),
    // A file that is named itself is read whatever its name, unless a glob says otherwise.
    excluded: makeFilter(exclude, false),
    passOver: (entry) => onPassedOver?.(entry),
    maxImageBytes: checkMaxImageBytes(maxImageBytes),
    pointsOf: pointsFinder(),
    signal,
  }
  const found = await Promise.all(list.map((path) => lookUp(path, walk, stdin)))
  for (const each of found) {
    throwIfAborted(signal)
    if (each.lines) yield* listed(each.lines, walk)
    else if (each.matches) yield* matched(each.matches, walk)
    else if (each.stats.isFile() && isList(each.path)) {
      yield* toTheEnd(each.path, listed(listRows(each.path, pathColumn), walk), signal)
    } else yield* namedImages(each.path, each.stats, walk)
  }
}

type Found =
  | { path: string; stats: Stats; lines?: undefined; matches?: undefined }
  | { lines: AsyncIterable<ListRow>; matches?: undefined }
  | { matches: AsyncIterable<Match | SourceImage>; lines?: undefined }

/** What is there under the name; before anything is read, so that a wrong one is said at once. */
async function lookUp(path: string, walk: NamedWalk, stdin: SourceOptions['stdin']): Promise<Found> {
  if (path === '-' && stdin) return { lines: listedLines(stdin, 'standard input') }
  try {
    return { path, stats: await stat(path) }
  } catch (cause) {
    const pattern = readPattern(path)
    if (!pattern) throw cannotRead(path, 'a file, folder or archive', cause)
    return { matches: await atLeastOne(globMatches(pattern, walk), path) }
  }
}

/** The same matches, of which the first has been looked for. */
async function atLeastOne<T>(matches: AsyncGenerator<T>, path: string): Promise<AsyncIterable<T>> {
  const first = await matches.next()
  if (first.done) {
    const [expected, received] = ['a file, folder or archive, or a pattern that files match', 'one that none matches']
    const message = `Expected ${expected} for ${path} but received ${received}`
    throw new FaceNetError('ERR_FACENET_IO', message, { argument: path, expected, received })
  }
  return (async function* () {
    yield first.value
    yield* matches
  })()
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
