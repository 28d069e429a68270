// Builds the addon: with cmake-js into build/cmake, or with node-gyp into native/build where CMake is missing.
// Arguments go to cmake-js, e.g. `npm run build:native -- --CDFACENET_CUDA=OFF`. Plain Node, so that `facenet build`
// can run it in an installed package.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isStale, root } from './files.mjs'

const require = createRequire(import.meta.url)
const outputs = {
  cmake: join(root, 'build/cmake/Release/facenet.node'),
  gyp: join(root, 'native/build/Release/facenet.node'),
}
const hasCMake = () => spawnSync('cmake', ['--version'], { stdio: 'ignore' }).status === 0

/** Whether sources are newer than the addon. */
export function nativeIsStale() {
  return isStale(hasCMake() ? outputs.cmake : outputs.gyp, ['CMakeLists.txt', 'native', 'cuda'])
}

/** Builds; throws where the build fails. Build output goes to stderr. */
export function buildNative(args = []) {
  const kind = hasCMake() ? 'cmake' : 'gyp'
  if (kind === 'cmake') {
    const configure = ['configure', '--out', 'build/cmake', ...args]
    const jobs = String(availableParallelism())
    if (!runBin('cmake-js', configure)) {
      // A folder that another compiler or generator has configured cannot be configured again.
      rmSync(join(root, 'build/cmake'), { recursive: true, force: true })
      must('cmake-js', configure)
    }
    must('cmake-js', ['build', '--out', 'build/cmake', '--parallel', jobs])
  } else {
    console.error('CMake is missing: building the CPU backend with node-gyp.')
    // Headers that came with Node spare node-gyp the download.
    const prefix = dirname(dirname(process.execPath))
    const headers = existsSync(join(prefix, 'include/node/common.gypi')) ? [`--nodedir=${prefix}`] : []
    must('node-gyp', ['rebuild', '--directory', 'native', '--jobs', 'max', ...headers, ...args])
  }
  // An incremental build may find nothing to link; the addon is up to date all the same.
  utimesSync(outputs[kind], new Date(), new Date())
  // The loader takes the first it finds: a build of the other kind would be an old one.
  rmSync(kind === 'cmake' ? outputs.gyp : outputs.cmake, { force: true })
  return outputs[kind]
}

function runBin(name, args) {
  const manifest = require.resolve(`${name}/package.json`)
  const { bin } = require(manifest)
  const { status, error } = spawnSync(
    process.execPath,
    [join(dirname(manifest), typeof bin === 'string' ? bin : bin[name]), ...args],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  )
  if (error) throw error
  return status === 0
}

function must(name, args) {
  if (!runBin(name, args)) throw new Error(`${name} ${args[0]} failed`)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const output = buildNative(process.argv.slice(2))
    console.error(`Built ${output} (${(statSync(output).size / 1e6).toFixed(1)} MB)`)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
