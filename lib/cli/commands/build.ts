/**
 * `facenet build`: compiles the addon where the package lies, with CMake or, where that is missing, node-gyp. Both, and the headers they
 * need, are packages that only this command uses: in an installed package they are fetched into the cache.
 */

import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cannotWrite, FaceNetError } from '../../errors.js'
import { makeFolder } from '../../files/make_folder.js'
import { cacheFolder } from '../../models/cache.js'
import loader from '../../native/load.cjs'
import { runNode } from '../common/child.js'
import type { Context } from '../context.js'
import type { BuildOptions } from '../options/files.js'
import { UsageError } from '../usage_error.js'

/** What compiling takes beside what users need: development dependencies, in whose versions it was tested. */
const tools = ['cmake-js', 'node-gyp', 'node-addon-api', 'node-api-headers']

export async function run(context: Context<BuildOptions>): Promise<void> {
  const { cuda, noCuda } = context.options
  if (cuda && noCuda) throw new UsageError('--cuda and --no-cuda exclude each other')
  const root = loader.packageRoot()
  await checkSystem(root, cuda)
  const modules = await findTools(context, root)
  context.say(`Compiling the native addon in ${root}; this takes some minutes.`)
  const asked = cuda ? ['--CDFACENET_CUDA=ON'] : noCuda ? ['--CDFACENET_CUDA=OFF'] : []
  const environment: Record<string, string> = modules === undefined ? {} : { NODE_PATH: modules }
  await runNode([join('scripts', 'build-native.mjs'), ...asked], root, 'stderr', context.signal, environment)
  if (context.json) await context.print(JSON.stringify({ built: true }))
}

interface System {
  missingSystemPackages(): string[]
  installCommand(missing: string[]): string | undefined
  findNvcc(): string | undefined
}

/** Throws where the system lacks what the build needs, and says how to install it. CMake may be missing: node-gyp builds without. */
async function checkSystem(root: string, cuda: boolean): Promise<void> {
  if (process.env.FACENET_SKIP_SYSTEM_CHECK) return
  const system: System = await import(pathToFileURL(join(root, 'scripts', 'system.mjs')).href)
  if (cuda && !system.findNvcc()) {
    throw missing('nvcc, the compiler of CUDA 12 or newer', 'Without CUDA, run: npx facenet-native build --no-cuda')
  }
  const packages = system.missingSystemPackages().filter((name) => cuda || name !== 'cmake')
  if (packages.length === 0) return
  const command = system.installCommand(packages)
  const help = command ? `To install them, run: ${command}` : 'Install a C++20 compiler, make and oneDNN'
  const anyway = 'To build with what is there, run: FACENET_SKIP_SYSTEM_CHECK=1 npx facenet-native build'
  throw missing(packages.join(', '), `${anyway}\n${help}`)
}

function missing(what: string, help: string): FaceNetError {
  return new FaceNetError('ERR_FACENET_IO', `The build needs ${what}, which this system lacks.\n${help}`, {
    argument: 'system',
    expected: what,
    received: 'a system without',
  })
}

/** The folder of modules that holds the tools; undefined where they are found without, as in a clone. */
async function findTools(context: Context<BuildOptions>, root: string): Promise<string | undefined> {
  const require = createRequire(join(root, 'index.js'))
  if (tools.every((name) => isThere(() => require.resolve(`${name}/package.json`)))) return undefined
  const { version, devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const folder = join(cacheFolder() ?? tmpdir(), `build-tools-${version}`)
  const modules = join(folder, 'node_modules')
  if (tools.every((name) => existsSync(join(modules, name, 'package.json')))) return modules
  context.say(`Fetching ${tools.join(', ')} into ${folder}`)
  const dependencies = Object.fromEntries(tools.map((name) => [name, devDependencies[name]]))
  try {
    await makeFolder(folder)
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
  } catch (cause) {
    throw cannotWrite(folder, 'a cache that can be written (FACENET_CACHE names another)', cause)
  }
  await runNode([npmOf(), 'install', '--no-audit', '--no-fund', '--no-package-lock'], folder, 'stderr', context.signal)
  return modules
}

function isThere(find: () => string): boolean {
  try {
    return existsSync(find())
  } catch {
    return false
  }
}

/** The file of npm, which comes with Node: beside it on Windows, in a folder of libraries elsewhere. */
function npmOf(): string {
  const beside = dirname(process.execPath)
  const cli = join('node_modules', 'npm', 'bin', 'npm-cli.js')
  const places = [
    process.env.npm_execpath ?? '',
    join(beside, '..', 'lib', cli),
    join(beside, cli),
    join('/usr/share', cli),
  ]
  const found = places.find((path) => /npm-cli\.c?js$/.test(path) && existsSync(path))
  if (!found) throw missing('npm, which comes with Node.js', 'To install Node.js with npm, run: nvm install 22')
  return found
}
