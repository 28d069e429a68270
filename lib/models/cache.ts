/** Where what is imported or fetched once is kept for the next time. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * `FACENET_CACHE`; else `facenet-native` in the folder that the system has for caches: `XDG_CACHE_HOME`, on Windows `LOCALAPPDATA`, else
 * `.cache` of the home. Undefined where the user has no home, as under a number that no list of users knows.
 */
export function cacheFolder(
  environment: Record<string, string | undefined> = process.env,
  os: string = process.platform,
  home: () => string = homedir,
): string | undefined {
  if (environment.FACENET_CACHE) return environment.FACENET_CACHE
  const named = (os === 'win32' && environment.LOCALAPPDATA) || environment.XDG_CACHE_HOME
  try {
    return join(named || join(home(), '.cache'), 'facenet-native')
  } catch {
    return undefined
  }
}

/** Of another user's cache no more may be known than that it is there. */
export const isReadable = (path: string) =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
