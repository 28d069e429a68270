/**
 * Where images come from: files, folders and tar archives, in a fixed order, none of them read before it is asked for.
 */
import { stat } from 'node:fs/promises'
import { cannotRead, invalidArgument } from '../errors.js'
import { readWhole } from '../files/read.js'
import { folderImages } from './folder.js'
import { pointsFinder } from './points.js'
import type { SourceImage } from './source.js'
import { tarImages } from './tar.js'

const archive = /\.tar$/i

/**
 * Images of the given files, folders (with their subfolders, in the order of their names) and tar archives. Five points
 * are taken from a `.tsv` beside: `x.tar` has `x.tsv`, a folder `x` has `x.tsv` or `x/points.tsv`, a file is looked for
 * in the tables of its folder and of the folder above.
 *
 * @param paths one path or several.
 * @throws FaceNetError ERR_FACENET_IO, on the first step, where a path is missing or an archive is damaged.
 *
 * @example
 * ```ts
 * for await (const { path } of openSource(['photos/', 'shard.tar'])) console.log(path)
 * ```
 */
export async function* openSource(paths: string | readonly string[]): AsyncGenerator<SourceImage> {
  const list = typeof paths === 'string' ? [paths] : paths
  if (!Array.isArray(list) || !list.every((path) => typeof path === 'string')) {
    throw invalidArgument('source', 'a path or an array of paths', paths)
  }
  const kinds = await Promise.all(list.map(async (path) => ({ path, folder: (await lookUp(path)).isDirectory() })))
  const pointsOf = pointsFinder()
  for (const { path, folder } of kinds) {
    if (folder) yield* folderImages(path)
    else if (archive.test(path)) yield* tarImages(path)
    else yield { path, read: () => readWhole(path), points: await pointsOf(path) }
  }
}

async function lookUp(path: string) {
  try {
    return await stat(path)
  } catch (cause) {
    throw cannotRead(path, 'a file, folder or tar archive', cause)
  }
}
