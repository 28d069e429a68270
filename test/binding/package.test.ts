/** The package as users get it: both kinds of module from `dist`, and the files of the tarball. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

test('ES modules and CommonJS export the same, and both load the addon', () => {
  const print = `console.log(JSON.stringify({ names: Object.keys(facenet).sort(), devices: facenet.devices() }))`
  const esm = run('--input-type=module', '--eval', `import * as facenet from 'facenet-native'; ${print}`)
  const cjs = run('--input-type=commonjs', '--eval', `const facenet = require('facenet-native'); ${print}`)
  assert.equal(JSON.parse(esm), JSON.parse(cjs))
  const { names } = JSON.parse(esm)
  for (const name of ['openModel', 'networks', 'devices', 'FaceNetError']) assert.ok(names.includes(name), name)
})

test('the tarball holds what building and running need, and no tests', () => {
  const npm = process.env.npm_execpath
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const options = { cwd: root, encoding: 'utf8', stdio: 'pipe' } as const
  const output = npm ? execFileSync(process.execPath, [npm, ...args], options) : execFileSync('npm', args, options)
  const files: string[] = JSON.parse(output)[0].files.map(({ path }: { path: string }) => path)
  const needed = [
    'CMakeLists.txt',
    'LICENSE',
    'cuda/l2_normalize.cu',
    'dist/cjs/index.js',
    'dist/cjs/training/index.js',
    'dist/cjs/index.d.ts',
    'dist/esm/cli/main.js',
    'dist/esm/index.d.ts',
    'dist/types/native.d.ts',
    'native/binding.gyp',
    'native/binding/addon.cc',
    'scripts/build-native.mjs',
    'scripts/files.mjs',
    'scripts/find-library.mjs',
    'scripts/system.mjs',
  ]
  for (const file of needed) assert.ok(files.includes(file), `${file} is missing`)
  assert.equal(
    files.filter((file) => /^(test|bench|build|native\/build|\.ci)\/|\.node$/.test(file)),
    [],
  )
})

test('nothing is run when the package is installed, and the lock file names no host', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.is(scripts[name], undefined)
  assert.not.match(readFileSync(join(root, 'package-lock.json'), 'utf8'), /"resolved"/)
})

test.run()
