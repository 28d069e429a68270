/** Model files as callers name them: by path, by URL, or as bytes. */
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { invalidArgument } from '../errors.js'
import { checkAttached } from '../native/check_arguments.js'
import { ownBytes } from '../native/own.js'

/** A file: its path, its `file:` URL, or its bytes. */
export type FileSource = string | URL | Uint8Array | ArrayBuffer

/** A path or a copy of the bytes; undefined where `value` is neither, nor a URL. */
export function fileSource(value: unknown, name: string): string | Uint8Array | undefined {
  if (typeof value === 'string') return value
  if (isUrl(value)) return pathOf(value, name)
  if (types.isUint8Array(value)) {
    checkAttached(value, name)
    return ownBytes(value)
  }
  if (types.isAnyArrayBuffer(value)) return fileSource(new Uint8Array(value), name)
  return undefined
}

/** By what it has: URLs of other realms are no `instanceof` ours. */
export function isUrl(value: unknown): value is URL {
  const url = value as Partial<URL> | null
  return typeof url === 'object' && typeof url?.href === 'string' && typeof url.protocol === 'string'
}

/** The path of a `file:` URL. */
export function pathOf(url: URL, name: string): string {
  if (url.protocol !== 'file:') throw invalidArgument(name, 'a URL that starts with file:', url.href)
  return fileURLToPath(url.href)
}
