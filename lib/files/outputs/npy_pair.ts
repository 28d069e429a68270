/**
 * The two files of a `.npy`, rows and paths, get their names one after the other, and a process may be killed in between. The paths that
 * were there before have a second, hidden name until both are in place: it is that of the rows that are still there.
 */
import { createHash } from 'node:crypto'
import { readFile, realpath, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { giveSecondName } from '../pending_file.js'

/** Characters of the file's name that are shown: file systems have room for 255 bytes in all. */
const shown = 40

/** Where the paths of before are, of the file of paths. */
export function nameOfEarlier(paths: string): string {
  const name = basename(paths)
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8)
  return join(dirname(paths), `.${Array.from(name).slice(0, shown).join('')}.${digest}.before`)
}

/**
 * Gives the file of paths its second name; false where there is none. Where a commit was cut off, the second name is that of the rows
 * which are there, and stays.
 */
export async function keepEarlier(paths: string, array: string): Promise<boolean> {
  const earlier = nameOfEarlier(paths)
  if ((await isTied(earlier, array)) && !(await isTied(paths, array))) return true
  await rm(earlier, { force: true })
  return giveSecondName(paths, earlier)
}

/** The paths of before, for readers who find rows that are not of the file of paths. */
export async function readEarlier(paths: string): Promise<Uint8Array | undefined> {
  return readFile(nameOfEarlier(await realpath(paths))).catch(() => undefined)
}

/** Whether the paths say that they are of these rows. */
async function isTied(paths: string, array: string): Promise<boolean> {
  try {
    const { sha256 } = JSON.parse(await readFile(paths, 'utf8')) as { sha256?: unknown }
    const bytes = await readFile(array)
    const rows = bytes.subarray(10 + bytes.readUInt16LE(8))
    return createHash('sha256').update(rows).digest('hex') === sha256
  } catch {
    return false
  }
}
