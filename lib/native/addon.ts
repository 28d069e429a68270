/** The addon, loaded once, and the calls into it. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { NativeAddon } from '../../types/native.js'
import { FaceNetError, type FaceNetErrorCode } from '../errors.js'
import { cudaAdvice, explain } from './diagnose.js'
import type { Located, PlatformPackage, Surroundings } from './facts.js'
import loader from './load.cjs'
import { locate } from './locate.js'
import { cudaDriver, thisPlatform } from './platform.js'

let loaded: { addon: NativeAddon; located: Located } | undefined

/** The addon, loaded at the first call. Throws ERR_FACENET_ADDON_NOT_FOUND where there is none or it cannot be loaded. */
export function native(): NativeAddon {
  loaded ??= load()
  return loaded.addon
}

/** Where the addon that was loaded lies and comes from. Throws as `native` does. */
export function addonLocation(): Located {
  native()
  return loaded!.located
}

/** The one command that brings CUDA, where a driver is there and the addon was built without; else undefined. */
export function howToGetCuda(): string | undefined {
  if (native().info().cuda || loaded!.located.origin === 'FACENET_ADDON') return undefined
  const around = surroundings()
  return around.hasDriver() ? cudaAdvice(loaded!.located, around) : undefined
}

function load(): { addon: NativeAddon; located: Located } {
  const named = process.env.FACENET_ADDON
  const located = named ? ({ file: resolve(named), origin: 'FACENET_ADDON' } as const) : locate(surroundings())
  if ('cause' in located) throw notFound(explain(located.cause))
  try {
    return { addon: loader.loadFile(located.file), located }
  } catch (cause) {
    throw notFound(explain({ kind: 'load', located, said: String((cause as Error).message) }), cause)
  }
}

/** What the rules of loading go by, on this machine. */
export function surroundings(): Surroundings {
  const root = rootOrThrow()
  const { version, engines } = readManifest(join(root, 'package.json'))!
  return {
    platform: thisPlatform(),
    version: version!,
    oldestNode: engines!.node!.replace(/^\D*/, ''),
    // npm never packs the lock file.
    isClone: existsSync(join(root, 'package-lock.json')),
    hasDriver: () => cudaDriver(thisPlatform()) !== undefined,
    built: () => loader.builtIn(root),
    installed: (platform) => readPackage(loader.resolveFrom(root, `@facenet-native/${platform}/package.json`)),
    prebuilt: (platform) => readPackage(join(root, 'packages', platform, 'package.json')),
  }
}

/** Bundled code has no root. */
function rootOrThrow(): string {
  try {
    return loader.packageRoot()
  } catch (cause) {
    throw notFound(`The native addon cannot be loaded: ${(cause as Error).message}`, cause)
  }
}

interface Manifest {
  name: string
  version: string
  glibc?: string
  engines?: { node?: string }
}

function readManifest(file: string): Partial<Manifest> | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function readPackage(file: string | undefined): PlatformPackage | undefined {
  const manifest = file === undefined ? undefined : readManifest(file)
  if (!manifest) return undefined
  const { name = 'a package without a name', version = 'none', glibc = null } = manifest
  return { name, version, glibc, folder: dirname(file!) }
}

function notFound(message: string, cause?: unknown): FaceNetError {
  const details = { argument: 'addon', expected: 'the addon of this version for this machine', cause }
  return new FaceNetError('ERR_FACENET_ADDON_NOT_FOUND', message, { ...details, received: message.split('\n')[0] })
}

/**
 * Calls into the addon and waits. What it throws or rejects with becomes a FaceNetError with the stack of the code
 * that called `nativeCall`'s caller: native errors are made in an event loop turn that has no stack of its own.
 */
export async function nativeCall<T>(call: Promise<T> | (() => T | Promise<T>)): Promise<T> {
  const origin = stackOf(nativeCall)
  try {
    return await (typeof call === 'function' ? call() : call)
  } catch (error) {
    throw toFaceNetError(error, origin)
  }
}

/** The same for functions of the addon that return at once. */
export function nativeCallSync<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw toFaceNetError(error, stackOf(nativeCallSync))
  }
}

type NativeError = Error & { code?: FaceNetErrorCode; argument?: string; expected?: string; received?: string }

function toFaceNetError(error: unknown, origin: string): unknown {
  if (error instanceof FaceNetError || !(error instanceof Error)) return error
  const { code, message, argument, expected, received } = error as NativeError
  if (!code?.startsWith('ERR_FACENET_')) return error
  const result = new FaceNetError(code, message, { argument, expected, received })
  result.stack = `${result.name}: ${message}\n${origin}`
  return result
}

/** The frames above `callee`. */
function stackOf(callee: (...args: never[]) => unknown): string {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, callee)
  return holder.stack?.split('\n').slice(1).join('\n') ?? ''
}
