/**
 * Writes a file so that its name always stands for a whole one: into a temporary file beside the target, flushed to the
 * disk, renamed over the target, the folder flushed. On any failure the temporary file is removed and the target is as it was.
 */
import { copyFile, type FileHandle, link, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { cannotWrite } from '../errors.js'
import { discard, settled, temporaryBeside } from './temporary.js'

/** Adds bytes to a file that is being written. */
export type WriteChunk = (bytes: Uint8Array) => Promise<void>

/** What becomes of a file that is replaced. */
export interface WriteOptions {
  /** The file that is replaced stays as `<path>.previous`. */
  keepPrevious?: boolean
}

/**
 * Writes a file so that its name always stands for a whole one; on any failure what was there stays.
 *
 * @param path of the file.
 * @param produce writes the contents, piece by piece; what it throws is passed on.
 * @param options whether the file that was there is kept.
 * @throws FaceNetError ERR_FACENET_IO where the disk refuses.
 *
 * @example
 * ```ts
 * await writeAtomically('notes.txt', (write) => write(Buffer.from('whole or not at all')))
 * ```
 */
export async function writeAtomically(
  path: string,
  produce: (write: WriteChunk) => Promise<void>,
  { keepPrevious = false }: WriteOptions = {},
): Promise<void> {
  const folder = dirname(path)
  const temporary = temporaryBeside(path)
  let file: FileHandle | undefined
  try {
    file = await open(temporary, 'wx')
    const handle = file
    await produce((bytes) => writeAll(handle, bytes))
    await handle.sync()
    await handle.close()
    if (keepPrevious) await keepAsPrevious(path)
    await rename(temporary, path)
    settled(temporary)
  } catch (cause) {
    await file?.close().catch(() => {})
    if (file) await discard(temporary)
    else settled(temporary)
    throw cannotWrite(path, 'a file that can be written', cause)
  }
  await syncFolder(folder)
}

/** Gives the file a second name, in one go too; a copy where the file system has no hard links. */
async function keepAsPrevious(path: string): Promise<void> {
  const temporary = temporaryBeside(path)
  try {
    await link(path, temporary).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw error
      return copyFile(path, temporary)
    })
    await rename(temporary, `${path}.previous`)
    settled(temporary)
  } catch (error) {
    await discard(temporary)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  // One write call takes at most 2 GiB on Linux.
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 1 << 30))
    done += bytesWritten
  }
}

/** Makes the rename itself durable. Windows has no such call, and some network file systems refuse it: the file is whole. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}
