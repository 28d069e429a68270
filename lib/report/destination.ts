/** Where a report goes: known to be writable before hours of work go into it, and never half written. */
import { randomUUID } from 'node:crypto'
import { open, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { cannotWrite } from '../errors.js'
import { writeAtomically } from '../files/atomic_write.js'

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
  const probe = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)
  try {
    await (await open(probe, 'wx')).close()
  } catch (cause) {
    throw cannotWrite(path, 'a name in a folder that can be written to', cause)
  } finally {
    await rm(probe, { force: true }).catch(() => {})
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
