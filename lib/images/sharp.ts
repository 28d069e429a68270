/**
 * sharp, loaded when the first image is decoded: a program that gives pixels works without it, and where npm left its optional packages
 * out (`--omit=optional`), what is said of our own addon comes first.
 */
import type { Sharp, SharpOptions } from 'sharp'
import { FaceNetError } from '../errors.js'
import loader from '../native/load.cjs'

let loaded: ReturnType<typeof loader.loadSharp> | undefined

/** As sharp's own function. Throws ERR_FACENET_ADDON_NOT_FOUND where sharp cannot be loaded. */
export function sharp(...args: SharpArguments): Sharp {
  loaded ??= load()
  return loaded(...args)
}

type SharpArguments = [input: Buffer | Uint8Array | string, options?: SharpOptions]

function load(): ReturnType<typeof loader.loadSharp> {
  try {
    return loader.loadSharp()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    const message = `sharp, which decodes images, cannot be loaded: ${reason}\nTo install it for this platform, run: npm install --include=optional sharp`
    throw new FaceNetError('ERR_FACENET_ADDON_NOT_FOUND', message, { cause })
  }
}
