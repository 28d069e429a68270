/**
 * Writes a file so that its name always stands for a whole one: into a temporary file beside the target, flushed to the
 * disk, renamed over the target, the folder flushed. On any failure the temporary file is removed and the target is as it was.
 */
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FaceNetError } from '../errors.js'

export type WriteChunk = (bytes: Uint8Array) => Promise<void>

/** Rejects with ERR_FACENET_IO where the disk refuses; what `produce` throws is passed on. */
export async function writeAtomically(path: string, produce: (write: WriteChunk) => Promise<void>): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`)
  let file: FileHandle | undefined
  try {
    file = await open(temporary, 'wx')
    const handle = file
    await produce((bytes) => writeAll(handle, bytes))
    await handle.sync()
    await handle.close()
    await rename(temporary, path)
  } catch (cause) {
    await file?.close().catch(() => {})
    if (file) await rm(temporary, { force: true }).catch(() => {})
    throw cause instanceof FaceNetError ? cause : cannotWrite(path, cause)
  }
  await syncFolder(folder)
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  // One write call takes at most 2 GiB on Linux.
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 1 << 30))
    done += bytesWritten
  }
}

function cannotWrite(path: string, cause: unknown): FaceNetError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new FaceNetError('ERR_FACENET_IO', `Cannot write ${path}: ${reason}`, { argument: path, cause })
}

/** Makes the rename itself durable. Windows has no such call, and some network file systems refuse it: the file is whole. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}
