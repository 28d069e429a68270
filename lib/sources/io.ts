import { readFile } from 'node:fs/promises'
import { FaceNetError } from '../errors.js'

/** An ERR_FACENET_IO that names the path and keeps the system's code. */
export function ioError(path: string, expected: string, cause: unknown): FaceNetError {
  const received = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
  return new FaceNetError('ERR_FACENET_IO', `Expected ${expected} at ${path} but received ${received}`, {
    argument: path,
    expected,
    received,
    cause,
  })
}

export async function readWhole(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw ioError(path, 'a readable file', cause)
  }
}

/** Null where there is no such file. */
export async function readTextIfAny(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw ioError(path, 'a readable file', cause)
  }
}
