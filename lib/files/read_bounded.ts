/**
 * Files of images and of weights: regular ones only, as a pipe would be waited for without end, and no more bytes than a limit,
 * whatever the file system says of their size. All of these reject with a FaceNetError.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { cannotRead, FaceNetError } from '../errors.js'
import { checkInteger } from '../native/check_arguments.js'

/** The most bytes that an image file may have, unless told: photographs of 200 megapixels take a half of it. */
export const defaultMaxImageBytes = 256 * 2 ** 20
/** Read at a time where a file is longer than it said. */
const chunkBytes = 2 ** 20

/** Node reads less than 2 GiB into one buffer. */
export function checkMaxImageBytes(value: unknown): number {
  return checkInteger(value ?? defaultMaxImageBytes, 'options.maxImageBytes', 1, 2 ** 31 - 2)
}

/** The whole file. */
export function readImageFile(path: string, most = defaultMaxImageBytes): Promise<Uint8Array> {
  return readAtMost(path, most, (size) => tooLarge(path, size, most))
}

/** The whole file; `refuse` says what is thrown of one with more than `most` bytes, which is given the size that was seen. */
export function readAtMost(path: string, most: number, refuse: (size: number) => FaceNetError): Promise<Uint8Array> {
  return withRegular(path, async (file, size) => {
    if (size > most) throw refuse(size)
    const chunks: Uint8Array[] = []
    let have = 0
    // One byte more than the file says it has: the end is seen in the same read.
    for (let length = size + 1; ; length = chunkBytes) {
      const { bytes, ended } = await fill(file, Math.min(length, most + 1 - have))
      chunks.push(bytes)
      have += bytes.length
      if (have > most) throw refuse(have)
      if (ended) return chunks.length === 1 ? bytes : Buffer.concat(chunks)
    }
  })
}

/** The first bytes of a file, at most `length` of them. */
export function readHead(path: string, length: number): Promise<Uint8Array> {
  return withRegular(path, async (file) => (await fill(file, length)).bytes)
}

/** An encoded image above the limit, which is named. */
export function tooLarge(name: string, size: number, most: number): FaceNetError {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toLocaleString('en-US', { maximumFractionDigits: 1 })} MiB`
  const expected = `an image file of at most ${mebibytes(most)}`
  const received = size > most + 1 ? mebibytes(size) : 'a larger one'
  const message = `Expected ${expected} for ${name} but received ${received}; maxImageBytes (--max-file-mib) allows more`
  return new FaceNetError('ERR_FACENET_IMAGE_INVALID', message, { argument: name, expected, received })
}

async function withRegular<T>(path: string, use: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined
  try {
    // To open a pipe without O_NONBLOCK, which Windows has not, would wait for its writer.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    const found = await file.stat()
    if (!found.isFile()) throw notRegular(path, found)
    return await use(file, found.size)
  } catch (cause) {
    throw cannotRead(path, 'a readable file', cause)
  } finally {
    await file?.close().catch(() => {})
  }
}

export interface EntryKind {
  isDirectory(): boolean
  isFIFO(): boolean
  isSocket(): boolean
}

export function notRegular(path: string, found: EntryKind): FaceNetError {
  const received = found.isDirectory()
    ? 'a folder'
    : found.isFIFO()
      ? 'a pipe'
      : found.isSocket()
        ? 'a socket'
        : 'a device'
  const message = `Expected a file for ${path} but received ${received}`
  return new FaceNetError('ERR_FACENET_IO', message, { argument: path, expected: 'a file', received })
}

/** Up to `length` bytes, fewer at the end of the file. */
async function fill(file: FileHandle, length: number): Promise<{ bytes: Uint8Array; ended: boolean }> {
  const buffer = Buffer.allocUnsafe(length)
  let have = 0
  while (have < length) {
    const { bytesRead } = await file.read(buffer, have, length - have, null)
    if (bytesRead === 0) return { bytes: buffer.subarray(0, have), ended: true }
    have += bytesRead
  }
  return { bytes: buffer, ended: false }
}
