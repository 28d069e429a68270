/** Reading a file by its path more than once. */
import { stat } from 'node:fs/promises'
import { cannotRead } from '../errors.js'

const mostReadings = 5

/**
 * Does `read`, which may open the file at `path` as often as it wants: what it resolves to is of one file with one content. Where the
 * file was replaced or written to meanwhile, it is done again, a few times.
 *
 * @param path of the file.
 * @param read what is done with it.
 * @param drop what becomes of a result that may be of two files.
 * @throws FaceNetError ERR_FACENET_IO where the file is written to all the time, or cannot be read.
 */
export async function readUnchanged<T>(
  path: string,
  read: () => Promise<T>,
  drop: (value: T) => void = () => {},
): Promise<T> {
  for (let readings = 0; readings < mostReadings; readings++) {
    const before = await identity(path)
    const value = await read().catch(async (error) => {
      // Half of each of two files may be taken for damage.
      if (before === (await identity(path))) throw error
    })
    if (before === (await identity(path))) return value as T
    if (value !== undefined) drop(value)
  }
  throw cannotRead(
    path,
    'a file that is not written to',
    new Error(`it changed ${mostReadings} times while it was read`),
  )
}

/** Another one for another file, and for other contents: which file it is, its length, and when it was changed last, in ns. */
async function identity(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  // What cannot be looked at fails in a clearer way where it is read.
  return found ? [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ') : 'none'
}
