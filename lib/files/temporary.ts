/**
 * Files and folders under temporary names, beside what they are to become. Who makes one removes it; where the process is ended at
 * once, as by a second interrupt, whoever ends it removes all that are left.
 */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const unfinished = new Set<string>()

/** A hidden name beside `path` that nobody else has. */
export function temporaryBeside(path: string): string {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)
  unfinished.add(temporary)
  return temporary
}

/** It has the name it was made for, or was never made. */
export function settled(temporary: string): void {
  unfinished.delete(temporary)
}

export async function discard(temporary: string): Promise<void> {
  await rm(temporary, { recursive: true, force: true }).catch(() => {})
  unfinished.delete(temporary)
}

/** For the end of a process, which waits for nothing. */
export function discardAll(): void {
  for (const temporary of unfinished) {
    try {
      rmSync(temporary, { recursive: true, force: true })
    } catch {}
  }
  unfinished.clear()
}
