// Builds the addon: with cmake-js into build/cmake, or with node-gyp into native/build where CMake is missing.
// Arguments go to cmake-js, e.g. `npm run build:native -- --CDFACENET_CUDA=OFF`. With --debug or --asan it builds, with
// CMake, into a folder of that name an addon that is loaded only where FACENET_ADDON says so. Plain Node, so that
// `facenet build` can run it in an installed package.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isStale, nativeSources, root } from './files.mjs'

const require = createRequire(import.meta.url)
const outputs = {
  cmake: join(root, 'build/cmake/Release/facenet.node'),
  gyp: join(root, 'native/build/Release/facenet.node'),
  debug: join(root, 'build/debug/Debug/facenet.node'),
  asan: join(root, 'build/asan/Debug/facenet.node'),
}
const diagnostic = { debug: ['--debug'], asan: ['--debug', '--CDFACENET_SANITIZE=ON'] }
const hasCMake = () => spawnSync('cmake', ['--version'], { stdio: 'ignore' }).status === 0

/** Whether sources are newer than the addon, or it was built without CUDA and `cuda` asks for it. */
export function nativeIsStale(cuda = false) {
  const output = hasCMake() ? outputs.cmake : outputs.gyp
  return isStale(output, nativeSources) || (cuda && !wasBuiltWithCuda())
}

/** Whether there is an addon, current or not. */
export const nativeIsBuilt = () => existsSync(outputs.cmake) || existsSync(outputs.gyp)

function wasBuiltWithCuda() {
  const cache = join(root, 'build/cmake/CMakeCache.txt')
  return existsSync(cache) && /^FACENET_CUDA:\w+=ON$/m.test(readFileSync(cache, 'utf8'))
}

/** Builds; throws where the build fails. Build output goes to stderr. */
export function buildNative(args = []) {
  const kind = Object.keys(diagnostic).find((name) => args.includes(`--${name}`)) ?? (hasCMake() ? 'cmake' : 'gyp')
  if (kind === 'gyp') buildWithGyp(args)
  else buildWithCMake(`build/${kind}`, [...(diagnostic[kind] ?? []), ...args.filter((arg) => arg !== `--${kind}`)])
  // An incremental build may find nothing to link; the addon is up to date all the same.
  utimesSync(outputs[kind], new Date(), new Date())
  // The loader takes the first it finds: a build of the other kind would be an old one.
  if (kind === 'cmake') rmSync(outputs.gyp, { force: true })
  if (kind === 'gyp') rmSync(outputs.cmake, { force: true })
  return outputs[kind]
}

function buildWithCMake(folder, args) {
  const configure = ['configure', '--out', folder, ...args]
  if (!runBin('cmake-js', configure)) {
    // A folder that another compiler or generator has configured cannot be configured again.
    rmSync(join(root, folder), { recursive: true, force: true })
    must('cmake-js', configure)
  }
  must('cmake-js', ['build', '--out', folder, '--parallel', String(availableParallelism())])
}

function buildWithGyp(args) {
  console.error('CMake is missing: building the CPU backend with node-gyp.')
  // Headers that came with Node spare node-gyp the download.
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include/node/common.gypi')) ? [`--nodedir=${prefix}`] : []
  must('node-gyp', ['rebuild', '--directory', 'native', '--jobs', 'max', ...headers, ...args])
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
