/** What the loader knows, finds and can fail by, as data. */
import type { Platform } from './platform.js'

/** A package of a platform. */
export interface PlatformPackage {
  /** As `@facenet-native/linux-x64`. */
  name: string
  version: string
  /** The oldest glibc that its addon runs with. */
  glibc: string | null
  folder: string
}

/** What the rules go by. */
export interface Surroundings {
  platform: Platform
  /** The version of this package, and the oldest Node that it runs on. */
  version: string
  oldestNode: string
  /** Whether this package is a clone of its repository rather than installed. */
  isClone: boolean
  /** Whether a CUDA driver is there; asked only where it matters. */
  hasDriver(): boolean
  /** The addon that was compiled in this package's folder. */
  built(): string | undefined
  /** The package of a platform among the installed ones. */
  installed(platform: string): PlatformPackage | undefined
  /** The same in the clone's own folder of packages. */
  prebuilt(platform: string): PlatformPackage | undefined
}

/** Where the addon comes from. */
export interface Located {
  file: string
  /** FACENET_ADDON, a build on this machine, or a package: installed, or made in the clone. */
  origin: 'FACENET_ADDON' | 'built' | 'package' | 'clone'
  package?: PlatformPackage
}

export type Cause =
  /** Node is older than this package runs on. */
  | { kind: 'node'; node: string; oldest: string }
  /** No package is made for this operating system and CPU. */
  | { kind: 'platform'; platform: Platform }
  /** The optional package of this platform is not installed, nor is one of another platform. */
  | { kind: 'omitted'; name: string; version: string }
  /** The package of another platform is installed. */
  | { kind: 'copied'; name: string; others: string[]; platform: Platform }
  /** A clone in which nothing was built. */
  | { kind: 'clone' }
  /** The package has another version than this one. */
  | { kind: 'version'; name: string; theirs: string; ours: string; origin: Located['origin'] }
  | { kind: 'glibc'; name: string; needed: string; here: string }
  /** The system could not load the file. */
  | { kind: 'load'; located: Located; said: string }
