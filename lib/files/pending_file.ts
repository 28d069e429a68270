/**
 * A file that appears whole or not at all: written under a temporary name beside its target, flushed to the disk and
 * renamed once it is complete. After a failure, or `abort`, the temporary file is gone and the target is as it was.
 * A device or a pipe has nothing to replace: it takes the bytes as they come.
 */
import { copyFile, type FileHandle, link, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { cannotWrite } from '../errors.js'
import { findDestination, type Stream, writeAll } from './destination.js'
import { discard, settled, temporaryBeside } from './temporary.js'

const writable = 'a writable file'

/** What becomes of a file that is replaced. */
export interface WriteOptions {
  /** The file that is replaced stays as `<path>.previous`. */
  keepPrevious?: boolean
}

type Under = { file: FileHandle; temporary: string; target: string } | { stream: Stream; file?: undefined }

export class PendingFile {
  private state: 'open' | 'sealed' | 'committed' | 'aborted' = 'open'

  private constructor(
    readonly path: string,
    private readonly under: Under,
  ) {}

  /** @throws FaceNetError ERR_FACENET_IO, as all methods do, where the disk refuses. */
  static async open(path: string): Promise<PendingFile> {
    const found = await findDestination(path)
    if (found.stream) return new PendingFile(path, { stream: found.stream })
    const temporary = await temporaryBeside(found.path)
    try {
      const file = await open(temporary, 'wx')
      // Who may read the file that is replaced may read the new one, and nobody else.
      if (found.there?.isFile()) await file.chmod(found.there.mode & 0o777).catch(() => {})
      return new PendingFile(path, { file, temporary, target: found.path })
    } catch (cause) {
      settled(temporary)
      throw cannotWrite(path, writable, cause)
    }
  }

  /** The name that the file will have, which links under `path` lead to; undefined for a device or a pipe. */
  get target(): string | undefined {
    return this.under.file && this.under.target
  }

  /** Appends, or where `position` is given writes there, which a device or a pipe cannot. */
  async write(bytes: Uint8Array, position: number | null = null): Promise<void> {
    await this.attempt('open', async () => {
      if (this.under.file) await writeAll(this.under.file, bytes, position)
      else if (position === null) await this.under.stream.write(bytes)
      else throw new Error('it is no file, so what was written cannot be changed')
    })
  }

  /** Flushes the complete file to the disk, still under its temporary name. */
  async seal(): Promise<void> {
    await this.attempt('open', async () => {
      if (!this.under.file) return this.under.stream.close()
      await this.under.file.sync()
      await this.under.file.close()
    })
    this.state = 'sealed'
  }

  /** Gives the file its name, sealing it first where that has not been done. */
  async commit({ keepPrevious = false }: WriteOptions = {}): Promise<void> {
    if (this.state === 'open') await this.seal()
    const { under } = this
    await this.attempt('sealed', async () => {
      if (!under.file) return
      if (keepPrevious) await giveSecondName(under.target, `${under.target}.previous`)
      await rename(under.temporary, under.target)
      settled(under.temporary)
    })
    this.state = 'committed'
    if (under.file) await syncFolder(dirname(under.target))
  }

  /** Leaves no trace. Does nothing once the file is committed or aborted. */
  async abort(): Promise<void> {
    if (this.state === 'committed' || this.state === 'aborted') return
    this.state = 'aborted'
    if (!this.under.file) return void (await this.under.stream.close().catch(() => {}))
    await this.under.file.close().catch(() => {})
    await discard(this.under.temporary)
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

/**
 * Gives the file a second name, in place of what had it: a copy where the file system has no hard links. False where there is no
 * file.
 */
export async function giveSecondName(path: string, name: string): Promise<boolean> {
  const temporary = await temporaryBeside(name)
  try {
    await link(path, temporary).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw error
      return copyFile(path, temporary)
    })
    await rename(temporary, name)
    settled(temporary)
    return true
  } catch (error) {
    await discard(temporary)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  }
}

/** Makes the rename itself durable. Windows has no such call, and some network file systems refuse it: the file is whole. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}
