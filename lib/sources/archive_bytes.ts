/** The bytes of an archive: of a file at any place, of a compressed one from its start to its end. */
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { cannotRead, FaceNetError } from '../errors.js'

/** Headers are fetched through a window of this many bytes: of many small entries, several at a time. */
const windowBytes = 256 * 1024
/** Of a tar archive. */
const block = 512

export interface Bytes {
  /** Of the archive, for errors. */
  readonly path: string
  /** Where it is known. */
  readonly size?: number
  /** Valid until the next read. Rejects with ERR_FACENET_IO where there are fewer bytes. */
  read(position: number, length: number): Promise<Uint8Array>
  /** Whether there is no byte at `position`. */
  endsAt(position: number): Promise<boolean>
  close(): Promise<void>
}

export function damaged(path: string, expected: string, received: string): FaceNetError {
  const message = `Expected ${expected} in ${path} but received ${received}`
  return new FaceNetError('ERR_FACENET_IO', message, { argument: path, expected, received })
}

/** Reads of a file through a window that moves forward. */
export class FileBytes implements Bytes {
  private window: Uint8Array = new Uint8Array(0)
  private start = 0

  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly file: FileHandle,
  ) {}

  static async open(path: string): Promise<FileBytes> {
    const file = await openArchive(path)
    try {
      return new FileBytes(path, (await file.stat()).size, file)
    } catch (cause) {
      await file.close()
      throw cannotRead(path, 'a readable archive', cause)
    }
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const inside = position >= this.start && position + length <= this.start + this.window.length
    if (!inside) {
      this.window = await readAt(this.file, this.path, position, Math.max(length, windowBytes))
      this.start = position
      if (this.window.length < length) throw damaged(this.path, `${length} bytes at ${position}`, 'the end of the file')
    }
    return this.window.subarray(position - this.start, position - this.start + length)
  }

  async endsAt(position: number): Promise<boolean> {
    return position >= this.size
  }

  close(): Promise<void> {
    return this.file.close()
  }
}

/**
 * What a gzip file unpacks to, forwards only: what lies before the last `read` is gone. Unpacking ends where it has become
 * `mostTimes` as long as the file, which photographs never do: a bomb is not unpacked to its end.
 */
export class GzipBytes implements Bytes {
  private waiting: Uint8Array = new Uint8Array(0)
  private start = 0
  private ended = false
  private readonly chunks: AsyncIterator<Buffer>
  private readonly stream: Readable
  private readonly file: Readable

  constructor(
    readonly path: string,
    private readonly most: number,
    signal?: AbortSignal,
  ) {
    const file = createReadStream(path, { signal })
    const gunzip = createGunzip()
    file.on('error', (error) => gunzip.destroy(error))
    this.file = file
    this.stream = file.pipe(gunzip)
    this.chunks = this.stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    await this.reach(position + length, position)
    const from = position - this.start
    if (from + length > this.waiting.length) {
      throw damaged(this.path, `${length} bytes at ${position}`, 'the end of the file')
    }
    return this.waiting.subarray(from, from + length)
  }

  async endsAt(position: number): Promise<boolean> {
    await this.reach(position + 1, position)
    const have = this.start + this.waiting.length
    // What fills up the last block may be missing.
    if (have + block <= position) throw damaged(this.path, `${position} bytes`, `${have}`)
    return position >= have
  }

  /** Unpacks up to `end`, or as far as there is something, and lets go of what lies before `from`. */
  private async reach(end: number, from: number): Promise<void> {
    const parts: Uint8Array[] = []
    let have = this.start + this.waiting.length
    if (have > from) parts.push(this.waiting.subarray(from - this.start))
    while (have < end && !this.ended) {
      const chunk = await this.next()
      if (!chunk) break
      have += chunk.length
      if (have > this.most) throw this.tooMuch()
      if (have > from) parts.push(chunk.subarray(Math.max(0, chunk.length - (have - from))))
    }
    this.waiting = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    this.start = Math.min(from, have)
  }

  private async next(): Promise<Buffer | undefined> {
    try {
      const { value, done } = await this.chunks.next()
      if (!done) return value
      this.ended = true
      return undefined
    } catch (cause) {
      this.ended = true
      if ((cause as NodeJS.ErrnoException).code?.startsWith('Z_')) {
        throw damaged(this.path, 'a complete gzip file', (cause as Error).message)
      }
      throw cannotRead(this.path, 'a readable archive', cause)
    }
  }

  private tooMuch(): FaceNetError {
    return damaged(this.path, `at most ${this.most} bytes once unpacked`, 'more: this is no archive of photographs')
  }

  async close(): Promise<void> {
    this.stream.destroy()
    this.file.destroy()
  }
}

/** Up to `length` bytes of an archive: fewer at the end of the file. */
export async function readRange(path: string, position: number, length: number): Promise<Uint8Array> {
  const file = await openArchive(path)
  try {
    return await readAt(file, path, position, length)
  } finally {
    await file.close()
  }
}

async function openArchive(path: string): Promise<FileHandle> {
  try {
    return await open(path)
  } catch (cause) {
    throw cannotRead(path, 'a readable archive', cause)
  }
}

async function readAt(file: FileHandle, path: string, position: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(length)
  let have = 0
  try {
    while (have < length) {
      const { bytesRead } = await file.read(buffer, have, length - have, position + have)
      if (bytesRead === 0) break
      have += bytesRead
    }
  } catch (cause) {
    throw cannotRead(path, 'a readable archive', cause)
  }
  return buffer.subarray(0, have)
}
