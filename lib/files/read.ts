/** Whole files and small texts. All of these reject with ERR_FACENET_IO where the file system refuses. */
import { readFile, stat } from 'node:fs/promises'
import { cannotRead } from '../errors.js'

export async function readWhole(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw cannotRead(path, 'a readable file', cause)
  }
}

export async function readText(path: string): Promise<string> {
  return Buffer.from(await readWhole(path)).toString('utf8')
}

/** Null where there is no such file. */
export async function readTextIfAny(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw cannotRead(path, 'a readable file', cause)
  }
}

/** False where there is nothing. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
