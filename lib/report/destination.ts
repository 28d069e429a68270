/** Where a report goes: known to be writable before hours of work go into it, and never half written. */
import { open, stat } from 'node:fs/promises'
import { cannotWrite } from '../errors.js'
import { writeAtomically } from '../files/atomic_write.js'
import { followLinks } from '../files/destination.js'
import { discard, temporaryBeside } from '../files/temporary.js'

/**
 * Rejects where a file could not be put at `path`: it is a folder, or its folder is missing or lets nothing be written.
 *
 * @param path where the report will go.
 * @throws FaceNetError ERR_FACENET_IO
 *
 * @example
 * ```ts
 * await checkDestination('report.html') // before hours of work
 * ```
 */
export async function checkDestination(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) throw cannotWrite(path, 'a file', new Error('it is a folder'))
  if (there && !there.isFile()) return
  const probe = await temporaryBeside(await followLinks(path))
  try {
    await (await open(probe, 'wx')).close()
  } catch (cause) {
    throw cannotWrite(path, 'a name in a folder that can be written to', cause)
  } finally {
    await discard(probe)
  }
}

/**
 * Writes a page. The file appears whole or not at all.
 *
 * @param path of the file.
 * @param page its text.
 * @throws FaceNetError ERR_FACENET_IO where the disk refuses.
 *
 * @example
 * ```ts
 * await writePage('report.html', '<!doctype html><title>Report</title>')
 * ```
 */
export function writePage(path: string, page: string): Promise<void> {
  return writeAtomically(path, (write) => write(Buffer.from(page)))
}
