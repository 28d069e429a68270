// Compiles the addon for one target.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from '../files.mjs'
import { libJpeg } from './libjpeg.mjs'
import { oneDnn } from './onednn.mjs'
import { run, toolchainFile, zig } from './toolchain.mjs'

const require = createRequire(import.meta.url)
const headers = [dirname(require.resolve('node-addon-api/package.json')), require('node-api-headers').include_dir]

/** Builds build/prebuild/<name>/facenet.node and returns its path. */
export function buildAddon(target) {
  const out = join(root, 'build/prebuild', target.name)
  const build = join(out, 'addon')
  mkdirSync(out, { recursive: true })
  const toolchain = target.cuda ? undefined : toolchainFile(target)
  const jpeg = libJpeg(target.name, toolchain)
  const dnnl = target.onednn && oneDnn(target.name, toolchain)
  const options = {
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_JS_INC: headers.join(';'),
    FACENET_CUDA: target.cuda ? 'ON' : 'OFF',
    ...(target.cuda && { CMAKE_CUDA_ARCHITECTURES: target.cuda.join(';') }),
    FACENET_ONEDNN: dnnl ? 'ON' : 'OFF',
    FACENET_ONEDNN_OPENMP: 'OFF',
    FACENET_JPEG: 'ON',
    JPEG_INCLUDE: join(jpeg, 'include'),
    JPEG_LIBRARY: join(jpeg, 'lib/libjpeg.a'),
    CMAKE_SHARED_LINKER_FLAGS: linkerFlags(target),
    ...(toolchain && { CMAKE_TOOLCHAIN_FILE: toolchain }),
    ...(dnnl && { DNNL_INCLUDE: join(dnnl, 'include'), DNNL_LIBRARY: join(dnnl, 'lib/libdnnl.a') }),
    ...(target.os === 'win32' && { CMAKE_JS_LIB: nodeLibrary(out) }),
  }
  const defines = Object.entries(options).map(([key, value]) => `-D${key}=${value}`)
  rmSync(join(build, 'CMakeCache.txt'), { force: true })
  run('cmake', ['-S', root, '-B', build, ...defines])
  run('cmake', ['--build', build, '--parallel', String(availableParallelism())])
  const addon = join(out, 'facenet.node')
  copyFileSync(join(build, 'facenet.node'), addon)
  return addon
}

/** -s leaves the names of symbols out. GCC's libraries go in; Zig's always do. */
function linkerFlags(target) {
  if (target.cuda) return '-s -static-libstdc++ -static-libgcc'
  // Node-API's functions are found in the process that loads the addon.
  if (target.os === 'darwin') return '-s -Wl,-undefined,dynamic_lookup'
  return '-s'
}

/** Windows wants to know at link time that Node-API's functions are in node.exe. */
function nodeLibrary(out) {
  const library = join(out, 'node.lib')
  const definition = join(dirname(headers[1]), 'def/node_api.def')
  run(zig(), ['dlltool', '-m', 'i386:x86-64', '-d', definition, '-l', library])
  return library
}
