import { opendir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { cannotRead } from '../errors.js'
import { readWhole } from '../files/read.js'
import { type PointsTable, pointTablesOf, readPoints } from './points.js'
import type { SourceImage } from './source.js'

/** By the name alone: what is in the file is found out when it is decoded. */
export const imageName = /\.(jpe?g|png|webp|gif|avif|tiff?)$/i

/**
 * Images of a folder and its subfolders, sorted by name, folder by folder. Hidden files, files that are no images by
 * their name, and links to folders are left out.
 */
export async function* folderImages(folder: string): AsyncGenerator<SourceImage> {
  const points = await readPoints(pointTablesOf(folder))
  yield* walk(folder, folder, points)
}

async function* walk(root: string, folder: string, points: PointsTable): AsyncGenerator<SourceImage> {
  for (const { name, isFolder } of await sortedEntries(folder)) {
    const path = join(folder, name)
    if (isFolder) yield* walk(root, path, points)
    else if (imageName.test(name)) {
      const key = relative(root, path).split(sep).join('/')
      yield { path, read: () => readWhole(path), points: points.get(key) }
    }
  }
}

async function sortedEntries(folder: string) {
  const entries: { name: string; isFolder: boolean }[] = []
  try {
    for await (const entry of await opendir(folder)) {
      if (!entry.name.startsWith('.')) entries.push({ name: entry.name, isFolder: entry.isDirectory() })
    }
  } catch (cause) {
    throw cannotRead(folder, 'a readable folder', cause)
  }
  // By code unit: the same order on every machine, whatever its locale.
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}
