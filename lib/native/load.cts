/**
 * Finds and loads the addon. CommonJS, since `bindings` requires the file and __dirname is there in every build. Nothing is required
 * before it is used: in a bundle of ES modules there is no `require`, which is to be said in words.
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

/**
 * The addon that the environment variable FACENET_ADDON names, a build for debugging for example; else that of the package.
 * Throws what `bindings` throws: an error with `tries` where no file was found, else what the loader said.
 */
function loadAddon(): NativeAddon {
  const named = process.env.FACENET_ADDON
  if (named) return require((require('node:path') as typeof import('node:path')).resolve(named))
  const root = packageRoot()
  const bindings: typeof import('bindings') = require('bindings')
  return bindings({ bindings: 'facenet', module_root: root, try: places })
}

export = { loadAddon, packageRoot, bundled }
