// Makes a clone ready: system packages, npm packages, the addon, the TypeScript. Does only what is not done yet, and
// imports nothing that npm installs, since it runs before that. Everything it says goes to stderr.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { modified, root } from './files.mjs'
import { ensureSystemPackages } from './system.mjs'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 17)) fail(`Node.js 20.17 or newer is needed, this is ${process.version}.`)
if (!ensureSystemPackages()) process.exit(1)

if (modified(join(root, 'node_modules/.package-lock.json')) < modified(join(root, 'package-lock.json'))) {
  console.error('Installing npm packages')
  // `npm ci` wants a lock file that fits package.json; while that is being edited, `npm install` does.
  if (!npm('ci') && !npm('install', '--no-save')) fail('npm could not install the packages.')
}

try {
  const { buildNative, nativeIsStale } = await import('./build-native.mjs')
  if (nativeIsStale()) {
    console.error('Building the addon')
    buildNative()
  }
  const { buildTs, tsIsStale } = await import('./build-ts.mjs')
  if (tsIsStale()) {
    console.error('Building the TypeScript')
    await buildTs()
  }
} catch (error) {
  fail(error.message)
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
