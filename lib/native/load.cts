/** Finds and loads the addon. CommonJS, since `bindings` requires the file and __dirname is there in every build. */
import bindings = require('bindings')
import fs = require('node:fs')
import path = require('node:path')

import type { NativeAddon } from '../../types/native.js'

/** Where the builds put the addon: CMake first, then node-gyp. */
const places = [
  ['module_root', 'build', 'cmake', 'Release', 'bindings'],
  ['module_root', 'build', 'cmake', 'Debug', 'bindings'],
  ['module_root', 'native', 'build', 'Release', 'bindings'],
  ['module_root', 'native', 'build', 'Debug', 'bindings'],
]

/** The package's root: the nearest folder above with the build file, from lib/native as from dist/esm/native and dist/cjs. */
function packageRoot(): string {
  for (let folder = __dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, 'CMakeLists.txt'))) return folder
  }
  return path.join(__dirname, '..')
}

/**
 * The addon that the environment variable FACENET_ADDON names, a build for debugging for example; else that of the package.
 * Throws what `bindings` throws: an error with `tries` where no file was found, else what the loader said.
 */
function loadAddon(): NativeAddon {
  const named = process.env.FACENET_ADDON
  if (named) return require(path.resolve(named))
  return bindings({ bindings: 'facenet', module_root: packageRoot(), try: places })
}

export = { loadAddon, packageRoot }
