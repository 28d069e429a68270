/** Which entries of a folder or an archive are looked at, by their names. */
import picomatch from 'picomatch'
import { invalidArgument } from '../errors.js'
import type { PassedOver } from './passed_over.js'

/** Folders in which systems and servers keep copies and thumbnails of what lies beside them. */
const shadows = new Set(['@eaDir', '__MACOSX', '#recycle', '$RECYCLE.BIN'])

/** Why the entry at `path` is left out, without its path; undefined where it is looked at. */
export type Filter = (path: string, isFolder?: boolean) => Omit<PassedOver, 'path'> | undefined

/**
 * `path`s are those from the source on, with slashes; their folders have been asked about before. Without `hideHidden` the globs
 * alone decide.
 */
export function makeFilter(exclude: readonly string[] = [], hideHidden = true): Filter {
  if (!Array.isArray(exclude)) throw invalidArgument('exclude', 'an array of globs', exclude)
  const matches = exclude.map(matcher)
  return (path, isFolder = false) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (hideHidden && shadows.has(name)) {
      return { kind: folderKind(name, isFolder), reason: 'copies that a system or server keeps' }
    }
    if (hideHidden && name.startsWith('.')) {
      return isFolder
        ? { kind: folderKind(name, true), reason: 'hidden; name the folder itself to read it' }
        : { kind: 'hidden', reason: 'hidden' }
    }
    if (matches.some((match) => match(path, name))) {
      return { kind: folderKind('excluded', isFolder), reason: 'excluded by name' }
    }
    return undefined
  }
}

/** Folders of an archive are seen by what is in them: the first folder of a path that is left out stands for all of it. */
export function archiveFilter(
  filter: Filter,
): (name: string) => { path: string; why: Omit<PassedOver, 'path'> } | undefined {
  return (name) => {
    for (let end = name.indexOf('/'); end >= 0; end = name.indexOf('/', end + 1)) {
      const folder = name.slice(0, end)
      // `./` at the start of every name is how many archives are made.
      const why = folder === '.' || folder === '' ? undefined : filter(folder, true)
      if (why) return { path: `${folder}/`, why }
    }
    const why = filter(name)
    return why && { path: name, why }
  }
}

const folderKind = (name: string, isFolder: boolean) => (isFolder ? `${name}/` : name)

function matcher(glob: unknown): (path: string, name: string) => boolean {
  if (typeof glob !== 'string' || glob === '') throw invalidArgument('exclude', 'globs, as *.png or 2019/**', glob)
  const pattern = glob.replace(/^\.?\//, '').replace(/\/$/, '')
  const match = picomatch(pattern, { dot: true })
  return pattern.includes('/') ? (path) => match(path.replace(/^\.\//, '')) : (_, name) => match(name)
}
