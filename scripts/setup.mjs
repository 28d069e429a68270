// Makes a clone ready: system packages, npm packages, the addon, the TypeScript. Does only what is not done yet, and
// imports nothing that npm installs, since it runs before that. Everything it says goes to stderr.
//   --run       what running a program needs: an addon that was built elsewhere will do, else one without CUDA is compiled;
//               the TypeScript stays as it is
//   --cuda      compile the CUDA kernels; --no-cuda: do not. Without either, and without --run, they are where nvcc is.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { modified, root } from './files.mjs'
import { ensureSystemPackages, findNvcc } from './system.mjs'

const asked = new Set(process.argv.slice(2))
const toRun = asked.has('--run')
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 17)) fail(`Node.js 20.17 or newer is needed, this is ${process.version}.`)

if (modified(join(root, 'node_modules/.package-lock.json')) < modified(join(root, 'package-lock.json'))) {
  console.error('Installing npm packages')
  // `npm ci` wants a lock file that fits package.json; while that is being edited, `npm install` does.
  if (!npm('ci') && !npm('install', '--no-save')) fail('npm could not install the packages.')
}

try {
  await ensureAddon()
  if (!toRun) await ensureTypeScript()
} catch (error) {
  fail(error.message)
}

async function ensureAddon() {
  const { buildNative, nativeIsBuilt, nativeIsStale } = await import('./build-native.mjs')
  const { hasPrebuilt } = await import('./prebuilt.mjs')
  const cuda = asked.has('--cuda') || (!asked.has('--no-cuda') && !toRun && findNvcc() !== undefined)
  if (asked.has('--cuda') && !findNvcc()) fail('nvcc is missing, which compiles CUDA (Debian: nvidia-cuda-toolkit).')
  if (!nativeIsStale(cuda)) return
  // The loader prefers what was compiled here, so one of older sources has to be compiled anew.
  if (toRun && !cuda && !nativeIsBuilt() && hasPrebuilt()) return
  if (!ensureSystemPackages()) process.exit(1)
  console.error(`Building the addon ${cuda ? 'with' : 'without'} CUDA`)
  buildNative([`--CDFACENET_CUDA=${cuda ? 'ON' : 'OFF'}`])
}

async function ensureTypeScript() {
  const { buildTs, tsIsStale } = await import('./build-ts.mjs')
  if (!tsIsStale()) return
  console.error('Building the TypeScript')
  await buildTs()
}

function npm(...args) {
  const own = process.env.npm_execpath
  const [command, first] = own ? [process.execPath, [own]] : ['npm', []]
  const options = { cwd: root, stdio: ['ignore', 2, 2] }
  return spawnSync(command, [...first, ...args, '--no-audit', '--no-fund'], options).status === 0
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
