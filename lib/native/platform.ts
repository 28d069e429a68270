/** What the loader goes by: the machine and what is installed on it, as data, so that each cause of a failure can be tested anywhere. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import loader from './load.cjs'

export interface Platform {
  /** As `process.platform`. */
  os: string
  /** As `process.arch`. */
  cpu: string
  /** On Linux; null elsewhere, and where it cannot be told. */
  libc: 'glibc' | 'musl' | null
  libcVersion: string | null
  /** As `process.versions.node`. */
  node: string
}

let known: Platform | undefined

export function thisPlatform(): Platform {
  if (!known) {
    const { family, version } = loader.libc()
    const { platform: os, arch: cpu, versions } = process
    known = { os, cpu, libc: family as Platform['libc'], libcVersion: version, node: versions.node }
  }
  return known
}

/** The platforms that have a package `@facenet-native/<name>`. */
export const packaged = [
  'linux-x64',
  'linux-x64-musl',
  'linux-x64-cuda',
  'linux-arm64',
  'linux-arm64-musl',
  'darwin-arm64',
  'win32-x64',
] as const

/** `linux-x64`, `linux-x64-musl`; a Linux whose C library is unknown is taken for one with glibc. */
export function platformName({ os, cpu, libc }: Platform): string {
  return `${os}-${cpu}${libc === 'musl' ? '-musl' : ''}`
}

/** `Linux x64 with glibc 2.36`, for people. */
export function describePlatform({ os, cpu, libc, libcVersion }: Platform): string {
  const name = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' }[os] ?? os
  return `${name} ${cpu}${libc ? ` with ${libc} ${libcVersion ?? 'of unknown version'}` : ''}`
}

/** Compares versions as numbers between points: negative where `a` is the older. What follows a hyphen or a plus does not count. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string) => version.split(/[-+]/)[0]!.split('.').map(Number)
  const [left, right] = [parts(a), parts(b)]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Where the system's loader looks that neither LD_LIBRARY_PATH nor its cache names. */
const libraryFolders = ['/lib64', '/usr/lib64', '/lib', '/usr/lib']

interface Look {
  environment: Record<string, string | undefined>
  exists(path: string): boolean
  /** The text of a file, one character a byte; empty where it cannot be read. */
  read(path: string): string
}

const thisMachine: Look = {
  environment: process.env,
  exists: existsSync,
  read(path) {
    try {
      return readFileSync(path, 'latin1')
    } catch {
      return ''
    }
  },
}

/** The file of the CUDA driver, found as the system's loader finds it but not loaded; undefined where there is none. */
export function cudaDriver({ os }: Pick<Platform, 'os'>, look: Look = thisMachine): string | undefined {
  const { environment, exists } = look
  if (os === 'win32') {
    const file = join(environment.SystemRoot ?? 'C:\\Windows', 'System32', 'nvcuda.dll')
    return exists(file) ? file : undefined
  }
  if (os !== 'linux') return undefined
  const named = (environment.LD_LIBRARY_PATH ?? '').split(/[:;]/).filter(Boolean)
  const inFolders = [...named, ...libraryFolders].map((folder) => join(folder, 'libcuda.so.1'))
  // The cache holds paths that end in a zero byte.
  const inCache = look.read('/etc/ld.so.cache').match(/\/[^\0]*\/libcuda\.so\.1(?=\0)/g) ?? []
  return [...inFolders, ...inCache].find(exists)
}
