/** A file that is produced piece by piece and appears whole or not at all. */
import { cannotWrite } from '../errors.js'
import { PendingFile, type WriteOptions } from './pending_file.js'

export type { WriteOptions } from './pending_file.js'

/** Adds bytes to a file that is being written. */
export type WriteChunk = (bytes: Uint8Array) => Promise<void>

/**
 * Writes a file so that its name always stands for a whole one; on any failure what was there stays. A symbolic link stays, and
 * the file it leads to is written; a device or a pipe takes the bytes as they come.
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
  options: WriteOptions = {},
): Promise<void> {
  const file = await PendingFile.open(path)
  try {
    await produce((bytes) => file.write(bytes))
    await file.commit(options)
  } catch (cause) {
    await file.abort()
    throw cannotWrite(path, 'a file that can be written', cause)
  }
}
