import type { Dirent } from 'node:fs'
import { lstat, opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { cannotRead, FaceNetError } from '../errors.js'
import { notRegular, readHead, readImageFile } from '../files/read_bounded.js'
import { throwIfAborted } from '../native/check_arguments.js'
import type { Filter } from './filter.js'
import { imageName, type PassedOver, passedOverFormat } from './passed_over.js'
import { keyOfName, type PointsTable, pointTablesOf, readPoints } from './points.js'
import { type SourceImage, unusable } from './source.js'

export interface Walk {
  filter: Filter
  passOver: (entry: PassedOver) => void
  maxImageBytes: number
  signal?: AbortSignal
}

/**
 * Images of a folder and its subfolders, sorted by name, folder by folder. What cannot be read is an image that cannot be used.
 * Links to files are followed, those to folders are not: they may lead in circles, or out of what was asked for.
 */
export async function* folderImages(folder: string, walk: Walk): AsyncGenerator<SourceImage> {
  const points = await readPoints(pointTablesOf(folder))
  yield* walkFolder(folder, '', points, walk)
}

/** `inner`: the path from the source on, with slashes; empty for the source itself. */
async function* walkFolder(
  folder: string,
  inner: string,
  points: PointsTable,
  walk: Walk,
): AsyncGenerator<SourceImage> {
  const entries = await sortedEntries(folder)
  if (entries instanceof FaceNetError) return void (yield unusable(folder, entries))
  for (const entry of entries) {
    throwIfAborted(walk.signal)
    const path = join(folder, entry.name)
    const key = inner === '' ? entry.name : `${inner}/${entry.name}`
    const why = walk.filter(key, entry.isDirectory())
    const error = why ? undefined : await misread(path, entry.name)
    if (why) walk.passOver({ path: entry.isDirectory() ? `${path}/` : path, ...why })
    else if (error) yield unusable(path, error)
    else if (entry.isDirectory()) yield* walkFolder(path, key, points, walk)
    else if (key !== 'points.tsv') yield* fileImage(path, key, entry, points, walk)
  }
}

/** None, or one. */
async function* fileImage(path: string, key: string, entry: Dirent, points: PointsTable, walk: Walk) {
  const found = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry
  if (found?.isDirectory()) {
    walk.passOver({ path, ...linkToFolder })
  } else if (found && !found.isFile()) {
    if (imageName.test(path)) yield unusable(path, notRegular(path, found))
    else walk.passOver({ path, kind: 'special file', reason: notRegular(path, found).message })
  } else {
    const unread = (error: FaceNetError): PassedOver => ({ path, kind: 'unreadable', reason: error.message })
    const why = await passedOverFormat(path, (length) => readHead(path, length)).catch(unread)
    if (why) walk.passOver(why)
    else yield { path, read: () => readImageFile(path, walk.maxImageBytes), points: points.get(keyOfName(key)) }
  }
}

export const linkToFolder = {
  kind: 'link to a folder',
  reason: 'a link to a folder; name the folder itself as a source',
} as const

export async function sortedEntries(folder: string): Promise<Dirent[] | FaceNetError> {
  const entries: Dirent[] = []
  try {
    for await (const entry of await opendir(folder)) entries.push(entry)
  } catch (cause) {
    return cannotRead(folder, 'a readable folder', cause)
  }
  // By code unit: the same order on every machine, whatever its locale.
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Node puts U+FFFD in the place of bytes that are not UTF-8; the name that it gives then names nothing, which is what is returned. */
export async function misread(path: string, name: string): Promise<FaceNetError | undefined> {
  if (!name.includes('\ufffd')) return undefined
  return lstat(path).then(
    () => undefined,
    () => notUtf8(path),
  )
}

export function notUtf8(path: string): FaceNetError {
  const [expected, received] = ['a name in UTF-8', 'other bytes']
  const message = `Expected ${expected} for ${path} but received ${received}; rename it (convmv does so for whole folders)`
  return new FaceNetError('ERR_FACENET_IO', message, { argument: path, expected, received })
}
