/** Folders with all that lead to them. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes the folder and those that it lies in, where they are not there. `mkdir` of Node with `recursive` tries for ever, and hears no
 * signal, where a file system answers ENOENT although the parent is there, as /proc does.
 *
 * @throws the error of the system, such as EACCES, EROFS or ENOTDIR.
 */
export async function makeFolder(path: string): Promise<void> {
  if (await isMade(path)) return
  const parent = dirname(path)
  if (parent !== path) await makeFolder(parent)
  if (!(await isMade(path))) await mkdir(path)
}

/** Makes it, too, where the folder that it lies in is there. False where that is missing, as ENOENT says. */
async function isMade(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if (await isFolder(path)) return true
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
