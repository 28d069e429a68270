/**
 * A file that says which process works on what lies beside it. One that was killed leaves it behind: whoever comes next sees that the
 * process has ended and takes its place. Whether a process of another machine, or of another container, runs cannot be seen from
 * here; each renews its lock, and one that was not renewed for a minute counts as left behind.
 */
import { randomUUID } from 'node:crypto'
import { type FileHandle, link, open, readFile, rename, stat } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { cannotWrite } from '../errors.js'
import { hasEnded, owner, processId } from './owner.js'
import { atExit, discard, settled, temporaryBeside } from './temporary.js'

/** Milliseconds. */
const renewedEvery = 10_000
const leftAfter = 60_000
const triedEvery = 20

export class Lock {
  private readonly renewing: NodeJS.Timeout

  private constructor(
    readonly path: string,
    private readonly text: string,
    private readonly file: FileHandle,
  ) {
    // By a write, which has the time of the machine that the disk is of.
    this.renewing = setInterval(() => void file.write(text, 0).catch(() => {}), renewedEvery).unref()
    atExit(path)
  }

  /**
   * Takes the lock, or rejects with who has it.
   *
   * @throws FaceNetError ERR_FACENET_IO where another process, or another place in this one, has it.
   */
  static async take(path: string): Promise<Lock> {
    const taken = await attempt(path)
    if (typeof taken !== 'string') return Lock.of(path, taken)
    throw cannotWrite(path, 'a lock that nobody has', new Error(`${taken} has it`))
  }

  /** Does `action` while it has the lock, which is waited for: others have it for moments. */
  static async during<T>(path: string, action: () => Promise<T>): Promise<T> {
    for (let waited = 0; ; waited += triedEvery) {
      const taken = await attempt(path)
      if (typeof taken !== 'string') {
        const lock = Lock.of(path, taken)
        return action().finally(() => lock.release())
      }
      if (waited > 2 * leftAfter)
        throw cannotWrite(path, 'a lock that is had for moments', new Error(`${taken} has it`))
      await setTimeout(triedEvery)
    }
  }

  private static of = (path: string, { text, file }: Taken) => new Lock(path, text, file)

  /** Gives it up, where it was not taken for left behind meanwhile. */
  async release(): Promise<void> {
    clearInterval(this.renewing)
    await this.file.close().catch(() => {})
    if ((await contents(this.path)) === this.text) await discard(this.path)
    settled(this.path)
  }
}

interface Taken {
  text: string
  file: FileHandle
}

/** The lock, or in words who has it. */
async function attempt(path: string): Promise<Taken | string> {
  const text = `${owner} ${randomUUID()}\n`
  const temporary = await temporaryBeside(path)
  let file: FileHandle | undefined
  try {
    file = await open(temporary, 'wx')
    await file.write(text)
    for (;;) {
      if (await made(temporary, path)) {
        const taken = { text, file }
        file = undefined
        return taken
      }
      const other = await contents(path)
      if (other === undefined) continue
      const [whose = ''] = other.split(' ')
      if (!(hasEnded(whose) ?? (await isOld(path, temporary)))) return nameOf(whose)
      await putAside(path, other)
    }
  } catch (cause) {
    throw cannotWrite(path, 'a writable file', cause)
  } finally {
    await file?.close().catch(() => {})
    await discard(temporary)
  }
}

const nameOf = (whose: string) =>
  whose === owner
    ? 'this process'
    : hasEnded(whose) === undefined
      ? 'a process of another machine or container'
      : `process ${processId(whose)}`

/** In one go, with its contents: false where there is one already. */
async function made(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Removes the lock with these contents; one that somebody has taken meanwhile is put back. */
async function putAside(path: string, left: string): Promise<void> {
  const aside = await temporaryBeside(path)
  await rename(path, aside).catch(() => {})
  const found = await contents(aside)
  if (found !== undefined && found !== left) await link(aside, path).catch(() => {})
  await discard(aside)
}

async function contents(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

/** Both times are of the machine that the disk is of. */
async function isOld(path: string, beside: string): Promise<boolean> {
  const [left, now] = await Promise.all([stat(path).catch(() => undefined), stat(beside)])
  return left !== undefined && now.mtimeMs - left.mtimeMs > leftAfter
}
