/**
 * Files and folders under temporary names, beside what they are to become. Who makes one removes it; where the process is ended at
 * once, as by a second interrupt, whoever ends it removes all that are left. Those of a process that was killed are removed by the
 * next one that writes to the folder: the name says whose they are.
 *
 *     .<name>.<owner>.<8 hex digits>.tmp
 */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { hasEnded, owner } from './owner.js'

const unfinished = new Set<string>()
const swept = new Set<string>()
const ours = /^\..*\.([0-9a-f-]+)\.[0-9a-f]{8}\.tmp$/s
/** Characters of the target's name: file systems have room for 255 bytes in all. */
const shown = 40

/** A hidden name beside `path` that nobody else has. */
export async function temporaryBeside(path: string): Promise<string> {
  await sweep(dirname(path))
  const name = Array.from(basename(path)).slice(0, shown).join('')
  const temporary = join(dirname(path), `.${name}.${owner}.${randomUUID().slice(0, 8)}.tmp`)
  unfinished.add(temporary)
  return temporary
}

/** Has this file removed too, where the process is ended at once. */
export function atExit(path: string): void {
  unfinished.add(path)
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

/** Removes what processes left that have ended, once for each folder. A folder that cannot be read says so when it is written to. */
async function sweep(folder: string): Promise<void> {
  if (swept.has(folder)) return
  swept.add(folder)
  for (const name of await readdir(folder).catch(() => [])) {
    const whose = ours.exec(name)?.[1]
    if (whose !== undefined && hasEnded(whose)) await discard(join(folder, name))
  }
}
