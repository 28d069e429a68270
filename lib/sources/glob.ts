/** Files by a pattern, as shells have them: `photos/*.jpg`, `shards/{000..127}.tar`. */
import type { Dirent } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import picomatch from 'picomatch'
import { FaceNetError } from '../errors.js'
import { throwIfAborted } from '../native/check_arguments.js'
import { linkToFolder, misread, sortedEntries, type Walk } from './folder.js'
import { type SourceImage, unusable } from './source.js'

/** A pattern's fixed folder, and what is matched below it. */
interface Pattern {
  folder: string
  matches: (inner: string) => boolean
  /** Names that a match may have one behind the other. */
  depth: number
  /** Whether it goes into hidden folders. */
  hidden: boolean
}

/** A file that matches. */
export interface Match {
  path: string
  /** From the pattern's folder on. */
  inner: string
}

/** Undefined for a path that means what it says. */
export function readPattern(path: string): Pattern | undefined {
  const { isGlob, base, glob, negated } = picomatch.scan(path)
  if (!isGlob || negated) return undefined
  const anyDepth = glob.includes('**') || /\{[^}]*\//.test(glob)
  return {
    folder: base,
    matches: picomatch(glob, { expandRange }),
    depth: anyDepth ? Infinity : glob.split('/').length,
    hidden: /(^|\/)\./.test(glob),
  }
}

/** Numbers keep their zeros; letters are a class of characters. */
function expandRange(from: string, to: string): string {
  if (!/^\d{1,9}$/.test(from) || !/^\d{1,9}$/.test(to)) return `[${from}-${to}]`
  const [first, last] = [Math.min(Number(from), Number(to)), Math.max(Number(from), Number(to))]
  const width = /^0\d|^0$/.test(from) ? from.length : 0
  const most = 1_000_000
  const count = Math.min(last - first + 1, most)
  return `(?:${Array.from({ length: count }, (_, i) => String(first + i).padStart(width, '0')).join('|')})`
}

/**
 * The files that match, in the order of their names, folder by folder; or an image that cannot be used, for what cannot be listed.
 * Links to folders are not followed. Names that begin with a dot match where the pattern has the dot.
 */
export async function* globMatches(pattern: Pattern, walk: Walk): AsyncGenerator<Match | SourceImage> {
  yield* below(pattern, '', 1, walk)
}

async function* below(pattern: Pattern, outer: string, depth: number, walk: Walk): AsyncGenerator<Match | SourceImage> {
  const folder = join(pattern.folder, outer)
  const entries = await sortedEntries(folder)
  if (entries instanceof FaceNetError) return void (yield unusable(folder, entries))
  for (const entry of entries) {
    throwIfAborted(walk.signal)
    const path = join(folder, entry.name)
    const inner = outer === '' ? entry.name : `${outer}/${entry.name}`
    if (!entry.isDirectory() && !(await leadsToFolder(entry, path))) {
      if (!pattern.matches(inner)) continue
      const error = await misread(path, entry.name)
      yield error ? unusable(path, error) : { path, inner }
    } else if (depth < pattern.depth) {
      const left = pattern.hidden ? undefined : walk.filter(inner, true)
      if (left) walk.passOver({ path: `${path}/`, ...left })
      else if (entry.isDirectory()) yield* below(pattern, inner, depth + 1, walk)
      else walk.passOver({ path, ...linkToFolder })
    }
  }
}

async function leadsToFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return false
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}
