// oneDNN as a static library with what we use of it: convolutions, forward and backward, and reorders, without threads of its own.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root } from '../files.mjs'
import { debianSource } from './debian_source.mjs'
import { run } from './toolchain.mjs'

const release = '3.7.2'

/** The folder that holds include/ and lib/ of oneDNN, built with a toolchain file where it is not there yet with these options. */
export function oneDnn(name, toolchain) {
  const prefix = join(root, 'build/prebuild', name, `onednn-${release}`)
  const build = `${prefix}-build`
  const options = {
    CMAKE_BUILD_TYPE: 'MinSizeRel', // what computes is machine code that oneDNN writes while it runs
    CMAKE_INSTALL_PREFIX: prefix,
    CMAKE_INSTALL_LIBDIR: 'lib',
    ...(toolchain && { CMAKE_TOOLCHAIN_FILE: toolchain }),
    CMAKE_CXX_VISIBILITY_PRESET: 'hidden',
    CMAKE_POSITION_INDEPENDENT_CODE: 'ON',
    ONEDNN_LIBRARY_TYPE: 'STATIC',
    ONEDNN_CPU_RUNTIME: 'SEQ',
    ONEDNN_ENABLE_WORKLOAD: 'TRAINING',
    ONEDNN_ENABLE_PRIMITIVE: 'CONVOLUTION;REORDER',
    ONEDNN_ARCH_OPT_FLAGS: '', // oneDNN would tune for the machine it is compiled on
    ONEDNN_ENABLE_GEMM_KERNELS_ISA: 'NONE', // what would need them, convolutions of odd shapes, runs widened
    ONEDNN_BUILD_GRAPH: 'OFF',
    ONEDNN_BUILD_DOC: 'OFF',
    ONEDNN_BUILD_TESTS: 'OFF',
    ONEDNN_BUILD_EXAMPLES: 'OFF',
    ONEDNN_ENABLE_JIT_PROFILING: 'OFF',
    ONEDNN_ENABLE_ITT_TASKS: 'OFF',
  }
  const built = join(prefix, 'options.json')
  const wanted = JSON.stringify(options, null, 2)
  if (existsSync(built) && readFileSync(built, 'utf8') === wanted) return prefix
  rmSync(prefix, { recursive: true, force: true })
  // What an interrupted build left: its objects serve, its options would win over these.
  rmSync(join(build, 'CMakeCache.txt'), { force: true })
  const defines = Object.entries(options).map(([key, value]) => `-D${key}=${value}`)
  run('cmake', ['-S', debianSource('onednn', release, 'ONEDNN_SOURCE'), '-B', build, ...defines])
  run('cmake', ['--build', build, '--parallel', String(availableParallelism())])
  run('cmake', ['--install', build])
  writeFileSync(built, wanted)
  rmSync(build, { recursive: true, force: true })
  return prefix
}
