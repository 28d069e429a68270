/** Bytes that are put aside to be read in any order: in a temporary file without a name. */
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cannotRead, cannotWrite } from '../errors.js'
import type { Bytes } from './archive_bytes.js'

/** Copied at a time. */
const piece = 2 ** 20

/** Frees the disk once nothing can be read from a spool any more. */
const forgotten = new FinalizationRegistry<FileHandle>((file) => void file.close().catch(() => {}))

export class Spool {
  private file: FileHandle | undefined
  private end = 0

  /** `path`: what the bytes are of, for errors. */
  constructor(private readonly path: string) {}

  /** Copies `size` bytes; resolves to what reads them again. */
  async add(from: Bytes, position: number, size: number): Promise<() => Promise<Uint8Array>> {
    const file = await this.open()
    const start = this.end
    for (let done = 0; done < size; ) {
      const bytes = await from.read(position + done, Math.min(piece, size - done))
      // A write may take less than it is given.
      const { bytesWritten } = await this.attempt(() => file.write(bytes, 0, bytes.length, start + done))
      done += bytesWritten
    }
    this.end = start + size
    return () => this.read(start, size)
  }

  private async read(start: number, size: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(size)
    for (let have = 0; have < size; ) {
      const { bytesRead } = await this.file!.read(buffer, have, size - have, start + have).catch((cause) => {
        throw cannotRead(this.path, 'a readable archive', cause)
      })
      if (bytesRead === 0) throw cannotRead(this.path, 'a readable archive', new Error('its temporary file ends early'))
      have += bytesRead
    }
    return buffer
  }

  private async open(): Promise<FileHandle> {
    if (this.file) return this.file
    const path = join(tmpdir(), `facenet-${randomUUID()}.tmp`)
    const file = await this.attempt(() => open(path, 'wx+', 0o600))
    await rm(path, { force: true }).catch(() => {})
    forgotten.register(this, file)
    this.file = file
    return file
  }

  private async attempt<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (cause) {
      throw cannotWrite(`${tmpdir()} (where ${this.path} is unpacked)`, 'room for its images', cause)
    }
  }
}
