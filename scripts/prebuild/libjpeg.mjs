// libjpeg-turbo as a static library, of which we use the decoder. Its vector code for x64 is in assembly, which needs nasm; that
// for Arm is in intrinsics.
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root } from '../files.mjs'
import { debianSource } from './debian_source.mjs'
import { run } from './toolchain.mjs'

const release = '2.1.5'

/** The folder that holds include/ and lib/libjpeg.a, built with a toolchain file where it is not there yet. */
export function libJpeg(name, toolchain) {
  const prefix = join(root, 'build/prebuild', name, `libjpeg-${release}`)
  if (existsSync(join(prefix, 'lib/libjpeg.a'))) return prefix
  const build = `${prefix}-build`
  const options = {
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_INSTALL_PREFIX: prefix, // its default for Windows is no path here
    ...(toolchain && { CMAKE_TOOLCHAIN_FILE: toolchain }),
    CMAKE_C_VISIBILITY_PRESET: 'hidden',
    CMAKE_POLICY_DEFAULT_CMP0063: 'NEW', // else that is for shared libraries only
    CMAKE_POSITION_INDEPENDENT_CODE: 'ON',
    ENABLE_SHARED: 'OFF',
    WITH_TURBOJPEG: 'OFF',
    REQUIRE_SIMD: 'ON',
  }
  const defines = Object.entries(options).map(([key, value]) => `-D${key}=${value}`)
  const source = debianSource('libjpeg-turbo', release, 'LIBJPEG_SOURCE')
  run('cmake', ['-S', source, '-B', build, ...defines])
  // Its programs, which installing it would ask for, would have to be linked for the other platform.
  run('cmake', ['--build', build, '--target', 'jpeg-static', '--parallel', String(availableParallelism())])
  for (const folder of ['include', 'lib']) mkdirSync(join(prefix, folder), { recursive: true })
  for (const header of ['jpeglib.h', 'jmorecfg.h', 'jerror.h']) {
    copyFileSync(join(source, header), join(prefix, 'include', header))
  }
  copyFileSync(join(build, 'jconfig.h'), join(prefix, 'include/jconfig.h'))
  copyFileSync(join(build, 'libjpeg.a'), join(prefix, 'lib/libjpeg.a'))
  rmSync(build, { recursive: true, force: true })
  return prefix
}
