/** Keeps two runs from writing one file: a file beside it that names the process. One that a killed process left is taken over. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { cannotWrite, invalidArgument } from '../../errors.js'

/**
 * Returns what removes the lock again.
 *
 * @throws FaceNetError ERR_FACENET_INVALID_ARGUMENT where a process that runs has it, on this machine or perhaps on another.
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const lock = `${path}.lock`
  const own = `${process.pid} ${hostname()}`
  try {
    await writeFile(lock, own, { flag: 'wx' })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(lock, 'a writable file', cause)
    await takeOver(lock, own, path)
  }
  return () => rm(lock, { force: true })
}

async function takeOver(lock: string, own: string, path: string): Promise<void> {
  const held = await readFile(lock, 'utf8').catch(() => '')
  const [pid, ...host] = held.split(' ')
  if (isRunning(Number(pid), host.join(' '))) {
    const who = `process ${pid} on ${host.join(' ')}`
    throw invalidArgument(path, 'no other run that writes it', `${who}; if that has ended, remove ${lock}`)
  }
  // By a rename, which of two that come at once only the last has made: the other one sees it.
  const mine = `${lock}.${process.pid}`
  await writeFile(mine, own)
  await rename(mine, lock)
  if ((await readFile(lock, 'utf8').catch(() => '')) !== own) {
    throw invalidArgument(path, 'no other run that writes it', 'one that began at the same time')
  }
}

/** Of another machine nothing is known but that it had the lock. */
function isRunning(pid: number, host: string): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return false
  if (host !== hostname()) return true
  if (pid === process.pid) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
