// oneDNN as a static library with what we use of it: convolutions and reorders for inference, without threads of its own.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { root } from '../files.mjs'
import { run } from './toolchain.mjs'

const release = '3.7.2'
const suite = 'trixie' // the Debian release that has it
const folder = join(root, 'build/prebuild/onednn')

/** The folder that holds include/ and lib/ of oneDNN, built with a toolchain file where it is not there yet. */
export function oneDnn(name, toolchain) {
  const prefix = join(root, 'build/prebuild', name, `onednn-${release}`)
  if (existsSync(join(prefix, 'lib'))) return prefix
  const build = `${prefix}-build`
  const options = {
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_INSTALL_PREFIX: prefix,
    CMAKE_INSTALL_LIBDIR: 'lib',
    ...(toolchain && { CMAKE_TOOLCHAIN_FILE: toolchain }),
    CMAKE_CXX_VISIBILITY_PRESET: 'hidden',
    CMAKE_POSITION_INDEPENDENT_CODE: 'ON',
    ONEDNN_LIBRARY_TYPE: 'STATIC',
    ONEDNN_CPU_RUNTIME: 'SEQ',
    ONEDNN_ENABLE_WORKLOAD: 'INFERENCE',
    ONEDNN_ENABLE_PRIMITIVE: 'CONVOLUTION;REORDER',
    ONEDNN_ARCH_OPT_FLAGS: '', // oneDNN would tune for the machine it is compiled on
    ONEDNN_BUILD_GRAPH: 'OFF',
    ONEDNN_BUILD_DOC: 'OFF',
    ONEDNN_BUILD_TESTS: 'OFF',
    ONEDNN_BUILD_EXAMPLES: 'OFF',
    ONEDNN_ENABLE_JIT_PROFILING: 'OFF',
    ONEDNN_ENABLE_ITT_TASKS: 'OFF',
  }
  const defines = Object.entries(options).map(([key, value]) => `-D${key}=${value}`)
  run('cmake', ['-S', source(), '-B', build, ...defines])
  run('cmake', ['--build', build, '--parallel', String(availableParallelism())])
  run('cmake', ['--install', build])
  rmSync(build, { recursive: true, force: true })
  return prefix
}

/**
 * Its source: the folder that ONEDNN_SOURCE names, else the source package of Debian, whose signature apt-get checks. Lists
 * of its own leave those of the machine as they are.
 */
function source() {
  if (process.env.ONEDNN_SOURCE) return process.env.ONEDNN_SOURCE
  const target = join(folder, release)
  if (existsSync(target)) return target
  mkdirSync(join(folder, 'lists/partial'), { recursive: true })
  const list = join(folder, 'sources.list')
  writeFileSync(list, `deb-src ${mirror()} ${suite} main\n`)
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(folder, 'lists')}`,
  ]
  const apt = (...args) => run('apt-get', [...options.flatMap((option) => ['-o', option]), '-q', ...args], folder)
  apt('update')
  apt('source', '--download-only', 'onednn')
  const tar = readdirSync(folder).find((file) => file.startsWith(`onednn_${release}`) && file.includes('.orig.tar'))
  if (!tar)
    throw new Error(
      `Debian ${suite} has another oneDNN than ${release}: name a folder of that release in ONEDNN_SOURCE`,
    )
  const unpacked = `${target}.part`
  mkdirSync(unpacked, { recursive: true })
  run('tar', ['xf', tar, '-C', unpacked, '--strip-components=1'], folder)
  renameSync(unpacked, target)
  return target
}

/** The mirror that this machine's apt uses. */
function mirror() {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Origin: Debian'], {
    encoding: 'utf8',
  })
  const found = stdout?.split('\n').find((uri) => uri && !uri.includes('security'))
  if (!found) throw new Error(`Without apt-get, name a folder with the source of oneDNN ${release} in ONEDNN_SOURCE`)
  return found
}
