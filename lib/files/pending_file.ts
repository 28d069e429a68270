/**
 * A file that appears whole or not at all: written under a temporary name beside its target, flushed to the disk and
 * renamed once it is complete. After a failure, or `abort`, the temporary file is gone and the target is as it was.
 */
import { type FileHandle, open, rename } from 'node:fs/promises'
import { cannotWrite } from '../errors.js'
import { discard, settled, temporaryBeside } from './temporary.js'

const writable = 'a writable file'

export class PendingFile {
  private state: 'open' | 'sealed' | 'committed' | 'aborted' = 'open'

  private constructor(
    readonly path: string,
    private readonly temporary: string,
    private readonly file: FileHandle,
  ) {}

  /** @throws FaceNetError ERR_FACENET_IO, as all methods do, where the disk refuses. */
  static async open(path: string): Promise<PendingFile> {
    const temporary = temporaryBeside(path)
    try {
      return new PendingFile(path, temporary, await open(temporary, 'wx'))
    } catch (cause) {
      settled(temporary)
      throw cannotWrite(path, writable, cause)
    }
  }

  /** Appends, or where `position` is given writes there. */
  async write(bytes: Uint8Array, position: number | null = null): Promise<void> {
    await this.attempt('open', async () => {
      for (let done = 0; done < bytes.length; ) {
        // One write call takes at most 2 GiB on Linux, and may take less than it is given.
        const length = Math.min(bytes.length - done, 1 << 30)
        const at = position === null ? null : position + done
        done += (await this.file.write(bytes, done, length, at)).bytesWritten
      }
    })
  }

  /** Flushes the complete file to the disk, still under its temporary name. */
  async seal(): Promise<void> {
    await this.attempt('open', async () => {
      await this.file.sync()
      await this.file.close()
    })
    this.state = 'sealed'
  }

  /** Gives the file its name, sealing it first where that has not been done. */
  async commit(): Promise<void> {
    if (this.state === 'open') await this.seal()
    await this.attempt('sealed', () => rename(this.temporary, this.path))
    this.state = 'committed'
    settled(this.temporary)
  }

  /** Leaves no trace. Does nothing once the file is committed or aborted. */
  async abort(): Promise<void> {
    if (this.state === 'committed' || this.state === 'aborted') return
    this.state = 'aborted'
    await this.file.close().catch(() => {})
    await discard(this.temporary)
  }

  private async attempt(state: 'open' | 'sealed', action: () => Promise<void>): Promise<void> {
    if (this.state !== state) throw cannotWrite(this.path, writable, new Error(`the file is already ${this.state}`))
    try {
      await action()
    } catch (cause) {
      await this.abort()
      throw cannotWrite(this.path, writable, cause)
    }
  }
}
