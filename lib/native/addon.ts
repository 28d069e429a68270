import type { NativeAddon } from '../../types/native.js'
import { FaceNetError, type FaceNetErrorCode } from '../errors.js'
import loader from './load.cjs'

let addon: NativeAddon | undefined

/** The addon, loaded at the first call. Throws ERR_FACENET_ADDON_NOT_FOUND where it was not built or cannot be loaded. */
export function native(): NativeAddon {
  if (!addon) {
    addon = load()
    if (addon.info().onednn === null) {
      process.emitWarning(
        "This build has no oneDNN: device 'cpu' runs on the slow reference backend. " +
          'Install oneDNN (Debian: libdnnl-dev) and run `npx facenet-native build`.',
        { type: 'FaceNetWarning', code: 'FACENET_NO_ONEDNN' },
      )
    }
  }
  return addon
}

function load(): NativeAddon {
  try {
    return loader.loadAddon()
  } catch (cause) {
    const { message, tries } = cause as Error & { tries?: string[] }
    const what = tries
      ? `The native addon is not built. Looked for it at\n${tries.join('\n')}`
      : `The native addon cannot be loaded: ${message}`
    const advice = message === loader.bundled ? '' : '\nTo build it, run: npx facenet-native build'
    throw new FaceNetError('ERR_FACENET_ADDON_NOT_FOUND', `${what}${advice}`, { cause })
  }
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
