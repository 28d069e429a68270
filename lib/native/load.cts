/**
 * The part of the loader that has to be CommonJS: it requires the addon's file, and __dirname is there in every build. Which file that
 * is, locate.ts says. Nothing is required before it is used: in a bundle of ES modules there is no `require`, which is to be said in words.
 */
import type { NativeAddon } from '../../types/native.js'

/** Where the builds put the addon: CMake first, then node-gyp. */
const places = [
  ['module_root', 'build', 'cmake', 'Release', 'bindings'],
  ['module_root', 'build', 'cmake', 'Debug', 'bindings'],
  ['module_root', 'native', 'build', 'Release', 'bindings'],
  ['module_root', 'native', 'build', 'Debug', 'bindings'],
]

const bundled =
  'this code was bundled, and a bundle cannot hold the addon. Keep facenet-native and sharp out of the bundle: ' +
  "esbuild --external:facenet-native --external:sharp, webpack externals, Next.js serverExternalPackages: ['facenet-native', 'sharp'], " +
  "Vite ssr.external, Electron's asarUnpack; docs/bundlers.md shows each"

/**
 * The package's root: the nearest folder above that is this package's, from lib/native as from dist/esm/native and dist/cjs.
 * Throws where there is none, as a bundler has taken this file elsewhere.
 */
function packageRoot(): string {
  if (typeof __dirname === 'undefined') throw new Error(bundled)
  const path: typeof import('node:path') = require('node:path')
  for (let folder = __dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (isPackage(path.join(folder, 'package.json'))) return folder
  }
  throw new Error(bundled)
}

function isPackage(file: string): boolean {
  const fs: typeof import('node:fs') = require('node:fs')
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).name === 'facenet-native'
  } catch {
    return false
  }
}

/** The addon that was compiled in `root`; undefined where none was. */
function builtIn(root: string): string | undefined {
  const bindings: (options: object) => string = require('bindings')
  try {
    return bindings({ bindings: 'facenet', module_root: root, try: places, path: true })
  } catch (error) {
    if ((error as { tries?: string[] }).tries) return undefined
    throw error
  }
}

/** A file of another package, as `name/package.json`, found from `root`; undefined where it is not installed. */
function resolveFrom(root: string, request: string): string | undefined {
  try {
    return require.resolve(request, { paths: [root] })
  } catch {
    return undefined
  }
}

/** The C library of a Linux; nulls elsewhere, and where it cannot be told. */
function libc(): { family: string | null; version: string | null } {
  const { familySync, versionSync }: typeof import('detect-libc') = require('detect-libc')
  return { family: familySync(), version: versionSync() }
}

/** Throws what the system's loader says. */
function loadFile(file: string): NativeAddon {
  return require(file)
}

/** Throws what sharp says where it cannot be loaded. */
function loadSharp(): typeof import('sharp') {
  // Under a loader for other languages, Node 20's `require` of an imported module does not read the JSON that sharp asks for.
  const { createRequire }: typeof import('node:module') = require('node:module')
  return createRequire(__filename)('sharp')
}

export = { loadSharp, packageRoot, builtIn, resolveFrom, libc, loadFile, bundled }
